"""Where people have decided of cases otherwise than the files say: what they decided counts (DESIGN, 5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from scheduler.configuration.document import Document
from scheduler.configuration.load import Loaded
from scheduler.configuration.members import ALLOWED, NEEDED
from scheduler.configuration.problems import Place, Problem, Problems, Severity
from scheduler.configuration.table import rows_of
from scheduler.model.cases import Case, Learnt
from scheduler.model.cycles import Duty
from scheduler.model.network import Configuration

_SAID = {
    Duty.DUE: "must report",
    Duty.EXCEPTED: "need not report",
    Duty.UNDECIDED: "is undecided",
    Duty.NOT_CONCERNED: "is not concerned",
}


def find_decided(loaded: Loaded, cases: Sequence[Case], now: datetime) -> list[Problem]:
    """A note for each duty, and a warning for each membership, of which the files say something else."""
    if loaded.readable is None:
        return []
    return [*_duties(loaded, loaded.readable, cases), *_ends(loaded, loaded.readable, cases, now)]


def _duties(loaded: Loaded, files: Configuration, cases: Sequence[Case]) -> Iterator[Problem]:
    cycles = {cycle.id: cycle for cycle in files.cycles}
    members = {member.slug: member for member in files.members}
    for case in cases:
        cycle, member = cycles.get(case.cycle), members.get(case.member)
        if cycle is None or member is None or case.decision is None:
            continue
        duty = cycle.duty(member)
        if duty is not case.decision:
            decided = f"a person decided that {case.member} {_SAID[case.decision]}"
            what = f"{decided}, and by the files it {_SAID[duty]}: the decision counts"
            place = _place(loaded.documents[cycle.id], case.member)
            again = f"to go by the files again: scheduler cases decide {case.member} undecided"
            yield Problem(place, Severity.NOTE, what, "" if duty is Duty.UNDECIDED else again)


def _place(document: Document, slug: str) -> Place:
    """The line of the city, where the round names it."""
    for key in ("also", "exempt"):
        node = document.node("who", key)
        for number, item in enumerate((node.items if node else None) or ()):
            if (item.text or "").strip() == slug:
                return document.place("who", key, number)
        if document.has("who", key, slug):
            return document.place_of_key("who", key, slug)
    return document.place_of_key("who")


def _ends(loaded: Loaded, files: Configuration, cases: Sequence[Case], now: datetime) -> Iterator[Problem]:
    learnt = Learnt(ends=Learnt.of(cases, files, now).ends)
    after = learnt.applied_to(files).members
    ended = {was.slug for was, now in zip(files.members, after, strict=True) if was != now}
    file = next((name for name in loaded.texts if name.endswith("members.csv")), None)
    if not ended or file is None:
        return
    last_day = dict(learnt.ends)
    for row in rows_of(loaded.texts[file], file, NEEDED, ALLOWED, Problems()):
        slug = row["slug"]
        if slug in ended:
            day = last_day[slug]
            of = next(case.cycle for case in cases if (case.member, case.ends_on) == (slug, day))
            what = (
                f"the membership of {slug} ends on {day} with the outcome of {of}, and here it goes on: "
                "the outcome counts"
            )
            instead = f"write the last day behind the start: to {day}"
            yield Problem(row.place("memberships"), Severity.WARNING, what, instead)
