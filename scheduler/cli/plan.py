"""`scheduler plan`: what is due in a span, in counts; or one member's year. Sends and writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Annotated

import typer

from scheduler.cli.common import ConfigOption, accepted, counted, find_member, out, read_configuration, span
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.cycles import Duty
from scheduler.model.members import Member, Standing
from scheduler.model.moments import FOLLOW_UP_USEFUL, Since
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.plan import Group, Slot, find_slots, group_members
from scheduler.model.programme import Window, only, summaries_late

_YEAR = timedelta(days=365)
#: Whether there is anything to change or cancel is known only from what was told.
_UNKNOWN_BEFORE = frozenset({Kind.CHANGED, Kind.CANCELLED})


@dataclass(frozen=True)
class Plan:
    """What would go out in a window if the configuration came into force at its beginning."""

    configuration: Configuration
    window: Window
    slots: Sequence[Slot]


def plan(
    first: Annotated[
        str | None, typer.Option("--from", help="First day, at midnight in Hamburg (default: today).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="The day after the last one (default: a year later).")
    ] = None,
    series: Annotated[list[str] | None, typer.Option(help="Only this series; may be repeated.")] = None,
    cycle: Annotated[list[str] | None, typer.Option(help="Only this report cycle; may be repeated.")] = None,
    member: Annotated[str | None, typer.Option(help="All that this member gets, in its own time.")] = None,
    config: ConfigOption = None,
) -> None:
    """Show what is due: per day how many mails of which kind, or everything that one member gets."""
    configuration = only(accepted(read_configuration(config)), [*(series or []), *(cycle or [])])
    zone = configuration.network.zone
    begin = first or times.local_date(datetime.now(UTC), zone).isoformat()
    start, end = span(begin, last or _a_year_after(begin), zone)
    groups = group_members(configuration)
    if member:
        chosen = find_member(configuration, member)
        groups = tuple(Group((m,)) for m in configuration.members if m.slug == chosen)
    built = build_plan(configuration, groups, Window(start, end))
    lines = member_lines(built, groups[0].like) if member else plan_lines(built)
    for line in lines:
        out.print(line)


def build_plan(configuration: Configuration, groups: Sequence[Group], window: Window) -> Plan:
    slots = find_slots(configuration, groups, window, Since(window.start))
    return Plan(configuration, window, [slot for slot in slots if slot.rule.kind not in _UNKNOWN_BEFORE])


def plan_lines(built: Plan) -> Iterator[str]:
    """Per day in Hamburg: what goes out, to how many; then totals, and what staff should look at."""
    words = language("en")
    zone = built.configuration.network.zone
    for day, of_day in groupby(built.slots, key=lambda slot: times.local_date(slot.due_at, zone)):
        yield words.full_date(day)
        mails, hours = Counter[str](), defaultdict[str, set[str]](set)
        for slot in of_day:
            mails[_name(slot)] += slot.count()
            hours[_name(slot)] |= {_clock(slot.due_at, group.like) for group in slot.groups}
        for name, number in mails.items():
            there = sorted(hours[name])
            between = there[0] if len(there) == 1 else f"{there[0]} to {there[-1]}"
            yield f"  {name}: {counted(number, 'mail')}, arriving {between} there"
    yield ""
    yield from _totals(built)
    yield from _doubts(built)


def member_lines(built: Plan, member: Member) -> Iterator[str]:
    """Everything that one member gets, in its own time."""
    words = language("en")
    group = Group((member,))
    yield f"{member.name} ({member.slug}), {member.zone}"
    for slot in built.slots:
        arrives = times.local(slot.due_at, member.zone)
        number = sum(1 for _ in group.contacts(slot.rule.to))
        shown = slot.occurrence.ends_at if slot.occurrence.session is None else slot.occurrence.starts_at
        about = (
            f" ({words.span(shown, None, member.zone)})"
            if shown and slot.rule.kind is not Kind.ANNOUNCEMENT
            else ""
        )
        day = words.full_date(arrives.date())
        yield f"  {day}, {arrives:%H:%M}  {_name(slot)}{about}: {counted(number, 'mail')}"
    mails = sum(slot.count() for slot in built.slots)
    yield f"OK: {counted(mails, 'mail')} to {member.name}; {_in(built)}"
    yield from _standing(built, member)


def _totals(built: Plan) -> Iterator[str]:
    kinds = Counter[str]()
    for slot in built.slots:
        kinds[slot.rule.kind.value] += slot.count()
    for kind, number in kinds.items():
        yield f"  {kind:<18}{number:>8,}"
    members = {member.slug for slot in built.slots for member in slot.members()}
    mails = counted(kinds.total(), "mail")
    yield f"OK: {mails} to {counted(len(members), 'member')}; {_in(built)}"


def _in(built: Plan) -> str:
    zone = built.configuration.network.zone
    first, last = times.local_date(built.window.start, zone), times.local_date(built.window.end, zone)
    return f"{first} until {last}"


def _doubts(built: Plan) -> Iterator[str]:
    """Members that nobody can place, languages without texts, rounds with their numbers, late summaries."""
    zone = built.configuration.network.zone
    day = times.local_date(built.window.start, zone)
    undecided = [m.name for m in built.configuration.members if m.standing(day) is Standing.UNDECIDED]
    if undecided:
        yield f"Undecided on {day}, so they get nothing ({len(undecided)}): {', '.join(undecided)}"
    yield from _untranslated(built)
    for cycle in built.configuration.cycles:
        duties = Counter(cycle.duty(member) for member in built.configuration.members)
        numbers = ", ".join(f"{duties[duty]} {duty.value}" for duty in Duty)
        yield f"Who must report in {cycle.id}: {numbers}"
    for occurrence, days in summaries_late(built.configuration, day):
        if days > FOLLOW_UP_USEFUL.days:
            continue
        yield f"Summary late: {occurrence.id}, {counted(days, 'day')}"


def _untranslated(built: Plan) -> Iterator[str]:
    """Members that are written to in English because there are no texts in their own language."""
    written_to = {member.slug: member for slot in built.slots for member in slot.members()}
    codes = Counter(member.languages[0] for member in written_to.values())
    known = built.configuration.network.languages
    missing = [(code, number) for code, number in codes.most_common() if code not in known]
    if missing:
        yield f"In English for want of texts: {', '.join(f'{number} {code}' for code, number in missing)}"


def _standing(built: Plan, member: Member) -> Iterator[str]:
    zone = built.configuration.network.zone
    first: date = times.local_date(built.window.start, zone)
    standing = member.standing(first)
    if standing is not Standing.MEMBER:
        yield f"On {first}: {standing.value}"
    for cycle in built.configuration.cycles:
        yield f"In {cycle.id}: {cycle.duty(member).value}"


def _name(slot: Slot) -> str:
    kind, rule = slot.rule.kind.value, slot.rule.id
    same = rule == kind or slot.rule.kind is Kind.REPORT_OPENED
    return f"{kind if same else f'{kind} {rule}'}, {slot.occurrence.id}"


def _clock(at: datetime, member: Member) -> str:
    return times.local(at, member.zone).strftime("%H:%M")


def _a_year_after(first: str) -> str:
    try:
        return (date.fromisoformat(first) + _YEAR).isoformat()
    except ValueError:
        return first
