"""The words staff use, and what network.yaml says they mean: zone labels, audiences, intakes."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from functools import cached_property

from scheduler.configuration.problems import Place, Problems, did_you_mean, listed, nearest, quoted
from scheduler.configuration.zone_words import (
    BOTH_HALVES,
    READINGS,
    ZONE_PATH,
    ZoneWord,
    plain,
    readings_of,
    trouble_with,
    words_known,
    zone_word,
)
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.members import Member, Span
from scheduler.model.names import Match, Names


def intake_span(month: str) -> Span:
    """All days of a month such as "2020-09": who joined then joined with its intake."""
    year, number = (int(part) for part in month.split("-"))
    return Span(date(year, number, 1), date(year, number, calendar.monthrange(year, number)[1]))


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """eq=False: equal to itself only, so that what was read with its words can be remembered beside it."""

    #: label as written -> IANA name or fixed offset
    zone_labels: Mapping[str, str]
    #: label as written -> who is meant
    audiences: Mapping[str, Audience]
    #: the zone of everything that names none
    home_zone: str
    intakes: tuple[date, ...]
    #: the town whose clock the home zone is ("Hamburg")
    home_place: str = ""
    #: whose cities go by their names in a time line
    members: tuple[Member, ...] = ()

    def with_members(self, members: tuple[Member, ...]) -> Vocabulary:
        """The same words, and the names of these cities."""
        return replace(self, members=members)

    def intake_of(self, month: str) -> date | None:
        """The day on which new members were announced in a month."""
        return next((day for day in self.intakes if f"{day:%Y-%m}" == month), None)

    def audience(self, label: str, place: Place, problems: Problems) -> Audience | None:
        found = self._audiences_by_fold.get(folded(label))
        if found is None:
            instead = did_you_mean(label, self.audiences, f"known: {listed(self.audiences)}")
            problems.error(place, f"the audience {quoted(label)} is not defined in network.yaml", instead)
        return found

    @cached_property
    def _audiences_by_fold(self) -> Mapping[str, Audience]:
        return {folded(name): audience for name, audience in self.audiences.items()}

    def zone(
        self, word: str, on: date, at: time | None, place: Place, date_place: Place, problems: Problems
    ) -> str | None:
        """The zone that a word means on a day: a place, an offset, or a label with its meaning.

        A label whose two readings differ for `at` is warned of; refused where network.yaml is silent.
        While the hour is to be announced (None) there is nothing to read in two ways.
        A name of one half of the year (CEST) must be right for the day; the towns of a country must agree.
        place: where the word stands; date_place: where the day stands for which it is read.
        """
        label = plain(word)
        meaning = self._meanings.get(label)
        if (meaning or word == self.home_zone) and not times.is_zone(meaning or word):
            return None  # network.yaml itself is wrong there, and says so
        if label in READINGS:
            return self._labelled(word, meaning, READINGS[label], on, at, date_place, problems)
        if meaning or times.is_zone(word):
            return meaning or word
        if found := self._by_word(word):
            return _as_said(word, found, on, at, place, problems)
        if readings := self._readings_of(word):
            which = _or([who for who, _ in readings])
            problems.error(
                place, f"zone {quoted(word)} may mean {which}", f"write a place such as {readings[0][1]}"
            )
            return None
        what, instead = self.trouble_with(word)
        problems.error(place, what or f"zone {quoted(word)} is unknown", instead or _WRITE_A_ZONE)
        return None

    def knows(self, word: str) -> bool:
        """The word is said of a zone, be it in one way or in several."""
        label = plain(word)
        if label in self._meanings or label in READINGS or times.is_zone(word):
            return True
        return self._by_word(word) is not None or bool(self._readings_of(word))

    def trouble_with(self, word: str) -> tuple[str, str]:
        """(what is wrong, what to write) with a word that names no zone; empty where nothing can be said."""
        if known := trouble_with(word):
            return known
        if ZONE_PATH.fullmatch(word):
            close = self._zone_of_town(word.rpartition("/")[2].replace("_", " ")) or self.close_to(word)
        else:
            close = self.close_to(word)
        return "", f'did you mean "{close}"?' if close else ""

    def _zone_of_town(self, town: str) -> str | None:
        """For a name such as "Europe/Hamburg": the town tells more than how alike the whole is to others."""
        if found := self._by_word(town):
            return found.zones[0]
        close = self.close_to(town)
        found = self._by_word(close) if close else None
        return found.zones[0] if found else None

    def close_to(self, word: str) -> str | None:
        """The label or the word for a zone that was probably meant; first letters are rarely mistyped."""
        wanted = plain(word)
        if len(wanted) <= _MISTYPED:
            return None
        known = self._by_first_letter.get(wanted[:1], {})
        alike = [one for one in known if abs(len(one) - len(wanted)) <= _MISTYPED]
        close = nearest(wanted, alike)
        return known[close] if close else None

    @cached_property
    def _by_first_letter(self) -> Mapping[str, Mapping[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for word in (*words_known(), *self.zone_labels):
            found.setdefault(plain(word)[:1], {})[plain(word)] = word
        return found

    @cached_property
    def _meanings(self) -> Mapping[str, str]:
        return {plain(label): zone for label, zone in self.zone_labels.items()}

    def _by_word(self, word: str) -> ZoneWord | None:
        label = plain(word)
        if label in BOTH_HALVES:
            half, place = BOTH_HALVES[label]
            meaning = self._meanings.get(half, "")
            return ZoneWord((meaning if meaning in times.zone_names() else place,))
        is_home = self.home_place and label.removesuffix(" time") == plain(self.home_place)
        if is_home and times.is_zone(self.home_zone):
            return ZoneWord((self.home_zone,))
        return self._with_city(word, zone_word(word))

    # names of member cities

    def _with_city(self, word: str, said: ZoneWord | None) -> ZoneWord | None:
        """What a word says as the name of a city too: where that has another clock, it is a question."""
        match = self._city(word)
        if match is None or readings_of(word):
            return said
        if said is None:
            return ZoneWord((match.member.zone,)) if match.member else None
        cities = (match.member,) if match.member else match.candidates
        zones = dict.fromkeys((*said.zones, *(city.zone for city in cities)))
        return ZoneWord(tuple(zones), said.offset)

    def _readings_of(self, word: str) -> tuple[tuple[str, str], ...]:
        """(who, a place there) for all that a name may mean, among them cities that share it."""
        match = self._city(word)
        cities = (match.member,) if match and match.member else match.candidates if match else ()
        if match and match.member and not readings_of(word):
            return ()
        named = tuple((f"{city.name} in {city.zone}", city.zone) for city in cities)
        rest = (("another place of that name", named[0][1]),) if len(named) == 1 else ()
        return (*readings_of(word)[: 1 if named else None], *named, *rest)

    def _city(self, word: str) -> Match | None:
        """The cities of a name, where a name can stand; with a comma or brackets it must be one of them."""
        name = _TIME.sub("", word)
        if not self.members or not _NAME.fullmatch(name) or name.count("(") != name.count(")"):
            return None
        found = self._names.find(name)
        if found.member is None and (not found.candidates or _QUALIFYING.search(name)):
            return None
        return found

    @cached_property
    def _names(self) -> Names:
        return Names(self.members)

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


def _as_said(
    word: str, said: ZoneWord, on: date, at: time | None, place: Place, problems: Problems
) -> str | None:
    """The zone of a word that is right for this day and hour; refused with what the clocks there show."""
    zone = said.zones[0]
    if at is None:
        return zone
    here = times.moment(on, at, zone)
    others = [other for other in said.zones if times.moment(on, at, other) != here]
    if others:
        ours, theirs = in_utc(here, times.moment(on, at, others[0]))
        what = f"{quoted(word)} has several clocks: {at:%H:%M} on {on} is {ours} in {zone}"
        problems.error(place, f"{what}, {theirs} in {others[0]}", f"write a place such as {zone}")
        return None
    if said.offset and times.instant(on, at, said.offset) != here:
        literally = f"{_utc(times.instant(on, at, said.offset))} taken literally (UTC{said.offset})"
        what = f"{quoted(word)} is not the time of {on}: {at:%H:%M} is {_utc(here)} by the clock of {zone}"
        problems.error(place, f"{what}, {literally}", f"write {zone}, or UTC{said.offset}")
        return None
    return zone


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


#: By so many letters at most is a word too long or too short that is proposed another for.
_MISTYPED = 2
#: What the name of a city looks like, in any script; what follows it with a comma or in brackets.
_NAME = re.compile(r"(?=.{3,100}$)['\u2019\u02bc\u2018]?[^\W\d_](?:[\w .,()'\u2019\u02bc\u2018-]*[\w.)])?")
_QUALIFYING = re.compile("[,()]")
_TIME = re.compile(r"\s+time$", re.IGNORECASE)
_WRITE_A_ZONE = "write a place such as Europe/Berlin, a label of network.yaml, or an offset such as +01:00"


def folded(label: str) -> str:
    """Capital letters and the kind of blanks do not matter in a label."""
    return " ".join(label.casefold().split())


def in_utc(first: datetime, second: datetime) -> tuple[str, str]:
    """Two instants for a sentence; with their days where these differ."""
    form = "%H:%M UTC" if first.date() == second.date() else "%H:%M UTC on %Y-%m-%d"
    return f"{first:{form}}", f"{second:{form}}"


def _utc(at: datetime) -> str:
    return f"{at:%H:%M} UTC"
