"""Rules such as "third wednesday" or "every 2 weeks", with except and move -> dates.

Days on a calendar, never hours. There is no "fifth friday": most months have none, and what is meant then
only people know. "every third wednesday" is refused too: of each month, or every three weeks?
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import islice

from dateutil import rrule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_NUMBERS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WEEKDAY = "|".join(WEEKDAYS)
_OF_MONTH = re.compile(rf"({'|'.join(_ORDINALS)}) ({_WEEKDAY})(?: of (?:the|each|every) month)?")
_OF_WEEK = re.compile(rf"(?:every )?({_WEEKDAY})")
_OTHER = re.compile(rf"every other ({_WEEKDAY})")
_WEEKS = re.compile(
    rf"every (?:(?:(other)|([1-9]|[1-4][0-9]|5[0-2])|({'|'.join(_NUMBERS)})) )?weeks?(?: on ({_WEEKDAY}))?"
)  # up to 52: more weeks than a year has are no rhythm
#: All that may be written, in small letters with one blank between the words.
PATTERN = "|".join(form.pattern for form in (_OF_MONTH, _OF_WEEK, _OTHER, _WEEKS))

#: What may be written, as a sentence goes on.
RULES = (
    'write a weekday, or first, second, third, fourth or last and a weekday, such as "third wednesday", '
    'or every and a number of weeks, such as "every 2 weeks"'
)


class UnknownRecurrence(ValueError):
    """Words that are no rule we know."""

    def __init__(self, words: str) -> None:
        super().__init__(f'"{words}" is no rule; {RULES}')


@dataclass(frozen=True)
class Recurrence:
    """Dates by rule: a weekday of each month ("third wednesday") or week, or a day of every n weeks."""

    #: the words of the rule, lower case
    every: str
    #: first and last day on which a date may lie, both included
    first: date
    last: date
    #: nominal dates that are left out
    left_out: tuple[date, ...] = ()
    #: nominal date -> the date it is held on instead; the nominal date stays its name
    moved: Mapping[date, date] = field(default_factory=dict)
    #: so many nominal dates at most; those that are left out count
    count: int | None = None

    def nominal_dates(self) -> list[date]:
        """The dates of the rule itself, before `left_out` and `moved`, in order."""
        return list(islice(_expand(self.every, self.first, self.last), self.count))

    def dates(self) -> list[tuple[date, date]]:
        """(nominal date, date it is held on), in the order of the nominal dates."""
        kept = (day for day in self.nominal_dates() if day not in self.left_out)
        return [(day, self.moved.get(day, day)) for day in kept]


def read_every(words: str) -> str:
    """The canonical words of a rule. Raises UnknownRecurrence with what may be written instead."""
    plain = " ".join(words.split()).lower()
    if found := _OF_MONTH.fullmatch(plain):
        return f"{found[1]} {found[2]}"
    if found := _OF_WEEK.fullmatch(plain):
        return found[1]
    if found := _OTHER.fullmatch(plain):
        return f"every 2 weeks on {found[1]}"
    if found := _WEEKS.fullmatch(plain):
        number = 2 if found[1] else int(found[2] or 1)
        number = _NUMBERS.index(found[3]) + 2 if found[3] else number
        return f"every {number} weeks" + (f" on {found[4]}" if found[4] else "")
    raise UnknownRecurrence(words)


def _expand(every: str, first: date, last: date) -> Iterable[date]:
    """Of "every 2 weeks" the first date is `first` itself, or the first such weekday from then on."""
    if every.startswith("every "):
        _, number, _, *weekday = every.split()
        return _every_weeks(int(number), _on_or_after(first, weekday[-1]) if weekday else first, last)
    *ordinal, weekday_name = every.split()
    if not ordinal:
        return _every_weeks(1, _on_or_after(first, weekday_name), last)
    day = rrule.weekday(WEEKDAYS.index(weekday_name))
    rule = rrule.rrule(
        rrule.MONTHLY,
        byweekday=day(_ORDINALS[ordinal[0]]),
        dtstart=datetime.combine(first, time()),
        until=datetime.combine(last, time()),
    )
    return (found.date() for found in rule)


def _on_or_after(day: date, weekday: str) -> date:
    return day + timedelta(days=(WEEKDAYS.index(weekday) - day.weekday()) % 7)


def _every_weeks(number: int, day: date, last: date) -> Iterable[date]:
    while day <= last:
        yield day
        day += timedelta(weeks=number)
