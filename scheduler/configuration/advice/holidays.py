"""Public holidays of countries, as the library `holidays` knows them; the only door to it.

National ones only: inside a country they differ, so a holiday is warned of and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

#: The library may say more of a holiday than its name.
_REMARKS = (" (estimated)", " (observed)", " (observed, estimated)")


@lru_cache(maxsize=4096)
def holidays_on(day: date, countries: frozenset[str]) -> Mapping[str, str]:
    """country (ISO 3166-1 alpha-2) -> English name of its public holiday on that day."""
    known = ((country, holiday_on(day, country)) for country in countries)
    return {country: name for country, name in known if name}


def holiday_on(day: date, country: str) -> str:
    """The English name of a public holiday; empty where that day is none, or the country is not known."""
    return _year(country, day.year).get(day, "")


@lru_cache(maxsize=4096)
def _year(country: str, year: int) -> Mapping[date, str]:
    # loaded here, so that commands without a word on holidays answer at once
    import holidays

    try:
        found = holidays.country_holidays(country, years=year, language="en_US")
    except NotImplementedError:
        return {}
    return {day: _plain(name) for day, name in found.items() if day.year == year}


def _plain(name: str) -> str:
    """ "Eid al-Fitr (estimated); Independence Day" -> "Eid al-Fitr and Independence Day"."""
    for remark in _REMARKS:
        name = name.replace(remark, "")
    return " and ".join(dict.fromkeys(name.split("; ")))
