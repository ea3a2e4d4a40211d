"""Seasons in which people are elsewhere with their thoughts: warned of, never decided for anybody (US-15)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta


@dataclass(frozen=True)
class Hours:
    """Clock times of one day there, half-open."""

    begin: time
    end: time

    def meet(self, starts: datetime, ends: datetime) -> bool:
        """Some of it lies in these hours; what goes on for days does on one of them."""
        if ends - starts >= timedelta(days=1):
            return True
        begin = datetime.combine(starts.date(), self.begin, starts.tzinfo)
        end = datetime.combine(starts.date(), self.end, starts.tzinfo)
        return starts < end and begin < max(ends, starts + timedelta(seconds=1))


@dataclass(frozen=True)
class Season:
    #: as the warnings print it
    title: str
    #: calendar days there, both included
    first: date
    last: date
    #: so many days earlier or later it may begin and end
    give_or_take: timedelta = timedelta()
    #: ISO 3166-1 alpha-2; empty = everywhere
    countries: tuple[str, ...] = ()
    #: None = the whole day
    hours: Hours | None = None
    #: what people should know
    text: str = ""

    def meets(self, starts: datetime, ends: datetime) -> bool:
        """Some of it may lie in the season, and in its hours; both are wall times of the same clock."""
        last_day = max(starts, ends - timedelta(seconds=1)).date()
        if starts.date() > self.last + self.give_or_take or last_day < self.first - self.give_or_take:
            return False
        return self.hours is None or self.hours.meet(starts, ends)
