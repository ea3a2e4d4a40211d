"""How a language says things: texts through gettext, dates through Babel, moments in words.

All that people read in mails, feeds and pages comes through here, so that it can be translated.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import TypeVar

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.lists import format_list

from scheduler.model import times
from scheduler.model.network import Network
from scheduler.shipped import shipped

#: Where a bare language code would give the habits of another country: English is written with the day
#: before the month.
_LOCALES = {"en": "en_GB", "pt": "pt_PT", "zh": "zh_Hans"}
_DOMAIN = "scheduler"

T = TypeVar("T")

#: A session that crosses midnight is taken for one evening while it is shorter than this.
_A_NIGHT = timedelta(hours=12)
_NOON = time(12)


@dataclass(frozen=True)
class Language:
    """One language that mails are written in."""

    code: str

    @property
    def locale(self) -> Locale:
        return _locale(self.code)

    @property
    def is_right_to_left(self) -> bool:
        return self.locale.text_direction == "rtl"

    @property
    def translations(self) -> gettext.NullTranslations:
        return _translations(self.code)

    def name_of(self, code: str) -> str:
        """What this language calls another: "French"; the code itself where it has no word."""
        name: str = self.locale.languages.get(code, code)
        return name

    def country_name(self, code: str) -> str:
        """What this language calls a country: "South Korea"; the code itself where it has no word."""
        name: str = self.locale.territories.get(code, code)
        return name

    def say(self, text: str, /, **values: object) -> str:
        """The translation of an English text, with its {values} filled in."""
        return self.translations.gettext(text).format(**values)

    def say_many(self, one: str, many: str, count: int, /, **values: object) -> str:
        return self.translations.ngettext(one, many, count).format(count=count, **values)

    def full_date(self, day: date) -> str:
        """Gives "Wednesday 21 October 2020", in the order of the language."""
        return _date(day, self.code)

    def days(self, first: date, last: date) -> str:
        """Gives "Wednesday 17 June 2020", or "Wednesday 17 June 2020 – Friday 19 June 2020"."""
        if first == last:
            return self.full_date(first)
        return self.say("{begin} – {end}", begin=self.full_date(first), end=self.full_date(last))

    def short_date(self, day: date) -> str:
        """Gives "Wed 21 Oct", for subject lines."""
        return format_skeleton("MMMEd", day, locale=self.locale).replace(",", "")

    def month(self, month: str) -> str:
        """Gives "April 2019" of "2019-04"."""
        return format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=self.locale)

    def clock(self, local: datetime) -> str:
        """Gives "06:00": 24 hours, two figures, in every language, so that it can be copied and compared."""
        return f"{local:%H:%M}"

    def hours(self, starts_at: datetime, ends_at: datetime | None, zone: str) -> str:
        """Gives "13:00–14:30" in a zone; "20:00 – Friday 19 June 2020, 12:00" of what ends on another day."""
        begin = self.clock(times.local(starts_at, zone))
        if ends_at and needs_last_day(starts_at, ends_at, zone):
            return self.say("{begin} – {end}", begin=begin, end=self.span(ends_at, None, zone))
        return f"{begin}–{self.clock(times.local(ends_at, zone))}" if ends_at else begin

    def span(self, starts_at: datetime, ends_at: datetime | None, zone: str) -> str:
        """Gives "Wednesday 17 June 2020, 06:00–07:30" in a zone."""
        day = self.full_date(times.local_date(starts_at, zone))
        return self.say("{date}, {hours}", date=day, hours=self.hours(starts_at, ends_at, zone))

    def home_clock(self, at: datetime, network: Network, until: datetime | None = None) -> str:
        """Gives "Hamburg time (CEST, UTC+2)": the label as it really is on that day, and `until` when."""
        said = self._or_later(_clock_name(at, network.zone), _clock_name(until or at, network.zone))
        return self.say("{place} time ({clock})", place=network.place, clock=said)

    def offset(self, at: datetime, until: datetime | None, zone: str) -> str:
        """Gives "UTC+2"; "UTC+2, then UTC+1" where the clocks change meanwhile."""
        return self._or_later(times.offset_label(at, zone), times.offset_label(until or at, zone))

    def _or_later(self, first: str, later: str) -> str:
        return first if first == later else self.say("{first}, then {later}", first=first, later=later)

    def relation(self, day: date, other: date) -> str:
        """Gives "the next day" where `day` comes after `other`, "the day before", or nothing."""
        if day == other:
            return ""
        return self.say("the next day") if day > other else self.say("the day before")

    def own_first(self, by_code: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
        """The same pairs (language, something) under the names of the languages, this language first."""
        ordered = sorted(by_code, key=lambda pair: pair[0] != self.code)
        return [(self.name_of(code), value) for code, value in ordered]

    def listed(self, words: Iterable[str]) -> str:
        """Gives "one, two and three"."""
        return format_list(list(words), locale=self.locale)


def _clock_name(at: datetime, zone: str) -> str:
    """Gives "CEST, UTC+2"; "UTC−3:30" where people there have no name for it."""
    name, offset = times.abbreviation(at, zone), times.offset_label(at, zone)
    return f"{name}, {offset}" if name else offset


def needs_last_day(starts_at: datetime, ends_at: datetime, zone: str) -> bool:
    """ "23:30–01:00" says enough; what lasts longer than a night, or ends after noon, names its last day."""
    begin, end = times.local(starts_at, zone), times.local(ends_at, zone)
    if begin.date() == end.date():
        return False
    return ends_at - starts_at >= _A_NIGHT or end.time() > _NOON or (end.date() - begin.date()).days > 1


@lru_cache(maxsize=64)
def language(code: str, known: tuple[str, ...] = ("en",)) -> Language:
    """The language itself where there are texts for it, else English."""
    return Language(code if code in known else "en")


@lru_cache(maxsize=64)
def _locale(code: str) -> Locale:
    return Locale.parse(_LOCALES.get(code, code))


@lru_cache(maxsize=64)
def _translations(code: str) -> gettext.NullTranslations:
    return gettext.translation(_DOMAIN, shipped("locale"), [code], fallback=True)


@lru_cache(maxsize=8192)
def _date(day: date, code: str) -> str:
    text = format_date(day, "full", locale=_locale(code))
    return text.replace(",", "") if code == "en" else text
