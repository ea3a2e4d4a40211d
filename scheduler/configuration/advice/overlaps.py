"""Two sessions at once, or on one day, for the same cities (US-12.5, US-09)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scheduler.model.roll import Set


@dataclass(frozen=True)
class Sitting:
    """One session, as far as another may be in its way."""

    name: str
    #: sessions of one topic are editions: a city goes to one of them
    topic: str
    #: the day in the home zone
    day: date
    #: aware UTC; None while the time is to be announced
    starts_at: datetime | None
    ends_at: datetime | None
    invited: Set

    def overlaps(self, other: Sitting) -> bool:
        if self.starts_at is None or self.ends_at is None or not other.starts_at or not other.ends_at:
            return False
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def is_edition_of(self, other: Sitting) -> bool:
        return bool(self.topic) and self.topic == other.topic


@dataclass(frozen=True)
class Meeting:
    """A session, and those before it that some cities are invited to as well."""

    sitting: Sitting
    others: Sequence[Sitting]
    #: the other one with the most cities in common, and how many these are
    largest: Sitting
    shared: int


def find_overlaps(sittings: Iterable[Sitting]) -> Iterator[Meeting]:
    """Sessions that begin while another one runs for somebody; each is named at the later of the two."""
    running: list[Sitting] = []
    for sitting in sorted((one for one in sittings if one.starts_at), key=_by_start):
        running = [one for one in running if one.overlaps(sitting)]
        if meeting := _meeting(sitting, running):
            yield meeting
        running.append(sitting)


def find_crowded_days(sittings: Iterable[Sitting]) -> Iterator[Meeting]:
    """Sessions on one day with others, none of which overlaps; each is named at the last of them.

    Of one that overlaps, `find_overlaps` has said what is to be done.
    """
    every = list(sittings)
    overlapping = {meeting.sitting.name for meeting in find_overlaps(every)}
    today: list[Sitting] = []
    for sitting in sorted(every, key=_order):
        if today and today[0].day != sitting.day:
            today = []
        if sitting.name not in overlapping and (meeting := _meeting(sitting, today)):
            yield meeting
        today.append(sitting)


def _meeting(sitting: Sitting, others: Iterable[Sitting]) -> Meeting | None:
    shared = [
        ((sitting.invited & other.invited).bit_count(), other)
        for other in others
        if sitting.invited & other.invited and not sitting.is_edition_of(other)
    ]
    if not shared:
        return None
    most, largest = max(shared, key=lambda pair: pair[0])
    return Meeting(sitting, [other for _, other in shared], largest, most)


def _by_start(sitting: Sitting) -> tuple[str, str]:
    return sitting.starts_at.isoformat() if sitting.starts_at else "", sitting.name


def _order(sitting: Sitting) -> tuple[date, str, str]:
    """By day, then by hour, then by name; what has no hour yet comes first."""
    return sitting.day, sitting.starts_at.isoformat() if sitting.starts_at else "", sitting.name
