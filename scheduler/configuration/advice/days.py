"""What a day is to the people concerned: a public holiday, or part of a season (US-15). Decides nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from scheduler.configuration.advice.holidays import holiday_on, holidays_on
from scheduler.configuration.problems import Severity, listed, printable
from scheduler.model import times
from scheduler.model.network import Configuration
from scheduler.model.programme import Occurrence
from scheduler.model.roll import Roll, Set
from scheduler.model.seasons import Season

#: A holiday of so large a part of those concerned is warned of, although it is none of the organiser's.
MANY = 1 / 10
#: Of a smaller part than this there is nothing to say: somewhere is always a holiday.
FEW = 1 / 50
#: So many countries or cities are named.
_MOST_NAMED = 3


@dataclass(frozen=True)
class Stretch:
    """Members who see something at the same wall time there."""

    starts: datetime
    ends: datetime
    members: Set
    #: a whole day, for its hour is to be announced
    has_hour: bool = True


@dataclass(frozen=True)
class Finding:
    severity: Severity
    what: str


@dataclass(frozen=True)
class DaysOfPeople:
    """Days as members and organiser see them; one is made for all sessions."""

    roll: Roll
    #: the organiser's country; None where the home zone is no place
    home: str | None
    #: country -> its name
    names: Mapping[str, str]
    seasons: Sequence[Season]

    @classmethod
    def of(cls, configuration: Configuration, roll: Roll, seasons: Sequence[Season]) -> DaysOfPeople:
        network = configuration.network
        names = {country.code: country.name for country in configuration.countries}
        return cls(roll, network.country or times.country_of(network.zone), names, seasons)

    def stretches(self, occurrence: Occurrence, members: Set) -> list[Stretch]:
        """The session on the clocks of those members; a whole day while its hour is to be announced."""
        if occurrence.starts_at is None or occurrence.ends_at is None:
            begin = datetime.combine(occurrence.on, datetime.min.time())
            return [Stretch(begin, begin + timedelta(hours=23, minutes=59), members, has_hour=False)]
        length = occurrence.ends_at - occurrence.starts_at
        there = self.roll.at_local(occurrence.starts_at)
        return [Stretch(starts, starts + length, part & members) for starts, part in there if part & members]

    def holiday(self, day: date, stretches: Iterable[Stretch], invited: str) -> Finding | None:
        """day: in the home zone; invited: "cities invited", the noun behind the numbers."""
        at_home = holiday_on(day, self.home) if self.home else ""
        concerned, away = 0, dict[str, int]()
        for local_day, members in _by_day(stretches).items():
            concerned += members.bit_count()
            for country, part in self._having_holiday(local_day, members):
                away[country] = away.get(country, 0) + part
        number = sum(away.values())
        whom = _whom(number, concerned, invited)
        if at_home:
            too = f"; a public holiday too in {_countries(len(away), more=True)}, {whom}" if away else ""
            return Finding(Severity.WARNING, f"{day} is {at_home} in {self._name(str(self.home))}{too}")
        if not away or number < concerned * FEW:
            return None
        severity = Severity.WARNING if number >= concerned * MANY else Severity.NOTE
        largest = sorted(away, key=lambda country: (-away[country], country))
        named = [self._name(country) for country in largest]
        return Finding(severity, f"{day} is a public holiday in {_and(named)}, {whom}")

    def _having_holiday(self, day: date, members: Set) -> Iterator[tuple[str, int]]:
        for country in holidays_on(day, self.roll.countries):
            part = members & self.roll.by_country[country]
            if part and country != self.home:
                yield country, part.bit_count()

    def in_seasons(self, day: date, stretches: Sequence[Stretch], invited: str) -> Iterator[Finding]:
        concerned = sum(stretch.members.bit_count() for stretch in stretches)
        for season in self.seasons:
            met = self._met(season, stretches)
            number = sum(stretch.members.bit_count() for stretch in met)
            if number:
                about = f": {printable(season.text)}" if season.text else ""
                whom = _whom(number, concerned, invited)
                if season.hours or season.countries:
                    whom += f" ({self._named(met, season)})"
                yield Finding(Severity.WARNING, f"{day} is in {printable(season.title)}, {whom}{about}")

    def _met(self, season: Season, stretches: Iterable[Stretch]) -> list[Stretch]:
        """Those whose day and hour it touches; the largest part first."""
        there = sum(self.roll.by_country.get(country, 0) for country in set(season.countries))
        touched = (stretch for stretch in stretches if season.meets(stretch.starts, stretch.ends))
        parts = (replace(one, members=one.members & there) if season.countries else one for one in touched)
        return sorted((one for one in parts if one.members), key=lambda one: -one.members.bit_count())

    def _named(self, met: Sequence[Stretch], season: Season) -> str:
        """Gives "Amman, Doha, Riyadh at 18:00 and 55 more": some whom nobody must look up (US-15.1)."""
        members = list(self.roll.of(met[0].members, _MOST_NAMED))
        names = ", ".join(printable(member.name) for member in members)
        at = f" at {met[0].starts:%H:%M}" if season.hours and met[0].has_hour else ""
        more = sum(stretch.members.bit_count() for stretch in met) - len(members)
        return f"{names}{at}" + (f" and {more:,} more" if more else "")

    def _name(self, country: str) -> str:
        return printable(self.names.get(country) or times.country_name(country))


def _by_day(stretches: Iterable[Stretch]) -> Mapping[date, Set]:
    found: dict[date, Set] = defaultdict(int)
    for stretch in stretches:
        found[stretch.starts.date()] |= stretch.members
    return found


def _whom(number: int, concerned: int, invited: str) -> str:
    """ "for 46 of the 336 cities invited", "for all 3 cities invited"."""
    part = f"{number:,} of the {concerned:,}" if number < concerned else f"all {number:,}"
    return f"for {part} {invited}"


def _and(names: Sequence[str]) -> str:
    """ "Peru", "Peru and Chile", "Peru, Chile, Benin and 7 more"."""
    if len(names) > _MOST_NAMED:
        return listed(names, _MOST_NAMED)
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def _countries(number: int, *, more: bool) -> str:
    return f"{number} {'more ' if more else ''}{'country' if number == 1 else 'countries'}"
