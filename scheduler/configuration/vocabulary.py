"""The words staff use, and what network.yaml says they mean: zone labels, audiences, intakes."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time

from scheduler.configuration.problems import Place, Problems, did_you_mean, listed, quoted
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.members import Span

#: What a label can be taken for: (literally, all year; the clocks of the places that use it).
#: From the tz database's own notes; in winter the two agree, in summer they are an hour apart.
_READINGS = {
    "cet": ("+01:00", "Europe/Berlin"),
    "central european time": ("+01:00", "Europe/Berlin"),
    "met": ("+01:00", "Europe/Berlin"),
    "mez": ("+01:00", "Europe/Berlin"),
    "eet": ("+02:00", "Europe/Athens"),
    "eastern european time": ("+02:00", "Europe/Athens"),
    "wet": ("+00:00", "Europe/Lisbon"),
    "western european time": ("+00:00", "Europe/Lisbon"),
}


def intake_span(month: str) -> Span:
    """All days of a month such as "2020-09": who joined then joined with its intake."""
    year, number = (int(part) for part in month.split("-"))
    return Span(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]))


@dataclass(frozen=True)
class Vocabulary:
    #: label as written -> IANA name or fixed offset
    zone_labels: Mapping[str, str]
    #: label as written -> who is meant
    audiences: Mapping[str, Audience]
    #: the zone of everything that names none
    home_zone: str
    intakes: tuple[date, ...]

    def intake_of(self, month: str) -> date | None:
        """The day on which new members were announced in a month."""
        return next((day for day in self.intakes if f"{day:%Y-%m}" == month), None)

    def audience(self, label: str, place: Place, problems: Problems) -> Audience | None:
        by_fold = {folded(name): audience for name, audience in self.audiences.items()}
        found = by_fold.get(folded(label))
        if found is None:
            instead = did_you_mean(label, self.audiences, f"known: {listed(self.audiences)}")
            problems.error(place, f"the audience {quoted(label)} is not defined in network.yaml", instead)
        return found

    def zone(
        self, word: str, on: date, at: time | None, place: Place, date_place: Place, problems: Problems
    ) -> str | None:
        """The zone that a word means on a day: a place, an offset, or a label with its meaning.

        A label whose two readings differ for `at` is warned of; refused where network.yaml is silent.
        While the hour is to be announced (None) there is nothing to read in two ways.
        place: where the word stands; date_place: where the day stands for which it is read.
        """
        meaning = {folded(label): zone for label, zone in self.zone_labels.items()}.get(folded(word))
        readings = _READINGS.get(folded(word))
        if (meaning or word == self.home_zone) and not times.is_zone(meaning or word):
            return None  # network.yaml itself is wrong there, and says so
        if readings:
            return self._labelled(word, meaning, readings, on, at, date_place, problems)
        if not times.is_zone(meaning or word):
            instead = did_you_mean(word, (*times.zone_names(), *self.zone_labels), _WRITE_A_ZONE)
            problems.error(place, f"the zone {quoted(word)} is unknown", instead)
            return None
        return meaning or word

    def _labelled(
        self,
        word: str,
        meaning: str | None,
        readings: tuple[str, str],
        on: date,
        at: time | None,
        place: Place,
        problems: Problems,
    ) -> str | None:
        literal, clock = readings
        clock = clock if meaning in (None, literal) else str(meaning)
        if at is None:
            return meaning or clock
        literally, by_clock = times.instant(on, at, literal), times.moment(on, at, clock)
        if literally == by_clock:
            return meaning or clock
        both = f"{_utc(by_clock)} by the clock of {clock}, {_utc(literally)} taken literally (UTC{literal})"
        said = f'"{word}" on {on} is said of a summer date: {at:%H:%M} is {both}'
        if meaning is None:
            problems.error(place, said, f'say in network.yaml, under zone_labels, what "{word}" means')
            return None
        problems.warning(
            place, said, f"network.yaml says {meaning}, so {_utc(times.moment(on, at, meaning))} it is"
        )
        return meaning


_WRITE_A_ZONE = "write a place such as Europe/Berlin, a label of network.yaml, or an offset such as +01:00"


def folded(label: str) -> str:
    """Capital letters and the kind of blanks do not matter in a label."""
    return " ".join(label.casefold().split())


def _utc(at: datetime) -> str:
    return f"{at:%H:%M} UTC"
