"""Ids that are in force and no longer in the files, while something else looks just like them.

An id is a name for ever: its UID stands in thousands of calendars. Written differently, the old entry
stays in them and the new one comes besides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from scheduler.model.network import Configuration
from scheduler.model.series import Series, Session

_T = TypeVar("_T")


@dataclass(frozen=True)
class Rename:
    #: the id of the series or cycle in the files
    part: str
    #: None where the series or cycle itself is meant
    session: str | None
    #: the id that is in force
    was: str


def find_renames(before: Configuration, proposal: Configuration) -> Iterator[Rename]:
    """before: what is in force; proposal: what the files say."""
    known = {part.id for part in before.parts}
    present = {part.id for part in proposal.parts}
    gone = [part for part in before.parts if part.id not in present]
    new = [part for part in proposal.parts if part.id not in known]
    for was, now in _pairs(gone, new, lambda part: (type(part), part.title)):
        yield Rename(now.id, None, was.id)
    by_id = {series.id: series for series in before.series}
    for series in proposal.series:
        if series.id in by_id:
            yield from _sessions(by_id[series.id], series)


def _sessions(before: Series, proposal: Series) -> Iterator[Rename]:
    known = {session.id for session in before.sessions}
    present = {session.id for session in proposal.sessions}
    gone = [session for session in before.sessions if session.id not in present]
    new = [session for session in proposal.sessions if session.id not in known]
    likenesses: tuple[Callable[[Session], Hashable], ...] = (
        lambda session: session.title,
        lambda session: (session.on, session.start, session.zone),
    )
    found: dict[str, str] = {}
    for likeness in likenesses:
        for was, now in _pairs(gone, new, likeness):
            if now.id not in found and was.id not in found.values():
                found[now.id] = was.id
    for name, was_id in found.items():
        yield Rename(proposal.id, name, was_id)


def _pairs(
    gone: Iterable[_T], new: Iterable[_T], likeness: Callable[[_T], Hashable]
) -> Iterator[tuple[_T, _T]]:
    """(gone, new) where just one of each side has the same likeness."""
    was, now = _unique(gone, likeness), _unique(new, likeness)
    return ((was[key], now[key]) for key in now if key in was)


def _unique(things: Iterable[_T], likeness: Callable[[_T], Hashable]) -> dict[Hashable, _T]:
    every = list(things)
    counted = Counter(likeness(thing) for thing in every)
    return {likeness(thing): thing for thing in every if counted[likeness(thing)] == 1}
