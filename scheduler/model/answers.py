"""What a contact says to an invitation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from scheduler.model.programme import Occurrence


class Answer(StrEnum):
    """As PARTSTAT says it in small letters (RFC 5545, section 3.2.12)."""

    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"


class Closed(StrEnum):
    """Why a session cannot be answered, in words for staff."""

    CANCELLED = "it is cancelled"
    HELD = "it is held until staff decide"
    OVER = "it is over"
    POSTPONED = "it is postponed, without a date"
    WITHOUT_HOUR = "its time is to be announced"
    UNINVITED = "the city is not invited to it"
    #: the contact was never there, as in a test mail, or is there no more
    NOBODY = "the link answers for nobody"


def why_closed(occurrence: Occurrence, now: datetime) -> Closed | None:
    """None while it can be answered: an answer is to an hour that is still to come, or not over."""
    if occurrence.is_cancelled:
        return Closed.CANCELLED
    if occurrence.is_held:
        return Closed.HELD
    if occurrence.is_postponed:
        return Closed.POSTPONED
    if occurrence.is_over(now):
        return Closed.OVER
    return Closed.WITHOUT_HOUR if occurrence.starts_at is None else None


#: What was answered, and to which hour.
Said = tuple[Answer, datetime | None]


@dataclass(frozen=True)
class AnswerCount:
    """How many of those whose invitation to a session stands answered what; a person counts once."""

    come: int = 0
    maybe: int = 0
    #: to whatever hour: a no holds until something else is said
    declined: int = 0
    #: came or perhaps came, when the session had another hour
    outdated: int = 0
    #: have not answered
    silent: int = 0

    def __str__(self) -> str:
        """Gives "3 come, 1 maybe, 2 do not come (no reminders), 40 have not answered"."""
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        yield f"{self.come:,} {'comes' if self.come == 1 else 'come'}"
        if self.maybe:
            yield f"{self.maybe:,} maybe"
        if self.declined:
            yield f"{self.declined:,} {'does' if self.declined == 1 else 'do'} not come (no reminders)"
        if self.outdated:
            yield f"{self.outdated:,} answered when it had another hour"
        if self.silent:
            yield f"{self.silent:,} {'has' if self.silent == 1 else 'have'} not answered"


def count_answers(
    occurrence: Occurrence,
    invited: Collection[int],
    said: Mapping[Said, AbstractSet[int]],
    people: Mapping[int, object],
) -> AnswerCount | None:
    """None where nobody answered. invited: numbers of contacts; people: who each number is, for one person
    may hold two roles."""
    persons = {people.get(number, number) for number in invited}
    found: dict[object, str] = {}
    for (answer, starts_at), numbers in said.items():
        what = _as_counted(answer, starts_at, occurrence)
        found.update((people.get(number, number), what) for number in numbers)
    counted = Counter(what for person, what in found.items() if person in persons)
    if not counted:
        return None
    return AnswerCount(**counted, silent=len(persons) - counted.total())


def _as_counted(answer: Answer, starts_at: datetime | None, occurrence: Occurrence) -> str:
    """The field of AnswerCount."""
    if answer is Answer.DECLINED:
        return "declined"
    if starts_at != occurrence.starts_at:
        return "outdated"
    return "come" if answer is Answer.ACCEPTED else "maybe"
