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

from scheduler.configuration.problems import quoted
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
    "korea": (("South Korea", "Asia/Seoul"), ("North Korea", "Asia/Pyongyang")),
}

#: Towns of the tz database whose name other well-known places have too: nobody's clock without a question.
_SEVERAL_PLACES = frozenset(
    {
        *("antigua", "bahia", "belem", "center", "chatham", "cordoba", "davis", "dawson", "easter"),
        *("ensenada", "hebron", "knox", "la paz", "la rioja", "mahe", "marengo", "merida"),
        *("midway", "monticello", "norfolk", "palmer", "petersburg", "rosario", "san juan", "san luis"),
        *("santa isabel", "santarem", "santiago", "st thomas", "stanley", "tripoli", "vincennes", "virgin"),
    }
)

#: How towns are written at home that the tz database has without accents.
_WITH_ACCENTS = (
    *("Araguaína", "Asunción", "Bogotá", "Büsingen", "Cancún", "Chișinău", "Chişinău", "Ciudad Juárez"),
    *("Cuiabá", "Curaçao", "Eirunepé", "Lomé", "Maceió", "Mazatlán", "Montréal", "Nouméa", "Panamá"),
    *("Reykjavík", "Réunion", "Río Gallegos", "São Paulo", "São Tomé", "Tucumán", "Ürümqi", "Zürich"),
)

#: What North America calls its clocks; elsewhere the words mean others.
_AMERICAN = {
    "eastern et": "America/New_York",
    "central ct": "America/Chicago",
    "mountain mt": "America/Denver",
    "pacific pt": "America/Los_Angeles",
}
_AMERICAN_FORM = re.compile(r"(?:us/)?([a-z]+)(?: (?:standard|daylight))?(?: time)?")
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
    "beijing time": ("+08:00", "Asia/Shanghai"),
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

#: With the signs that people write for a minus; before the minutes dot and colon are equal.
_OFFSET = re.compile(r"(?:gmt|utc|ut)\s*([+\-\u2010-\u2014\u2212])([0-9]{1,2})(?:[:.]?([0-9]{2}))?")
#: What somebody wrote who meant an offset.
_LIKE_OFFSET = re.compile(
    r"(gmt|utc|ut|(?=[+-]))\s*([+\-\u2010-\u2014\u2212]?)\s*([0-9]{1,2})(?:([:.,]?)([0-9]{1,2}))?"
)
#: Parts of an hour as a decimal fraction.
_FRACTIONS = {"5": "30", "50": "30", "25": "15", "75": "45"}
#: A name of the form that the tz database has, whether there is one like it or not.
ZONE_PATH = re.compile(
    r"(?:africa|america|antarctica|arctic|asia|atlantic|australia|brazil|canada|chile|etc|europe|indian"
    r"|mexico|pacific|us)(?:/[^\W\d]+(?:-[^\W\d]+)*)+(?:(?<=/gmt)[+-]?[0-9]{1,2})?",
    re.IGNORECASE,
)
_ETC = re.compile(r"etc/(?:gmt|utc)([+-])([0-9]{1,2})")
_TIME = " time"
#: Words of everyday English: only in capitals do they mean a zone.
_IN_CAPITALS = frozenset({"art", "bot", "cat", "cot", "eat", "pet", "west", "wit"})
_JOINED = re.compile("[.'\u2018\u2019\u02bc\u200b\u2060\ufeff]")
_SLASH = re.compile(r" ?/ ?")


@lru_cache(maxsize=8192)
def plain(words: str) -> str:
    """How words are compared: without capitals, dots, apostrophes and kinds of blanks; accents count."""
    bare = unicodedata.normalize("NFKC", words).casefold().replace("_", " ")
    return _SLASH.sub("/", " ".join(_JOINED.sub("", bare).split()))


def without_accents(words: str) -> str:
    """Accents may be left out, never added: "Bogota" is Bogotá, "Mação" is not Macao."""
    taken_apart = unicodedata.normalize("NFKD", words)
    return "".join(sign for sign in taken_apart if not unicodedata.combining(sign))


@lru_cache(maxsize=4096)
def zone_word(words: str) -> ZoneWord | None:
    """What words mean that are no label of network.yaml; None where they mean nothing, or several things."""
    wanted = plain(words)
    if offset := read_offset(words):
        return ZoneWord((offset,))
    if wanted not in _known():
        wanted = wanted.removesuffix(_TIME)
    if readings_of(wanted) or (wanted in _IN_CAPITALS and words != words.upper()):
        return None
    return _known().get(wanted)


@lru_cache(maxsize=4096)
def readings_of(words: str) -> tuple[tuple[str, str], ...]:
    """(who, a place there) for each part of the world that a name is used in; empty for a clear one."""
    name = plain(words).removesuffix(_TIME)
    town = without_accents(name)
    if town in _SEVERAL_PLACES:
        zone = _known()[town].zones[0]
        return ((f"the town of {zone}", zone), ("another place of that name", zone))
    return AMBIGUOUS.get(name, ())


def read_offset(words: str) -> str | None:
    """Gives "+09:00" of "GMT+9", with the sign that people mean; None where no place has such a clock."""
    found = _OFFSET.fullmatch(unicodedata.normalize("NFKC", words).casefold().strip())
    if not found:
        return None
    offset = f"{'+' if found[1] == '+' else '-'}{int(found[2]):02}:{found[3] or '00'}"
    return offset if times.is_zone(offset) else None


def trouble_with(words: str) -> tuple[str, str] | None:
    """(what is wrong, what to write) with words that are no zone, although one sees what was meant."""
    wanted = " ".join(words.casefold().split())
    if found := _ETC.fullmatch(wanted):
        hours, west = int(found[2]), found[1] == "+"
        written, meant = f"UTC{'-' if west else '+'}{hours}", f"UTC{found[1]}{hours}"
        what = f"{quoted(words)} lies {hours} hours {'behind' if west else 'before'} UTC"
        return what, f"write {written}, or {meant} if that is meant"
    if found := _LIKE_OFFSET.fullmatch(wanted):
        return _trouble_with_offset(words, found)
    if found := _AMERICAN_FORM.fullmatch(wanted):
        zones = (zone for names, zone in _AMERICAN.items() if found[1] in names.split())
        return next(
            ((f"{quoted(words)} is not understood", f"write {z} if that is meant") for z in zones), None
        )
    return None


def _trouble_with_offset(words: str, found: re.Match[str]) -> tuple[str, str]:
    name, sign, hours, separator, minutes = (part or "" for part in found.groups())
    name, sign, number = name.upper() or "UTC", "+" if sign == "+" else sign and "-", int(hours)
    if not sign:
        span = f"{number}:{minutes}" if len(minutes) > 1 else f"{number}"
        both = f"{name}+{span} or {name}-{span}" if number else "UTC"
        return f"{quoted(words)} is no offset", f"write {both}"
    if separator in (".", ",") and minutes in _FRACTIONS:
        return f"{quoted(words)} is no offset", f"write {name}{sign}{number}:{_FRACTIONS[minutes]}"
    if separator == "," and len(minutes) > 1:
        return f"{quoted(words)} is no offset", f"write {name}{sign}{number}:{minutes}"
    what = f"no place is at {name}{sign}{number}" + (f":{minutes}" if minutes else "")
    return what, "offsets go from \N{MINUS SIGN}12:00 to +14:00, by quarters of an hour"


@lru_cache(maxsize=1)
def words_known() -> tuple[str, ...]:
    """All of them, as they may be proposed to who has mistyped one."""
    short = (word.upper() for word in (*_CLOCKS, *READINGS, *BOTH_HALVES) if " " not in word)
    said = (names.partition("|")[0] for names in _SAID_OF)
    single = (word.upper() for names in said if " time" not in names for word in names.split())
    names = dict.fromkeys(
        name for name, _ in _places() if without_accents(plain(name)) not in _SEVERAL_PLACES
    )
    return (*names, *short, *single)


@lru_cache(maxsize=1)
def _known() -> dict[str, ZoneWord]:
    known: dict[str, ZoneWord] = {}
    for words, zones in _places():
        for spelt in {plain(words), without_accents(plain(words))}:
            before = known.get(spelt, ZoneWord(()))
            known[spelt] = ZoneWord(tuple(dict.fromkeys((*before.zones, *zones))))
    known |= {plain(town): known[without_accents(plain(town))] for town in _WITH_ACCENTS}
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
