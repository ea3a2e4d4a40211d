"""Rules such as "third wednesday", with except and move -> dates. Days on a calendar, never hours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from dateutil import rrule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_EVERY = re.compile(rf"(?:({'|'.join(_ORDINALS)})\s+)?({'|'.join(WEEKDAYS)})", re.IGNORECASE)


#: What may be written, as a sentence goes on.
RULES = 'write a weekday, or first, second, third, fourth or last and a weekday, such as "third wednesday"'


class UnknownRecurrence(ValueError):
    """Words that are no rule we know."""

    def __init__(self, words: str) -> None:
        super().__init__(f'"{words}" is no rule; {RULES}')


@dataclass(frozen=True)
class Recurrence:
    """Dates by rule: a weekday of each month ("third wednesday") or of each week ("wednesday")."""

    #: the words of the rule, lower case
    every: str
    #: first and last day on which a date may lie, both included
    first: date
    last: date
    #: nominal dates that are left out
    left_out: tuple[date, ...] = ()
    #: nominal date -> the date it is held on instead; the nominal date stays its name
    moved: Mapping[date, date] = field(default_factory=dict)

    def nominal_dates(self) -> list[date]:
        """The dates of the rule itself, before `left_out` and `moved`, in order."""
        return list(_expand(self.every, self.first, self.last))

    def dates(self) -> list[tuple[date, date]]:
        """(nominal date, date it is held on), in the order of the nominal dates."""
        kept = (day for day in self.nominal_dates() if day not in self.left_out)
        return [(day, self.moved.get(day, day)) for day in kept]


def read_every(words: str) -> str:
    """The canonical words of a rule. Raises UnknownRecurrence with what may be written instead."""
    found = _EVERY.fullmatch(" ".join(words.split()))
    if found is None:
        raise UnknownRecurrence(words)
    return " ".join(part.lower() for part in found.groups() if part)


def _expand(every: str, first: date, last: date) -> Iterable[date]:
    *ordinal, weekday = every.split()
    day = rrule.weekday(WEEKDAYS.index(weekday))
    rule = rrule.rrule(
        rrule.MONTHLY if ordinal else rrule.WEEKLY,
        byweekday=day(_ORDINALS[ordinal[0]]) if ordinal else day,
        dtstart=datetime.combine(first, time()),
        until=datetime.combine(last, time()),
    )
    return (found.date() for found in rule)
