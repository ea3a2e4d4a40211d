"""`scheduler cases release`: the letters in which a round ends, looked at first and then let go."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from unicodedata import category

import typer

from scheduler.cli import progress
from scheduler.cli.common import counted, database_in_force, find_member, key_if_any, out, who_decides
from scheduler.cli.preview import real_links
from scheduler.configuration.problems import listed, printable
from scheduler.languages import language
from scheduler.model.cases import LETTERS
from scheduler.model.notices import Kind
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.model.cases import State
    from scheduler.service.releasing import Bundle, Release, Releasing

#: As they are typed.
_OUTCOMES = {state.value.replace(" ", "-"): state for state in LETTERS}

CycleArgument = Annotated[str, typer.Argument(help="The round, such as report-2021.", metavar="CYCLE")]
OutcomeOption = Annotated[
    list[str] | None, typer.Option(help=f"Only this outcome: {listed(_OUTCOMES)} (default: all).")
]
CityOption = Annotated[
    list[str] | None, typer.Option(help="Only this city, by name or slug; may be repeated (default: all).")
]


def release(
    cycle: CycleArgument,
    outcome: OutcomeOption = None,
    city: CityOption = None,
    by: Annotated[
        str | None, typer.Option(help="Who releases them. Without a name nothing is released.")
    ] = None,
    plan: Annotated[
        str | None, typer.Option(help="Only if this is still what was shown: the hash that stood below it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Release without asking.")] = False,
) -> None:
    """Show the letters in which a round ends, and what they cause; with --by NAME, release them.

    Without --by it touches nothing. Letters that have been released cannot be taken back.
    """
    if by is None and (plan is not None or yes):
        option = "--plan" if plan is not None else "--yes"
        raise typer.BadParameter("nothing is released without a name; write --by NAME too", param_hint=option)
    if by is not None and not by.strip():
        raise typer.BadParameter("write the name of who releases them", param_hint="--by")
    who = who_decides(by) if by is not None else None
    asyncio.run(_release(cycle, _outcomes(outcome or []), city or [], who, plan, yes))


def _outcomes(words: list[str]) -> list[State]:
    """Wrong usage is said in one line."""
    for word in words:
        if word not in _OUTCOMES:
            said = f"{printable(word)} is no outcome; write one of {listed(_OUTCOMES)}"
            raise typer.BadParameter(said, param_hint="--outcome")
    return [_OUTCOMES[word] for word in words]


async def _release(
    cycle: str, outcomes: list[State], cities: list[str], by: str | None, plan: str | None, yes: bool
) -> None:
    from scheduler.service.releasing import Releasing

    settings = read_settings()
    async with database_in_force() as (database, in_force):
        slugs = [find_member(in_force.configuration, city) for city in cities]
        desk = Releasing(database, real_links(settings), key_if_any(settings))
        with progress.shown() as tell_of:
            tell = tell_of("writing the letters")
            seen = await desk.look(cycle, outcomes=outcomes, cities=slugs, now=datetime.now(UTC), tell=tell)
        if by is not None and plan is not None:
            seen.check_plan(plan)
        for line in _lines(seen, is_short=by is not None):
            out.print(line)
        if seen.is_empty:
            _say_nothing_waits(seen)
        elif by is None:
            _end_of_preview(seen, outcomes, slugs)
        elif seen.obstacles:
            out.print("Nothing was released")
            raise typer.Exit(1)
        else:
            await _let_go(desk, seen, by, yes)


async def _let_go(desk: Releasing, seen: Release, by: str, yes: bool) -> None:
    if not yes and sys.stdin.isatty():
        question = f"Release {counted(seen.letters, 'letter')}? They cannot be taken back"
        if not await asyncio.to_thread(typer.confirm, question):
            out.print("Nothing was released")
            raise typer.Exit(1)
    with progress.shown() as tell_of:
        tell_of("releasing")(0, 0)
        await desk.release(seen, by=by, now=datetime.now(UTC))
    cases = f"{seen.cities:,} case" + ("" if seen.cities == 1 else "s")
    out.print(
        f"OK: {cases} of {seen.cycle.id} released by {by}; {counted(seen.letters, 'letter')} on the way"
    )


def _say_nothing_waits(seen: Release) -> None:
    if seen.left_out:
        out.print("Nothing can be released before that is put right")
        raise typer.Exit(1)
    out.print(f"OK: no letter of {seen.cycle.id} waits for a release; nothing was changed")


def _end_of_preview(seen: Release, outcomes: list[State], slugs: list[str]) -> None:
    if seen.obstacles:
        out.print("Nothing can be released before that is put right")
        raise typer.Exit(1)
    out.print(f"Plan {seen.hash}. Nothing was sent or written down. To release just this:")
    words = ["scheduler cases release", seen.cycle.id]
    words += [f"--outcome {state.value.replace(' ', '-')}" for state in outcomes]
    words += [f"--city {slug}" for slug in slugs]
    out.print(f"  {' '.join(words)} --plan {seen.hash} --by NAME")
    out.print(f"OK: {counted(seen.cities, 'case')} of {seen.cycle.id}, {counted(seen.letters, 'letter')}")


def _lines(seen: Release, *, is_short: bool) -> Iterator[str]:
    yield f"{seen.cycle.id}: {printable(seen.cycle.title)}"
    for bundle in seen.bundles:
        yield from _bundle_lines(seen, bundle, is_short=is_short)
    if seen.later:
        yield f"letters that wait for the morning there: {seen.later:,}; the others leave at once"
    yield from _effect_lines(seen)
    yield from _remarks(seen)


def _bundle_lines(seen: Release, bundle: Bundle, *, is_short: bool) -> Iterator[str]:
    cities = _cities(seen, [case.member for case in bundle.cases], most=6 if is_short else 400)
    if bundle.state in seen.silent:
        yield f"{bundle.state}: no letter, it is switched off; the cases are closed: {cities}"
        return
    roles = ", ".join(f"{role} {number:,}" for role, number in bundle.roles.items())
    yield f"{bundle.state}: {counted(len(bundle.rows), 'letter')} ({roles}) for {cities}"
    sample = bundle.sample
    if sample is None or is_short:
        return
    yield f"  The letter to the {sample.role} of {_cities(seen, [sample.member])}:"
    yield ""
    yield from (f"    {_harmless(line)}".rstrip() for line in str(sample).splitlines())
    yield ""


def _harmless(text: str) -> str:
    """Without what a terminal takes for a command; letters keep their no-break spaces and directions."""
    return "".join(sign for sign in text if category(sign) != "Cc")


def _cities(seen: Release, slugs: list[str], most: int = 400) -> str:
    """Gives "3 cities: Gunpo, Melton, Thrissur", or the name of one."""
    from scheduler.service.releasing import names_of

    names = [printable(name) for name in names_of(seen, slugs)]
    return names[0] if len(names) == 1 else f"{len(names):,} cities: {listed(names, most)}"


def _effect_lines(seen: Release) -> Iterator[str]:
    effect, words = seen.effect, language("en")
    if not (seen.ends and seen.cycle.membership_ends):
        return
    day = words.full_date(seen.cycle.membership_ends)
    number = len(effect.members)
    memberships = "1 membership ends" if number == 1 else f"{number:,} memberships end"
    yield f"{memberships}: from {day} on the cities belong to the network no more"
    if effect.stopped:
        stopped = _mails(effect.stopped)
        yield f"  not sent any more: {stopped}, for webinars from that day on"
    if effect.cancelled:
        yield f"  cancelled in calendars: {counted(effect.cancelled, 'invitation')} to such webinars"
    if effect.withdrawn:
        yield f"  withdrawn: {counted(effect.withdrawn, 'mail')} that already wait"
    if number:
        yield "  their calendars say so for 30 days, and then they are closed"


def _mails(kinds: Mapping[Kind, int]) -> str:
    """Gives "4 invitations, 8 reminders"."""
    named = {Kind.FOLLOW_UP: "follow-up", Kind.CHANGED: "change", Kind.CANCELLED: "cancellation"}
    return ", ".join(counted(number, named.get(kind, kind.value)) for kind, number in kinds.items())


def _remarks(seen: Release) -> Iterator[str]:
    today = datetime.now(UTC).date()
    for standing in seen.unreached:
        name, why = printable(standing.name), printable(standing.why_not) or str(standing.reach)
        yield (
            f"! {name}: no mail of this round has arrived ({why}), so it was not notified; write or call "
            f"another way, or leave it out for now. See: scheduler cases show {standing.case.member} "
            f"--cycle {seen.cycle.id}"
        )
    if seen.left_out:
        yield (
            f"! left out, for nobody there can be written to: {_cities(seen, list(seen.left_out))}; write an "
            "address that works into members.csv, then: scheduler apply"
        )
    if seen.ends and seen.cycle.membership_ends and seen.cycle.membership_ends <= today:
        yield f"! {seen.cycle.membership_ends} has passed, so these memberships end at once"
    if seen.not_allowed:
        yield f"! {counted(seen.not_allowed, 'letter')} cannot leave: only_to in network.yaml forbids it"
    for hold in seen.held:
        yield f"! {hold.subject} is held by {printable(hold.held_by)}: letters wait until it is resumed"
    for obstacle in seen.obstacles:
        yield f"! {obstacle}"
