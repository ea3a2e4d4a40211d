"""The plan as people read it, line by line."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import TypeVar

from scheduler.cli.common import at_home, counted
from scheduler.cli.plan_words import member_lines, network_line, rule_line
from scheduler.configuration.problems import printable
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.answers import Answer
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.difference import Change, What, invited, other_hour
from scheduler.model.local_hours import NIGHT_HOURS, Night
from scheduler.model.members import Member, Standing
from scheduler.model.moments import FOLLOW_UP_USEFUL
from scheduler.model.network import Network
from scheduler.model.notices import Kind
from scheduler.model.plan import Mailing, Tally, tally
from scheduler.model.programme import Occurrence, summaries_late
from scheduler.service.planning import Plan
from scheduler.service.untold import untold

T = TypeVar("T")
#: So many lines of one kind are printed; --json has all of them.
_MOST_LINES = 40
#: More changes than these are said in one line for each series.
_MOST_CHANGES = 60
#: So many names stand in one line.
_MOST_NAMES = 12
_WORDS = language("en")


def plan_lines(plan: Plan, *, daily: bool) -> Iterator[str]:
    """What changes, what goes out, what to look at; the last line says it in one."""
    if plan.hash:
        yield from _in_force(plan)
        yield from _section("What changes", list(_changes(plan)) or ["nothing"])
        yield from _section("What becomes of cases", _cut(_cases(plan)))
    if daily:
        yield from _section("Day by day (Hamburg's days)", _days(plan))
    span = f"until {_until(plan)}"
    yield from _section(f"What goes out {span}", list(_totals(plan)) or ["nothing"])
    yield from _section("Answers", _cut(_answers(plan)))
    yield from _section("Unusual this week", _cut(_unusual(plan)))
    at_night = _cut(plan.nights(), lambda night: _night_line(night, plan))
    yield from _section(f"Cities at night ({NIGHT_HOURS} there)", at_night)
    yield from _section("Not told, and why", _cut(_untold(plan)))
    yield from _section("Worth a look", _cut(_doubts(plan)))
    if plan.ground.refused:
        yield f"Refused by scheduler apply: {plan.ground.refused}"
    elif plan.hash and not plan.is_in_force:
        yield f"{_what_to_apply(plan)}: scheduler apply --plan {plan.hash}"
    changed = f"{plan.difference}; " if plan.hash else ""
    yield f"OK: {changed}{_in_total(plan)}"


def year_lines(plan: Plan) -> Iterator[str]:
    """Of a plan for one member: everything that it gets, in its own time."""
    member = plan.groups[0].like
    yield f"{member.name} ({member.slug}), {member.zone}"
    for mailing in plan.mailings:
        arrives = times.local(mailing.due_at, member.zone)
        name = f"{mailing_name(mailing)}{_about(mailing, member)}"
        day, mails = _WORDS.full_date(arrives.date()), counted(mailing.mails, "mail")
        yield f"  {day}, {arrives:%H:%M}  {name}: {mails}"
    mails = counted(sum(mailing.mails for mailing in plan.mailings), "mail")
    span = (plan.window.start, plan.window.end)
    first, last = (times.local_date(at, plan.configuration.network.zone) for at in span)
    yield f"OK: {mails} to {member.name}; {first} until {last}"
    yield from _standing(plan, member, first)
    yield from _wishes(plan, member)


def _about(mailing: Mailing, member: Member) -> str:
    """When the session, or the deadline, is there."""
    occurrence = mailing.occurrence
    shown = occurrence.ends_at if occurrence.session is None else occurrence.starts_at
    if shown is None or mailing.rule.kind is Kind.ANNOUNCEMENT:
        return ""
    return f" ({_WORDS.span(shown, None, member.zone)})"


def _standing(plan: Plan, member: Member, day: date) -> Iterator[str]:
    standing = member.standing(day)
    if standing is not Standing.MEMBER:
        yield f"On {day}: {standing.value}"
    for cycle in plan.configuration.cycles:
        duty = cycle.duty(member)
        at = cycle.deadline_of(member).instant
        until = f", until {_WORDS.span(at, None, member.zone)} there" if duty is Duty.DUE else ""
        yield f"In {cycle.id}: {_state(plan, cycle, member) or duty.value}{until}"


def _state(plan: Plan, cycle: Cycle, member: Member) -> str:
    """How far its report is, where that is known."""
    case = plan.ground.cases.get((cycle.id, member.slug))
    return case.state.value if case else ""


def _wishes(plan: Plan, member: Member) -> Iterator[str]:
    """What the contacts of a city answered to sessions ahead, and who of them ended the mails."""
    told = plan.ground.told
    for contact in member.contacts:
        if told.is_barred(contact):
            yield f"{contact.role}: nothing is sent, for mail came back or somebody complained"
        elif told.has_ended(contact):
            yield f"{contact.role}: ended the mails about webinars"
    for occurrence in plan.ahead:
        for contact, answer, starts_at in told.said_by(member, occurrence.id):
            outdated = "" if starts_at == occurrence.starts_at else ", when it had another hour"
            quiet = " (no reminders)" if answer is Answer.DECLINED else ""
            yield f"{contact.role}: {answer} {occurrence.id}{outdated}{quiet}"


def _what_to_apply(plan: Plan) -> str:
    if plan.elsewhere:
        return f"To put this in force, and {plan.elsewhere:,} more changes elsewhere"
    if plan.difference.is_empty:
        return "The files differ only in what nobody sees; to end the difference"
    return "To put this in force"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    written = list(lines)
    if written:
        yield title
        yield from (f"  {line}" for line in written)
        yield ""


def _cut(things: Iterable[T], line: Callable[[T], str] = str) -> Iterator[str]:
    """The first few in words, each by `line`; the others are only counted."""
    every = list(things)
    yield from map(line, every[:_MOST_LINES])
    if len(every) > _MOST_LINES:
        yield f"… and {len(every) - _MOST_LINES:,} more; --series shows one series, --json all"


def _in_force(plan: Plan) -> Iterator[str]:
    applied = plan.ground.applied
    if applied is None:
        yield "Nothing is in force yet, so all of this is new."
    else:
        network = plan.configuration.network
        yield f"In force since {at_home(applied.applied_at, network)}, by {printable(applied.applied_by)}."
    if plan.ground.waiting:
        waiting = counted(plan.ground.waiting, "mail")
        yield f"Besides what follows {waiting}, written already, wait: scheduler status"
    if plan.ground.clocks:
        yield f"! {plan.ground.clocks}"
    yield ""


# what changes


def _changes(plan: Plan) -> Iterator[str]:
    changes = plan.difference.changes
    by_part = [(part, list(some)) for part, some in groupby(changes, key=lambda one: one.occurrence.of.id)]
    if len(changes) > _MOST_CHANGES:
        yield from _cut(by_part, lambda pair: _part_line(*pair, plan))
    else:
        for part, some in by_part:
            yield part
            yield from (f"  {line}" for line in (*_lines_of(some, plan), *_announcement_lines(part, plan)))
    for part, name in plan.difference.parts:
        yield f"{part}: {name} is another one"
    yield from _cut(plan.difference.rules, rule_line)
    yield from _cut(_member_lines(plan))
    for name in plan.difference.network:
        yield network_line(name, plan.ground.configuration, plan.configuration)


def _lines_of(changes: Sequence[Change], plan: Plan) -> Iterator[str]:
    """Of one series; what is new and over already is only counted."""
    past = [change for change in changes if change.before is None and plan.is_past(change)]
    if past:
        yield f"{len(past)} new that {'is' if len(past) == 1 else 'are'} over: nobody is told"
    for change in changes:
        if change not in past:
            yield from _change_lines(change, plan)


def _announcement_lines(part: str, plan: Plan) -> Iterator[str]:
    """Of the series as a whole."""
    numbers = plan.kinds_of(part).get(Kind.ANNOUNCEMENT)
    if numbers:
        yield f"{Kind.ANNOUNCEMENT}: {tally_line(numbers, plan.configuration.network)}"


def _part_line(part: str, changes: Sequence[Change], plan: Plan) -> str:
    """Gives "talks: 12 new; 3,024 mails to 84 members (en 3,024), the first on …"."""
    kinds = Counter(what.value for change in changes for what in change.what)
    said = ", ".join(f"{number} {what}" for what, number in kinds.items())
    mailings = [mailing for change in changes for mailing in plan.of(change.occurrence.id)]
    return f"{part}: {said}; {tally_line(tally(mailings), plan.configuration.network)}"


def _change_lines(change: Change, plan: Plan) -> Iterator[str]:
    occurrence, network = change.occurrence, plan.configuration.network
    name = occurrence.session.id if occurrence.session else "deadline"
    yield f"{name}: {', '.join(change.what)}"
    if change.before and {What.MOVED, What.OPEN, What.POSTPONED, What.ON_AGAIN} & set(change.what):
        yield f"    was {_when(change.before, network)}"
    if {What.NEW, What.MOVED, What.OPEN, What.ON_AGAIN, What.BACK} & set(change.what):
        yield f"    now {_when(occurrence, network)}"
    if What.MOVED in change.what and occurrence.session and occurrence.starts_at:
        yield f"    {_other_hours(change, plan)}"
    if occurrence.session and occurrence.session.reason:
        yield f"    reason: {printable(occurrence.session.reason)}"
    if What.NEW in change.what:
        label = printable(occurrence.session.audience.label) if occurrence.session else "who must report"
        yield f"    for {label}: {counted(invited(occurrence, plan.groups, network), 'member')}"
    yield from (f"    {line}" for line in _audience_lines(change))
    if What.TEXTS in change.what:
        yield f"    other words: {', '.join(change.texts)}"
    for kind, numbers in plan.kinds_of(occurrence.id).items():
        yield f"    {kind}: {tally_line(numbers, network)}"


def _other_hours(change: Change, plan: Plan) -> str:
    network = plan.configuration.network
    of = counted(invited(change.occurrence, plan.groups, network), "member")
    number = other_hour(change, plan.groups, network)
    if number == 0:
        return f"the same hour of the day for all {of}"
    return f"another hour of the day there for {number:,} of {of}"


def _audience_lines(change: Change) -> Iterator[str]:
    for members, what in ((change.entering, "come in"), (change.leaving, "go out")):
        if members:
            names = _names([member.name for member in members])
            yield f"{len(members)} {what}: {names}"


def _member_lines(plan: Plan) -> Iterator[str]:
    for change in plan.difference.members:
        if change.after is None:
            yield f"member {change.slug}: no longer in the list; nothing more is sent there"
            continue
        what = "new" if change.before is None else "changed"
        mails = counted(plan.mails_to(change.slug), "mail")
        yield f"member {change.slug}: {what}; {mails} until {_until(plan)}"
        yield from (f"    {line}" for line in member_lines(change))


def _cases(plan: Plan) -> Iterator[str]:
    """What the change does to cities that must report, or need not any more; alike ones in one line."""
    alike: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for move in plan.cases:
        before = move.before.state.value if move.before else "not concerned"
        alike[move.after.cycle, before, move.after.state.value, move.reason].append(move.after.member)
    for (cycle, before, after, why), slugs in alike.items():
        step = f"{before} → {after}" if before != after else after
        yield f"{cycle}, {step}: {_names(slugs)}: {printable(why)}"


# what goes out


def tally_line(numbers: Tally, network: Network) -> str:
    """Gives "336 mails to 336 members (en 300, fr 36), the first on Monday …"."""
    every = sorted(numbers.languages.items(), key=lambda pair: (-pair[1], pair[0]))
    known = Counter[str]()
    for code, mails in every:
        known[code if code in network.languages else "en"] += mails
    languages = ", ".join(f"{code} {mails:,}" for code, mails in known.most_common())
    said = f"{counted(numbers.mails, 'mail')} to {counted(numbers.members, 'member')} ({languages})"
    return f"{said}, the first {at_home(numbers.first_at, network)}" if numbers.first_at else said


def _totals(plan: Plan) -> Iterator[str]:
    network = plan.configuration.network
    for kind, numbers in plan.kinds.items():
        yield f"{kind:<16} {tally_line(numbers, network)}"


def _days(plan: Plan) -> Iterator[str]:
    """Per day in Hamburg what goes out, to how many, at which hours there."""
    zone = plan.configuration.network.zone
    for day, of_day in groupby(plan.mailings, key=lambda mailing: times.local_date(mailing.due_at, zone)):
        yield _WORDS.full_date(day)
        mails, hours = Counter[str](), defaultdict[str, set[str]](set)
        for mailing in of_day:
            name = mailing_name(mailing)
            mails[name] += mailing.mails
            hours[name] |= set(_hours_there(mailing))
        for name, number in mails.items():
            there = sorted(hours[name])
            between = there[0] if len(there) == 1 else f"{there[0]} to {there[-1]}"
            yield f"  {name}: {counted(number, 'mail')}, arriving {between} there"


def _answers(plan: Plan) -> Iterator[str]:
    """Of sessions ahead that anybody answered; and who gets nothing of them."""
    for name, count in plan.answers.items():
        yield f"{name}: {count}"
    if plan.ended:
        get = "gets" if plan.ended == 1 else "get"
        who = counted(plan.ended, "contact")
        yield f"{who} {get} no mails about webinars any more, only those of reports"


def _hours_there(mailing: Mailing) -> Iterator[str]:
    zones = {group.like.zone for crowd, _ in mailing.to for group in crowd.groups}
    return (f"{times.local(mailing.due_at, zone):%H:%M}" for zone in zones)


def mailing_name(mailing: Mailing) -> str:
    """Gives "reminder week-before, inclusion.covid-19-recovery"."""
    kind, rule = mailing.rule.kind.value, mailing.rule.id
    same = rule == kind or kind == f"report-{rule}"
    return f"{kind if same else f'{kind} {rule}'}, {mailing.occurrence.id}"


def _in_total(plan: Plan) -> str:
    every = tally(plan.mailings)
    return f"{counted(every.mails, 'mail')} to {counted(every.members, 'member')} until {_until(plan)}"


# what to look at


def _unusual(plan: Plan) -> Iterator[str]:
    """Week by week: the members whose hour is not the one they are used to."""
    found = plan.surprises()
    for monday, of_week in groupby(found, key=lambda one: _monday(one.occurrence.day_in(_home(plan)))):
        by_shift: dict[timedelta, int] = defaultdict(int)
        names = []
        for surprise in of_week:
            names.append(surprise.occurrence.id)
            for (here, usual), members in surprise.hours.items():
                by_shift[here - usual] |= members
        sessions = _names(names, most=3)
        for shift, members in sorted(by_shift.items()):
            cities = _names([m.name for m in plan.roll.of(members, _MOST_NAMES)], of=members.bit_count())
            week = f"week of {_WORDS.full_date(monday)}, {_shift_words(shift)} than usual"
            yield f"{week}: {cities} ({sessions})"


def _shift_words(shift: timedelta) -> str:
    """Gives "1:00 h later"."""
    minutes = abs(shift) // timedelta(minutes=1)
    return f"{minutes // 60}:{minutes % 60:02} h {'later' if shift > timedelta() else 'earlier'}"


def _night_line(night: Night, plan: Plan) -> str:
    """Gives "2027-01-20 …: 3 of 336 members: Edmonton 05:00, …"."""
    hours = ((here, members) for here, members in sorted(night.awake_at.items()))
    cities = ((here, member) for here, members in hours for member in plan.roll.of(members, _MOST_NAMES))
    names = [f"{member.name} {here:%H:%M}" for here, member in cities]
    number = night.members.bit_count()
    of = f"{number:,} of {counted(night.invited.bit_count(), 'member')}: {_names(names, of=number)}"
    return f"{_WORDS.short_date(night.occurrence.day_in(_home(plan)))}, {night.occurrence.id}: {of}"


def _untold(plan: Plan) -> Iterator[str]:
    """What stays silent for the same reason stands in one line."""
    by_reason: dict[str, list[str]] = defaultdict(list)
    for one in untold(plan):
        by_reason[printable(one.why)].append(one.what)
    for why, what in by_reason.items():
        yield f"{_names(what, most=4)}: {why}"


def _doubts(plan: Plan) -> Iterator[str]:
    """Calendars that nobody clears, languages without texts, rounds with their numbers, late summaries."""
    configuration, network = plan.configuration, plan.configuration.network
    ahead = [occurrence.id for occurrence in plan.ahead]
    if left := plan.ground.told.left_behind(ahead, configuration.members):
        who = "contact is" if left == 1 else "contacts are"
        yield f"{left:,} invited {who} gone; what stands in their calendars stays there"
    codes = Counter[str]()
    for numbers in plan.kinds.values():
        codes.update({code: n for code, n in numbers.languages.items() if code not in network.languages})
    if codes:
        missing = ", ".join(f"{code} {number:,}" for code, number in codes.most_common())
        yield f"mails in English for want of texts: {missing}"
    for cycle in configuration.cycles:
        if cycle.last_instant <= plan.window.start:
            continue
        duties = Counter(cycle.duty(member) for member in configuration.members)
        yield f"who must report in {cycle.id}: {', '.join(f'{duties[duty]} {duty.value}' for duty in Duty)}"
    for occurrence, days in summaries_late(configuration, times.local_date(plan.window.start, network.zone)):
        if days <= FOLLOW_UP_USEFUL.days:
            yield f"summary late: {occurrence.id}, {counted(days, 'day')}"


# how it is said


def _when(occurrence: Occurrence, network: Network) -> str:
    if occurrence.is_postponed:
        return "postponed, without a date"
    if occurrence.starts_at is None:
        return f"{_WORDS.full_date(occurrence.on)}, time to be announced"
    if occurrence.session is None and occurrence.ends_at:
        return at_home(occurrence.ends_at, network)
    span = _WORDS.span(occurrence.starts_at, occurrence.ends_at, network.zone)
    return f"{span} {_WORDS.home_clock(occurrence.starts_at, network)}"


def _names(names: Sequence[str], most: int = _MOST_NAMES, of: int | None = None) -> str:
    """The first few, and how many more there are; of: how many there are in all."""
    more = (of if of is not None else len(names)) - len(names[:most])
    return ", ".join(printable(name) for name in names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _until(plan: Plan) -> str:
    return str(times.local_date(plan.window.end, _home(plan)))


def _home(plan: Plan) -> str:
    return plan.configuration.network.zone


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
