"""Rounds that are written well but may not be meant: more time for the wrong cities, or too late."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from scheduler.configuration.document import Document
from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import MOST_FINDINGS, Place, Problems, quoted
from scheduler.model.cases import ENDING, LETTERS
from scheduler.model.cycles import Cycle, Duty, Extension
from scheduler.model.members import Member
from scheduler.model.network import Configuration

#: A round whose announced deadline is older than this is over for everybody who looks at it.
LONG_OVER = timedelta(days=180)
_ENDING_LETTERS = {LETTERS[state] for state in ENDING}


def look_at_rounds(
    loaded: Loaded,
    configuration: Configuration,
    today: date,
    in_force: Configuration | None,
    problems: Problems,
) -> None:
    """today: in the home zone; in_force: what the files will replace, where that is known."""
    before = {cycle.id: cycle for cycle in (in_force.cycles if in_force else ())}
    members = {member.slug: member for member in configuration.members}
    for cycle in configuration.cycles:
        document = loaded.documents[cycle.id]
        _look_at_end(cycle, document, problems)
        _look_at_those_named(cycle, document, members, problems)
        for number, extension in enumerate(cycle.extensions):
            if cycle.id not in before or extension not in before[cycle.id].extensions:
                place = document.place("extensions", number, "until")
                _look_at_date(cycle, extension, place, today, problems, is_new=cycle.id in before)


def _look_at_end(cycle: Cycle, document: Document, problems: Problems) -> None:
    can_end = any(rule.kind in _ENDING_LETTERS and rule.enabled for rule in cycle.rules)
    if can_end and cycle.membership_ends is None:
        what = "this round does not say when the membership of a city ends that is not renewed"
        instead = "write membership_ends: with a date, before its letter is released"
        problems.note(document.place("id"), what, instead)


def _look_at_those_named(
    cycle: Cycle, document: Document, members: Mapping[str, Member], problems: Problems
) -> None:
    """More time is of no use to who need not report."""
    said = 0
    for number, extension in enumerate(cycle.extensions):
        for position, what in _useless(cycle, extension, members):
            if said == MOST_FINDINGS:
                return
            said += 1
            place = document.place("extensions", number, "members", position)
            problems.warning(place, what, "look at the name, or at `who`")
        if extension.countries and not extension.members:
            due = (cycle.duty(m) is Duty.DUE for m in members.values() if m.country in extension.countries)
            if not any(due):
                what = "no city of these countries must report in this round"
                place = document.place("extensions", number, "countries")
                problems.warning(place, what, "look at the list")


def _useless(cycle: Cycle, extension: Extension, members: Mapping[str, Member]) -> Iterator[tuple[int, str]]:
    for position, slug in enumerate(extension.members):
        duty = cycle.duty(members[slug]) if slug in members else Duty.DUE
        if duty is Duty.UNDECIDED:
            yield (
                position,
                f"{quoted(slug)} is undecided in this round: more time helps only once it must report",
            )
        elif duty is not Duty.DUE:
            yield position, f"{quoted(slug)} need not report in this round, so this is no more time for it"


def _look_at_date(
    cycle: Cycle, extension: Extension, place: Place, today: date, problems: Problems, *, is_new: bool
) -> None:
    """Of an extension that is not in force, as far as anybody knows; is_new: that is sure."""
    announced = cycle.deadline.on
    if extension.until < today and is_new:
        what = f"this extension ended on {extension.until}; reports that came by then count as in time"
        problems.note(place, what, "who has not reported is not asked again")
    elif extension.until >= today and today - announced > LONG_OVER:
        what = (
            f"this extension opens a round again whose deadline was {announced}: cities without a report are "
            "asked for it once more, and a membership that ended for want of it goes on"
        )
        problems.warning(place, what, "look at the year")
