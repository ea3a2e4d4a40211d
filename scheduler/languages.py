"""How a language says things: texts through gettext, dates through Babel, moments in words.

All that people read in mails, feeds and pages comes through here, so that it can be translated.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

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

    def say(self, text: str, /, **values: object) -> str:
        """The translation of an English text, with its {values} filled in."""
        return self.translations.gettext(text).format(**values)

    def say_many(self, one: str, many: str, count: int, /, **values: object) -> str:
        return self.translations.ngettext(one, many, count).format(count=count, **values)

    def full_date(self, day: date) -> str:
        """Gives "Wednesday 21 October 2020", in the order of the language."""
        return _date(day, self.code)

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
        """Gives "13:00–14:30" in a zone."""
        begin = self.clock(times.local(starts_at, zone))
        return f"{begin}–{self.clock(times.local(ends_at, zone))}" if ends_at else begin

    def span(self, starts_at: datetime, ends_at: datetime | None, zone: str) -> str:
        """Gives "Wednesday 17 June 2020, 06:00–07:30" in a zone."""
        day = self.full_date(times.local_date(starts_at, zone))
        return self.say("{date}, {hours}", date=day, hours=self.hours(starts_at, ends_at, zone))

    def home_clock(self, at: datetime, network: Network) -> str:
        """Gives "Hamburg time (CEST, UTC+2)": the label as it really is on that day."""
        offset = times.offset_label(at, network.zone)
        name = times.abbreviation(at, network.zone)
        said = f"{name}, {offset}" if name else offset
        return self.say("{place} time ({clock})", place=network.place, clock=said)

    def relation(self, day: date, other: date) -> str:
        """Gives "the next day" where `day` comes after `other`, "the day before", or nothing."""
        if day == other:
            return ""
        return self.say("the next day") if day > other else self.say("the day before")

    def listed(self, words: Iterable[str]) -> str:
        """Gives "one, two and three"."""
        return format_list(list(words), locale=self.locale)


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
