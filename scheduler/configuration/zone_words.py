"""What a word can mean that people write behind an hour: "EAT", "GMT+9", "Germany time", "Berlin".

Here is what holds on every date. Whether "CEST" is right on a date, or a town agrees with its label, is asked
of an instant (`vocabulary.py`). pytz's own reading of abbreviations is never used: its "CET" follows summer
time, its "EST" does not, and its "Etc/GMT+9" lies nine hours behind UTC.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from scheduler.model import times


@dataclass(frozen=True)
class ZoneWord:
    """One meaning of a word."""

    #: IANA names or fixed offsets; of several, all must show the same clock, and the first one is written
    zones: tuple[str, ...]
    #: what the word says literally ("CEST" is "+02:00"): it is right only while the clock there shows it
    offset: str = ""


#: What a label can be taken for: (literally, all year; the clocks of the places that use it).
#: From the tz database's own notes; in winter the two agree, in summer they are an hour apart.
READINGS = {
    "cet": ("+01:00", "Europe/Berlin"),
    "central european time": ("+01:00", "Europe/Berlin"),
    "met": ("+01:00", "Europe/Berlin"),
    "mez": ("+01:00", "Europe/Berlin"),
    "eet": ("+02:00", "Europe/Athens"),
    "eastern european time": ("+02:00", "Europe/Athens"),
    "wet": ("+00:00", "Europe/Lisbon"),
    "western european time": ("+00:00", "Europe/Lisbon"),
}

#: Both halves of the year named at once: the clock of a place, without any doubt; with the label whose
#: meaning in network.yaml says which place.
BOTH_HALVES = {
    "cet/cest": ("cet", "Europe/Berlin"),
    "mez/mesz": ("mez", "Europe/Berlin"),
    "eet/eest": ("eet", "Europe/Athens"),
    "wet/west": ("wet", "Europe/Lisbon"),
}

#: Names that several parts of the world use: (who, a place there).
AMBIGUOUS = {
    "ist": (("India", "Asia/Kolkata"), ("Israel", "Asia/Jerusalem"), ("Ireland", "Europe/Dublin")),
    "cst": (
        ("North America", "America/Chicago"),
        ("China", "Asia/Shanghai"),
        ("Cuba", "America/Havana"),
        ("Australia", "Australia/Adelaide"),
    ),
    "bst": (
        ("Britain", "Europe/London"),
        ("Bangladesh", "Asia/Dhaka"),
        ("Bougainville", "Pacific/Bougainville"),
    ),
    "est": (("North America", "America/New_York"), ("Australia", "Australia/Brisbane")),
    "mst": (
        ("North America", "America/Denver"),
        ("Malaysia", "Asia/Kuala_Lumpur"),
        ("Myanmar", "Asia/Yangon"),
    ),
    "pst": (("North America", "America/Los_Angeles"), ("the Philippines", "Asia/Manila")),
    "ast": (("Arabia", "Asia/Riyadh"), ("the Atlantic coast of America", "America/Halifax")),
    "amt": (("the Amazon", "America/Manaus"), ("Armenia", "Asia/Yerevan")),
    "gst": (("the Gulf", "Asia/Dubai"), ("South Georgia", "Atlantic/South_Georgia")),
    "ect": (("Ecuador", "America/Guayaquil"), ("the eastern Caribbean", "America/Barbados")),
    "sst": (("Samoa", "Pacific/Pago_Pago"), ("Singapore", "Asia/Singapore")),
    "wst": (
        ("western Australia", "Australia/Perth"),
        ("Samoa", "Pacific/Apia"),
        ("Western Sahara", "Africa/El_Aaiun"),
    ),
    "pyt": (("Paraguay", "America/Asuncion"), ("Pyongyang", "Asia/Pyongyang")),
    "georgia": (("the country", "Asia/Tbilisi"), ("the state of the USA", "America/New_York")),
}
#: abbreviation or full name -> (what it says literally, a place whose clock shows it).
_SAID_OF = {
    "cest mesz mest|central european summer time": ("+02:00", "Europe/Berlin"),
    "eest|eastern european summer time": ("+03:00", "Europe/Athens"),
    "west|western european summer time": ("+01:00", "Europe/Lisbon"),
    "gmt utc ut z|greenwich mean time|coordinated universal time": ("+00:00", "UTC"),
    "cvt": ("-01:00", "Atlantic/Cape_Verde"),
    "wat|west africa time|west african time": ("+01:00", "Africa/Lagos"),
    "cat|central africa time|central african time": ("+02:00", "Africa/Maputo"),
    "sast|south africa standard time|south african standard time": ("+02:00", "Africa/Johannesburg"),
    "eat|east africa time|east african time|eastern africa time": ("+03:00", "Africa/Nairobi"),
    "mut": ("+04:00", "Indian/Mauritius"),
    "msk|moscow standard time": ("+03:00", "Europe/Moscow"),
    "trt": ("+03:00", "Europe/Istanbul"),
    "idt": ("+03:00", "Asia/Jerusalem"),
    "irst": ("+03:30", "Asia/Tehran"),
    "azt": ("+04:00", "Asia/Baku"),
    "pkt": ("+05:00", "Asia/Karachi"),
    "uzt": ("+05:00", "Asia/Tashkent"),
    "indian standard time|india standard time": ("+05:30", "Asia/Kolkata"),
    "npt|nepal time": ("+05:45", "Asia/Kathmandu"),
    "btt": ("+06:00", "Asia/Thimphu"),
    "ict": ("+07:00", "Asia/Bangkok"),
    "wib": ("+07:00", "Asia/Jakarta"),
    "wita": ("+08:00", "Asia/Makassar"),
    "wit": ("+09:00", "Asia/Jayapura"),
    "hkt": ("+08:00", "Asia/Hong_Kong"),
    "myt": ("+08:00", "Asia/Kuala_Lumpur"),
    "sgt": ("+08:00", "Asia/Singapore"),
    "pht": ("+08:00", "Asia/Manila"),
    "jst|japan standard time": ("+09:00", "Asia/Tokyo"),
    "kst|korea standard time|korean standard time": ("+09:00", "Asia/Seoul"),
    "awst": ("+08:00", "Australia/Perth"),
    "acst": ("+09:30", "Australia/Adelaide"),
    "acdt": ("+10:30", "Australia/Adelaide"),
    "aest": ("+10:00", "Australia/Sydney"),
    "aedt": ("+11:00", "Australia/Sydney"),
    "nzst": ("+12:00", "Pacific/Auckland"),
    "nzdt": ("+13:00", "Pacific/Auckland"),
    "fjt": ("+12:00", "Pacific/Fiji"),
    "nst": ("-03:30", "America/St_Johns"),
    "ndt": ("-02:30", "America/St_Johns"),
    "adt": ("-03:00", "America/Halifax"),
    "edt": ("-04:00", "America/New_York"),
    "cdt": ("-05:00", "America/Chicago"),
    "mdt": ("-06:00", "America/Denver"),
    "pdt": ("-07:00", "America/Los_Angeles"),
    "akst": ("-09:00", "America/Anchorage"),
    "akdt": ("-08:00", "America/Anchorage"),
    "hst": ("-10:00", "Pacific/Honolulu"),
    "art": ("-03:00", "America/Argentina/Buenos_Aires"),
    "brt": ("-03:00", "America/Sao_Paulo"),
    "uyt": ("-03:00", "America/Montevideo"),
    "clt": ("-04:00", "America/Santiago"),
    "clst": ("-03:00", "America/Santiago"),
    "bot": ("-04:00", "America/La_Paz"),
    "vet": ("-04:00", "America/Caracas"),
    "cot": ("-05:00", "America/Bogota"),
    "pet": ("-05:00", "America/Lima"),
}

#: Clocks that are called by both their names at once, elsewhere.
_CLOCKS = {
    "gmt/bst": "Europe/London",
    "est/edt": "America/New_York",
    "cst/cdt": "America/Chicago",
    "mst/mdt": "America/Denver",
    "pst/pdt": "America/Los_Angeles",
    "aest/aedt": "Australia/Sydney",
    "nzst/nzdt": "Pacific/Auckland",
}

#: What countries are called besides the name that the tz database has for them.
_ALSO_CALLED = {
    "Britain (UK)": ("Britain", "Great Britain", "UK", "United Kingdom"),
    "Cape Verde": ("Cabo Verde",),
    "Côte d’Ivoire": ("Ivory Coast",),
    "Congo (Dem. Rep.)": ("DR Congo", "Democratic Republic of the Congo"),
    "Czech Republic": ("Czechia",),
    "East Timor": ("Timor-Leste",),
    "Eswatini (Swaziland)": ("Eswatini", "Swaziland"),
    "Korea (North)": ("North Korea",),
    "Korea (South)": ("South Korea", "Republic of Korea"),
    "Myanmar (Burma)": ("Myanmar", "Burma"),
    "Netherlands": ("the Netherlands",),
    "Palestine": ("State of Palestine",),
    "Philippines": ("the Philippines",),
    "Samoa (western)": ("Samoa",),
    "Turkey": ("Türkiye",),
    "United States": ("USA", "US"),
    "Vietnam": ("Viet Nam",),
}

#: Signs that people write for a minus, and the one before minutes of an offset.
_OFFSET = re.compile(r"(?:gmt|utc|ut)\s*([+\-\u2010-\u2014\u2212])([0-9]{1,2})(?::?(00|15|30|45))?")
#: Nowhere is it later than at UTC+14 or earlier than at UTC−12.
_FURTHEST_EAST, _FURTHEST_WEST = 14, 12
_TIME = " time"
#: Words of everyday English: only in capitals do they mean a zone.
_IN_CAPITALS = frozenset({"art", "bot", "cat", "cot", "eat", "pet", "west", "wit"})
_JOINED = re.compile("[.'\u2018\u2019\u02bc\u200b\u2060\ufeff]")
_SLASH = re.compile(r" ?/ ?")


@lru_cache(maxsize=8192)
def plain(words: str) -> str:
    """How words are compared: without capitals, accents, dots, apostrophes and kinds of blanks."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", words) if not unicodedata.combining(sign))
    return _SLASH.sub("/", " ".join(_JOINED.sub("", bare.casefold().replace("_", " ")).split()))


@lru_cache(maxsize=4096)
def zone_word(words: str) -> ZoneWord | None:
    """What words mean that are no label of network.yaml; None where they mean nothing, or several things."""
    wanted = plain(words)
    if offset := read_offset(wanted):
        return ZoneWord((offset,))
    if wanted not in _known():
        wanted = wanted.removesuffix(_TIME)
    if wanted in AMBIGUOUS or (wanted in _IN_CAPITALS and words != words.upper()):
        return None
    return _known().get(wanted)


@lru_cache(maxsize=4096)
def readings_of(words: str) -> tuple[tuple[str, str], ...]:
    """(who, a place there) for each part of the world that a name is used in; empty for a clear one."""
    return AMBIGUOUS.get(plain(words).removesuffix(_TIME), ())


def read_offset(words: str) -> str | None:
    """Gives "+09:00" of "gmt+9", with the sign that people mean; no place is more than 14 hours away."""
    found = _OFFSET.fullmatch(words)
    if not found:
        return None
    east, hours, minutes = found[1] == "+", int(found[2]), found[3] or "00"
    if hours > (_FURTHEST_EAST if east else _FURTHEST_WEST):
        return None
    return f"{'+' if east else '-'}{hours:02}:{minutes}"


@lru_cache(maxsize=1)
def words_known() -> tuple[str, ...]:
    """All of them, as they may be proposed to who has mistyped one."""
    short = (word.upper() for word in (*_CLOCKS, *READINGS, *BOTH_HALVES) if " " not in word)
    said = (names.partition("|")[0] for names in _SAID_OF)
    single = (word.upper() for names in said if " time" not in names for word in names.split())
    return (*dict.fromkeys(name for name, _ in _places()), *short, *single)


@lru_cache(maxsize=1)
def _known() -> dict[str, ZoneWord]:
    known: dict[str, ZoneWord] = {}
    for words, zones in _places():
        before = known.get(plain(words), ZoneWord(()))
        known[plain(words)] = ZoneWord(tuple(dict.fromkeys((*before.zones, *zones))))
    for written, (offset, zone) in _SAID_OF.items():
        short, *full = written.split("|")
        names = [*full, *(short.split() if " time" not in short else [short])]
        known |= {name: ZoneWord((zone,), "" if zone == "UTC" else offset) for name in names}
    known |= {words: ZoneWord((zone,)) for words, zone in _CLOCKS.items()}
    return known


def _places() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names of zones, towns and countries; "Korea (South)" goes by other names too."""
    yield from ((zone, (zone,)) for zone in times.zone_names())
    yield from times.towns().items()
    for country, zones in times.countries().items():
        yield country, zones
        yield from ((name, zones) for name in _ALSO_CALLED.get(country, ()))
