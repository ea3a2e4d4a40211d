"""`scheduler cases decide` and `mark`: what people say of cases, and what follows from it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.cases_list import read_state
from scheduler.cli.cases_round import (
    ByOption,
    CycleOption,
    clock_at,
    find_cities,
    is_wanted,
    opened_round,
    read_reason,
)
from scheduler.cli.common import at_home, counted, err, key_if_any, out, who_decides
from scheduler.configuration.problems import listed, quoted
from scheduler.errors import CasesRefused, SchedulerError
from scheduler.model import times
from scheduler.model.cases import AWAITED, LETTERS, SAYABLE, Case, State, Terms, advance
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.network import Configuration
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.service.cases import Done
    from scheduler.service.in_force import InForce
    from scheduler.service.planning import Ground, Plan

_DUTIES = (Duty.DUE, Duty.EXCEPTED, Duty.UNDECIDED)
#: Longer than anything that a round sends after its last deadline.
_AFTER = timedelta(days=400)
#: So many cities are said one by one.
_MOST_LINES = 40
_A_MOMENT = '"2021-12-31 23:59:59 Europe/Berlin", 2021-12-31T23:59:59+01:00 or 2021-12-31T22:59:59Z'


def decide(
    words: Annotated[
        list[str],
        typer.Argument(
            help="The cities, by name or slug, and what is decided: due, excepted or undecided.",
            metavar="CITY... due|excepted|undecided",
        ),
    ],
    because: Annotated[str, typer.Option(help="Why, for the log.")],
    named: CycleOption = None,
    by: ByOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Decide without asking.")] = False,
) -> None:
    """Decide who must report, whatever the files say: shows what would follow, then asks.

    undecided takes a decision back: what the files say counts again.
    """
    who, why = who_decides(by), read_reason(because, needed=True)
    names, duty = _cities_and(words, "due, excepted or undecided"), _read_duty(words[-1])
    now = datetime.now(UTC)
    preview = asyncio.run(_preview(names, duty, named, now))
    for line in _consequences(preview, duty):
        out.print(line)
    if not (yes or is_wanted("Decide that?", "Nothing was decided")):
        return
    asyncio.run(_decide(preview, duty, why, who))
    said = f"{_cities(preview.slugs)} {duty}"
    if duty is Duty.UNDECIDED:
        said = f"what the files say counts again for {listed(preview.slugs, 6)}"
    out.print(f"OK: {said} in {preview.cycle.id}, by {who}")


def _cities_and(words: Sequence[str], what: str) -> list[str]:
    if len(words) < 2:
        raise typer.BadParameter(f"write one or more cities, and then {what}", param_hint="CITY...")
    return list(words[:-1])


def _read_duty(text: str) -> Duty:
    found = next((duty for duty in _DUTIES if duty.value == text.strip().lower()), None)
    if found is None:
        said = f"{quoted(text)} is no decision; write due, excepted or undecided as the last word"
        raise typer.BadParameter(said, param_hint="CITY... due|excepted|undecided")
    return found


@dataclass(frozen=True)
class _Preview:
    """What a decision would do, city by city."""

    cycle: Cycle
    slugs: tuple[str, ...]
    #: slug -> state now, and then
    states: dict[str, tuple[str, str]]
    #: slug -> its deadline in its own time
    deadlines: dict[str, str]
    before: Plan
    after: Plan
    in_force: InForce


async def _preview(names: Sequence[str], duty: Duty, named: str | None, now: datetime) -> _Preview:
    from scheduler.service.planning import read_ground

    key = key_if_any(read_settings())
    async with opened_round(named, now) as (database, in_force, cycle):
        slugs = find_cities(in_force.configuration, names)
        ground = await read_ground(database, now, key=key)
    return await asyncio.to_thread(_drawn_up, in_force, cycle, slugs, duty, ground, now)


def _drawn_up(
    in_force: InForce, cycle: Cycle, slugs: Sequence[str], duty: Duty, ground: Ground, now: datetime
) -> _Preview:
    """The plan of these cities as it is, and as it would be."""
    from scheduler.service.planning import draw_up, of_parts

    decided = _decided(ground, in_force, cycle, slugs, duty, now)
    last = min(max(now, cycle.last_instant) + _AFTER, datetime(times.LAST_YEAR, 12, 31, tzinfo=UTC))
    before, after = (
        of_parts(draw_up(proposal, one, now=now, until=last, members=slugs), [cycle.id])
        for proposal, one in (
            (in_force.configuration, ground),
            (_proposal(in_force, cycle, slugs), decided),
        )
    )
    states, deadlines = {}, {}
    for slug in slugs:
        case, then = ground.cases.get((cycle.id, slug)), decided.cases[cycle.id, slug]
        was = advance(case, now).state if case else State.NOT_CONCERNED
        states[slug] = (was.value, then.state.value)
        deadlines[slug] = clock_at(then.deadline_at, in_force.members[slug].zone)
    return _Preview(cycle, tuple(slugs), states, deadlines, before, after, in_force)


def _decided(
    ground: Ground, in_force: InForce, cycle: Cycle, slugs: Sequence[str], duty: Duty, now: datetime
) -> Ground:
    """What the plan would stand on: the cases as they would be remembered, and who would still be asked."""
    decision = None if duty is Duty.UNDECIDED else duty
    bare = _without_decisions(cycle, slugs)
    said = tuple((slug, decision) for slug in slugs if decision)
    then = replace(bare, who=replace(bare.who, decided=(*bare.who.decided, *said)))
    cases, settled = dict(ground.cases), set(ground.told.come.get(cycle.id, ()))
    for slug in slugs:
        case, terms = cases.get((cycle.id, slug)), Terms.of(then, in_force.members[slug])
        state = terms.state(now, has_draft=bool(case and case.draft))
        known = case or Case(cycle.id, slug, state, now, terms.opens_at, terms.deadline_at)
        cases[cycle.id, slug] = replace(known, state=state, decision=decision)
        (settled.discard if state in AWAITED else settled.add)(slug)
    come = {**ground.told.come, cycle.id: frozenset(settled)}
    return replace(ground, cases=cases, told=replace(ground.told, come=come))


def _proposal(in_force: InForce, cycle: Cycle, slugs: Sequence[str]) -> Configuration:
    """What is in force, as if nobody had decided of these cities."""
    bare = _without_decisions(cycle, slugs)
    cycles = tuple(bare if one.id == cycle.id else one for one in in_force.configuration.cycles)
    return replace(in_force.configuration, cycles=cycles)


def _without_decisions(cycle: Cycle, slugs: Sequence[str]) -> Cycle:
    decided = tuple(pair for pair in cycle.who.decided if pair[0] not in slugs)
    return replace(cycle, who=replace(cycle.who, decided=decided))


def _consequences(preview: _Preview, duty: Duty) -> Iterator[str]:
    what = "To take the decision back" if duty is Duty.UNDECIDED else f"To decide {duty}"
    yield f"{what} in {preview.cycle.id} would mean:"
    for slug in preview.slugs[:_MOST_LINES]:
        was, then = preview.states[slug]
        becomes = f"stays {was}" if was == then else f"{was} -> {then}"
        due = then not in (State.EXCEPTED, State.UNDECIDED, State.NOT_CONCERNED)
        until = f"; deadline {preview.deadlines[slug]} there" if due else ""
        yield f"  {slug}: {becomes}{until}; {_mails_of(preview, slug)}"
    if len(preview.slugs) > _MOST_LINES:
        yield f"  and {len(preview.slugs) - _MOST_LINES} more"
    yield _mails_in_all(preview)


def _mails_of(preview: _Preview, slug: str) -> str:
    before, after = preview.before.mails_to(slug), preview.after.mails_to(slug)
    if after < before:
        return f"{counted(before - after, 'planned mail')} not sent"
    return f"{counted(after, 'mail')} to come" if after else "no mail to come"


def _mails_in_all(preview: _Preview) -> str:
    mailings = preview.after.mailings
    if not mailings:
        return "No mail would follow."
    kinds = Counter[str]()
    for mailing in mailings:
        kinds[mailing.rule.kind.value] += mailing.mails
    said = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
    first = at_home(mailings[0].due_at, preview.in_force.network)
    return f"{counted(kinds.total(), 'mail')} would follow ({said}), the first on {first}."


async def _decide(preview: _Preview, duty: Duty, because: str, by: str) -> None:
    from scheduler.service.cases import Cases
    from scheduler.service.in_force import Memory
    from scheduler.service.proof import decision_words

    now, key = datetime.now(UTC), key_if_any(read_settings())
    async with opened_round(preview.cycle.id, now) as (database, *_):
        with _each_on_its_line():
            await Cases(database, Memory()).decide(
                preview.cycle.id,
                preview.slugs,
                duty,
                because=decision_words(duty, because),
                by=by,
                now=now,
                key=key,
            )


@contextmanager
def _each_on_its_line() -> Iterator[None]:
    """Several refusals are several lines."""
    try:
        yield
    except CasesRefused as error:
        if len(error.problems) < 2:
            raise
        for problem in error.problems:
            err.print(f"! {problem}")
        raise SchedulerError("nothing was changed") from error


def mark(
    words: Annotated[
        list[str],
        typer.Argument(help="The cities, by name or slug, and the state.", metavar="CITY... STATE"),
    ],
    at: Annotated[str | None, typer.Option(help=f"When a report came: {_A_MOMENT}.")] = None,
    because: Annotated[str, typer.Option(help="Why, for the log.")] = "",
    named: CycleOption = None,
    by: ByOption = None,
) -> None:
    """Say how far a report is: draft, submitted, in-review, renewed, incomplete, no-progress or \
not-submitted; open sends it back.

    A report that came is not asked for any more, and gets a receipt. The letter of an outcome leaves only \
with: scheduler cases release.
    """
    who, why = who_decides(by), read_reason(because)
    sayable = ", ".join(state.value.replace(" ", "-") for state in SAYABLE)
    names, state = _cities_and(words, sayable), read_state(words[-1], "CITY... STATE")
    if state not in SAYABLE:
        said = f"nobody can say that a case is {state}; write one of {sayable}"
        raise typer.BadParameter(said, param_hint="CITY... STATE")
    if at is not None and state is not State.SUBMITTED:
        raise typer.BadParameter("it says when a report came, so write it with submitted", param_hint="--at")
    came_at = read_moment(at) if at is not None else None
    cycle, done = asyncio.run(_mark(names, state, came_at, why, named, who))
    out.print(f"OK: {_what_followed(cycle, done, state)}")


async def _mark(
    names: Sequence[str], state: State, at: datetime | None, because: str, named: str | None, by: str
) -> tuple[Cycle, Done]:
    from scheduler.service.cases import Cases, Said
    from scheduler.service.in_force import Memory

    now = datetime.now(UTC)
    async with opened_round(named, now) as (database, in_force, cycle):
        slugs = find_cities(in_force.configuration, names)
        said = [Said(slug, state, at, because) for slug in slugs]
        with _each_on_its_line():
            return cycle, await Cases(database, Memory()).record(cycle.id, said, by=by, now=now)


def _what_followed(cycle: Cycle, done: Done, state: State) -> str:
    """Gives "gdynia is submitted in report-2021; 1 reminder withdrawn; 2 receipts go out"."""
    moved = tuple(dict.fromkeys(move.after.member for move in done.moves))
    after = {move.after.member: move.after for move in done.moves}
    parts = []
    if moved:
        by_state: dict[str, list[str]] = {}
        for slug in moved:
            by_state.setdefault(after[slug].state.value, []).append(slug)
        said = " and ".join(f"{_cities(slugs)} {what}" for what, slugs in by_state.items())
        parts.append(f"{said} in {cycle.id}")
    late = [slug for slug in moved if state is State.SUBMITTED and after[slug].is_late]
    if late:
        parts.append(f"late: {listed(late)}, for a person to decide")
    if done.known:
        parts.append(f"{_cities(done.known)} that already; nothing was changed there")
    if done.withdrawn:
        parts.append(f"{counted(done.withdrawn, 'mail')} withdrawn")
    if done.receipts:
        parts.append(f"{counted(done.receipts, 'receipt')} {'goes' if done.receipts == 1 else 'go'} out")
    if moved and state in LETTERS:
        parts.append("no letter leaves before: scheduler cases release")
    return "; ".join(parts)


def _cities(slugs: Sequence[str]) -> str:
    return f"{slugs[0]} is" if len(slugs) == 1 else f"{len(slugs)} cities ({listed(slugs, 6)}) are"


def read_moment(text: str) -> datetime:
    """An instant as people write it, with its zone: which zone is meant is never guessed."""
    written = text.strip()
    day_and_clock, _, zone = written.rpartition(" ")
    try:
        if day_and_clock and times.is_zone(zone):
            return _in_zone(day_and_clock, zone)
        found = datetime.fromisoformat(written)
    except SchedulerError as error:
        said = f"{error}; write it as an instant, such as 2021-12-31T22:59:59Z"
        raise typer.BadParameter(said, param_hint="--at") from None
    except ValueError:
        if day_and_clock and any(sign.isalpha() for sign in zone) and _is_wall_time(day_and_clock):
            said = f"{quoted(zone)} is no zone; write a place such as Europe/Berlin"
        else:
            said = f"{quoted(written)} is no moment; write {_A_MOMENT}"
        raise typer.BadParameter(said, param_hint="--at") from None
    if found.tzinfo is None:
        said = f"{quoted(written)} has no zone, and which one is meant is not guessed; write {_A_MOMENT}"
        raise typer.BadParameter(said, param_hint="--at")
    return _reasonable(found.astimezone(UTC), written)


def _in_zone(day_and_clock: str, zone: str) -> datetime:
    wall = datetime.fromisoformat(day_and_clock)
    if wall.tzinfo is not None:
        raise ValueError
    return _reasonable(times.instant(wall.date(), wall.time(), zone), day_and_clock)


def _is_wall_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _reasonable(at: datetime, written: str) -> datetime:
    if not date(times.FIRST_YEAR, 1, 2) <= at.date() <= date(times.LAST_YEAR, 12, 30):
        said = f"{quoted(written)} is too far away; write a year from {times.FIRST_YEAR} to {times.LAST_YEAR}"
        raise typer.BadParameter(said, param_hint="--at")
    return at
