"""members.csv and countries.csv -> members with their memberships and contacts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path

from pydantic_core import PydanticCustomError

from scheduler.configuration.addresses import read_address
from scheduler.configuration.problems import Place, Problems, did_you_mean, listed, quoted
from scheduler.configuration.schema import (
    check_year,
    read_country,
    read_day,
    read_id,
    read_language,
    read_month,
    say,
)
from scheduler.configuration.table import Row, read_table
from scheduler.configuration.vocabulary import Vocabulary, intake_span
from scheduler.model import times
from scheduler.model.members import (
    CITY_ROLES,
    NATIONAL_COMMISSION,
    NATIONAL_COORDINATOR,
    Contact,
    Member,
    Membership,
    Span,
)
from scheduler.model.names import fold
from scheduler.model.network import Country, Network

ROLES = CITY_ROLES
NEEDED = ("slug", "name", "country", "region", "zone", "languages", "weekend", "memberships", "coordinator")
ALLOWED = ("aliases", "certainty", "deputy", "mayor", "confidence", "sources", "note")
_COUNTRY_COLUMNS = ("country", "name", "national_coordinator", "national_commission")

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PERIOD = re.compile(r"(?P<by>by )?(?P<start>\S+)(?: to (?P<end>\S+))?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MONTH = re.compile(r"\d{4}-\d\d")
_YEAR = re.compile(r"\d{4}", re.ASCII)
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]+)>")
#: To join or part letters (U+200C, U+200D), and the marks of right-to-left writing.
_UNSEEN_BUT_NEEDED = "\u200c\u200d\u200e\u200f"
#: What clocks showed before does not tell whether a zone is right.
_CLOCKS_SINCE = date(2020, 1, 1)
_SPREADSHEET_MONTH = re.compile(r"[A-Za-z]{3,9}[-. ]\d{2,4}|\d{1,2}[-. ][A-Za-z]{3,9}")


def read_countries(path: Path, problems: Problems) -> tuple[Country, ...]:
    rows = read_table(path, _COUNTRY_COLUMNS, (), problems)
    seen: dict[str, int] = {}
    countries = []
    for row in rows:
        if problems.are_enough(Place(row.file, row.line)):
            break
        coordinator = _addresses(row, "national_coordinator", problems)
        commission = _addresses(row, "national_commission", problems)
        try:
            code = read_country(row["country"])
        except PydanticCustomError as said:
            _say(row, "country", said, problems)
            continue
        first = seen.setdefault(code, row.line)
        if first != row.line:
            what = f'the country "{code}" stands on line {first} already'
            problems.error(row.place("country"), what, "keep one of the two")
        countries.append(Country(code, row["name"] or code, _first(coordinator), _first(commission)))
    return tuple(countries)


def _first(contacts: list[Contact]) -> str:
    return contacts[0].address if contacts else ""


def _offices(country: Country) -> Iterator[Contact]:
    if country.national_coordinator:
        yield Contact(NATIONAL_COORDINATOR, country.national_coordinator)
    if country.national_commission:
        yield Contact(NATIONAL_COMMISSION, country.national_commission)


@lru_cache(maxsize=1024)
def _may_be_in(zone: str, country: str) -> bool:
    """Clocks of the country show the same; so an old name such as Asia/Calcutta is right too."""
    own = times.zones_of(country)
    if not own or zone in own:
        return True
    return times.clock_from(zone, _CLOCKS_SINCE) in {times.clock_from(one, _CLOCKS_SINCE) for one in own}


@dataclass
class _Reader:
    network: Network
    vocabulary: Vocabulary
    countries: tuple[Country, ...]
    problems: Problems
    #: (slug, place) of addresses that only_to does not allow
    barred: list[tuple[str, Place]] = field(default_factory=list)
    #: country code -> its offices, which are contacts of each of its cities
    offices: Mapping[str, tuple[Contact, ...]] = field(init=False)
    #: (memberships, certainty) as written -> what was read of them; most cities came with one of few intakes
    known: dict[tuple[str, str], tuple[Membership, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offices = {country.code: tuple(_offices(country)) for country in self.countries}

    def member(self, row: Row) -> Member | None:
        problems_before = self.problems.errors()
        member = Member(
            slug=self._slug(row),
            name=self._name(row),
            aliases=self._aliases(row),
            country=self._country(row),
            region=self._region(row),
            zone=self._zone(row),
            languages=self._languages(row),
            weekend=self._weekend(row),
            memberships=self._memberships(row),
            contacts=(*self._contacts(row), *self.offices.get(row["country"], ())),
        )
        return member if self.problems.errors() == problems_before else None

    def _missing(self, row: Row, column: str) -> str:
        self.problems.error(row.place(column), f'"{column}" is empty', "write it")
        return ""

    def _name(self, row: Row) -> str:
        self._refuse_unseen(row, "name")
        return row["name"] or self._missing(row, "name")

    def _aliases(self, row: Row) -> tuple[str, ...]:
        self._refuse_unseen(row, "aliases")
        return tuple(row.several("aliases"))

    def _refuse_unseen(self, row: Row, column: str) -> None:
        """A sign that nobody sees makes two names of one; Persian and Indian names need some of them."""
        for sign in row[column]:
            if not sign.isascii() and unicodedata.category(sign) == "Cf" and sign not in _UNSEEN_BUT_NEEDED:
                what = f"an invisible sign (U+{ord(sign):04X}) stands in {column}"
                self.problems.error(row.place(column), what, "delete it")
                return

    def _slug(self, row: Row) -> str:
        try:
            return read_id(row["slug"])
        except PydanticCustomError as said:
            _say(row, "slug", said, self.problems)
            return ""

    def _country(self, row: Row) -> str:
        code, known = row["country"], self._codes
        if known and code not in known:  # where there are none, countries.csv itself is wrong, and says so
            self.problems.error(
                row.place("country"), f"the country {quoted(code)} is not in countries.csv", "add it there"
            )
        return code

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(country.code for country in self.countries)

    def _region(self, row: Row) -> str:
        ids = [region.id for region in self.network.regions]
        if row["region"] not in ids:
            instead = did_you_mean(row["region"], ids, f"known: {listed(ids)}")
            self.problems.error(
                row.place("region"), f"the region {quoted(row['region'])} is not in network.yaml", instead
            )
        return row["region"]

    def _zone(self, row: Row) -> str:
        zone = row["zone"] or times.only_zone_of(row["country"])
        if zone is None:
            what = f"{row['country']} has several zones, so this member needs its own"
            self.problems.error(row.place("zone"), what, "write a place such as America/Bogota")
            return "UTC"
        if not times.is_zone(zone):
            instead = did_you_mean(zone, times.zone_names(), "write a place such as America/Bogota")
            self.problems.error(row.place("zone"), f"zone {quoted(zone)} is unknown", instead)
        elif not _may_be_in(zone, row["country"]):
            known = listed(times.zones_of(row["country"]), most=3)
            what = f"{zone} is no zone of {times.country_name(row['country'])} ({row['country']})"
            self.problems.warning(row.place("zone"), what, f"its clocks are those of {known}")
        return zone

    def _languages(self, row: Row) -> tuple[str, ...]:
        if not row.several("languages"):
            self._missing(row, "languages")
        try:
            return tuple(read_language(code) for code in row.several("languages"))
        except PydanticCustomError as said:
            _say(row, "languages", said, self.problems)
            return ()

    def _weekend(self, row: Row) -> tuple[int, ...]:
        days = [part.strip().lower() for part in row["weekend"].split("-")]
        if not 1 <= len(days) <= 2 or any(day not in _WEEKDAYS for day in days):
            what = f"{quoted(row['weekend'])} is no weekend"
            self.problems.error(
                row.place("weekend"), what, "write a day or a span of days, such as Sun or Fri-Sat"
            )
            return ()
        first, last = _WEEKDAYS.index(days[0]), _WEEKDAYS.index(days[-1])
        span = tuple((first + step) % 7 for step in range((last - first) % 7 + 1))
        if len(span) > 3:
            what = f'"{row["weekend"]}" would leave {7 - len(span)} working days'
            self.problems.error(row.place("weekend"), what, "write at most three days, such as Fri-Sun")
        return span

    def _memberships(self, row: Row) -> tuple[Membership, ...]:
        written = (row["memberships"], row["certainty"])
        if written in self.known:
            return self.known[written]
        before = self.problems.errors()
        memberships = self._read_memberships(row)
        if self.problems.errors() == before:
            self.known[written] = memberships
        return memberships

    def _read_memberships(self, row: Row) -> tuple[Membership, ...]:
        periods, certainties = row.several("memberships"), row.several("certainty")
        if not periods:
            self._missing(row, "memberships")
            return ()
        if certainties and len(certainties) != len(periods):
            what = f"periods: {len(periods)}, words of certainty: {len(certainties)}"
            self.problems.error(row.place("certainty"), what, "write one for each, separated by |")
            return ()
        found: list[Membership] = []
        for period, certainty in zip(periods, certainties or ["stated"] * len(periods), strict=True):
            try:
                found.append(self._membership(period, certainty))
            except PydanticCustomError as said:
                _say(row, "memberships", said, self.problems)
        return self._closed(found, row)

    def _membership(self, period: str, certainty: str) -> Membership:
        parts = _PERIOD.fullmatch(period)
        if not parts or (parts["by"] and not _MONTH.fullmatch(parts["start"])):
            say(*_no_period(period))
        began = self._span(parts["start"], period)
        if parts["by"]:
            began = Span(None, intake_span(parts["start"]).last)
        end = parts["end"]
        if end is None:
            return Membership(began, None, certainty)
        until = self._end(end, period)
        if began.first and until < began.first:
            say(f"{quoted(period)} ends before it begins", "write START to END")
        return Membership(began, until, certainty)

    def _end(self, text: str, period: str) -> date:
        """The last day; of a month or a year its own last day, whatever intake it had."""
        if _MONTH.fullmatch(text):
            return intake_span(read_month(text)).last or date.max
        return self._span(text, period).last or date.max

    def _span(self, text: str, period: str) -> Span:
        """The days that a day, a month or a year may mean; a month of an intake means its day."""
        if text == "unknown":
            return Span(None, None)
        if _DAY.fullmatch(text):
            day = read_day(text)
            return Span(day, day)
        if _MONTH.fullmatch(text):
            month = intake_span(read_month(text))
            intake = self.vocabulary.intake_of(text)
            return Span(intake, intake) if intake else month
        if not _YEAR.fullmatch(text):
            say(*_no_period(period))
        check_year(text)
        return Span(date(int(text), 1, 1), date(int(text), 12, 31))

    def _closed(self, memberships: list[Membership], row: Row) -> tuple[Membership, ...]:
        """In order of time; one whose end is unknown lasts until the next begins."""
        closed = []
        for number, membership in enumerate(memberships):
            later = memberships[number + 1 :]
            if membership.until == date.max:
                begins = later[0].began.first if later else None
                until = begins - date.resolution if begins else None
                membership = Membership(membership.began, until, membership.certainty)
            if later and (
                membership.until is None
                or (later[0].began.first and later[0].began.first <= membership.until)
            ):
                what = "memberships: a period begins before the one before it has ended"
                self.problems.error(row.place("memberships"), what, "write START to END|START, oldest first")
            closed.append(membership)
        return tuple(closed)

    def _contacts(self, row: Row) -> list[Contact]:
        contacts = [contact for role in ROLES for contact in _addresses(row, role, self.problems)]
        for contact in contacts:
            if contact.address.casefold() == self.network.sender.address.casefold():
                self._refuse_sender(row, contact.role)
        barred = (contact for contact in contacts if not self.network.may_write_to(contact.address))
        self.barred += [(row["slug"], row.place(contact.role)) for contact in barred]
        if not row.several("coordinator"):
            self.problems.error(
                row.place("coordinator"), f"{row['slug']} has no coordinator", "write an address"
            )
        return contacts

    def _refuse_sender(self, row: Row, role: str) -> None:
        what = f"{role}: this is the address that the mails come from (sender in network.yaml)"
        instead = "write another one: no calendar program takes an invitation from itself"
        self.problems.error(row.place(role), what, instead)


def read_members(
    path: Path,
    network: Network,
    vocabulary: Vocabulary,
    countries: tuple[Country, ...],
    problems: Problems,
) -> tuple[Member, ...]:
    """The members, in the order of the file."""
    rows = read_table(path, NEEDED, ALLOWED, problems)
    members = members_of(rows, network, vocabulary, countries, problems)
    _warn_of_shared_names(members, rows, problems)
    return members


def members_of(
    rows: Iterable[Row],
    network: Network,
    vocabulary: Vocabulary,
    countries: tuple[Country, ...],
    problems: Problems,
) -> tuple[Member, ...]:
    """The members that rows describe, in their order."""
    reader = _Reader(network, vocabulary, countries, problems)
    seen: dict[str, int] = {}
    holders: dict[str, Row] = {}
    members: list[Member] = []
    for row in rows:
        if problems.are_enough(Place(row.file, row.line)):
            break
        member = reader.member(row)
        first = seen.setdefault(row["slug"], row.line)
        if row["slug"] and first != row.line:
            what = f'the slug "{row["slug"]}" stands on line {first} already'
            problems.error(row.place("slug"), what, "a slug names one member for ever; write another")
        elif member:
            members.append(member)
            _warn_of_shared(member, row, holders, problems)
    _warn_of_barred(reader.barred, problems)
    return tuple(members)


@dataclass(frozen=True)
class SharedName:
    """Two members have one name, so that neither is surely meant by it."""

    name: str
    member: Member
    #: where it has the name
    column: str
    other: Member


def shared_names(members: Iterable[Member]) -> Iterator[SharedName]:
    """Names and aliases of members that are a slug, name or alias of one before, however written."""
    holders: dict[str, Member] = {}
    for member in members:
        written = [("slug", member.slug), ("name", member.name), *(("aliases", a) for a in member.aliases)]
        for column, name in written:
            other = holders.setdefault(fold(name), member)
            if other is not member and fold(name):
                yield SharedName(name, member, column, other)


def _warn_of_shared_names(members: Iterable[Member], rows: Iterable[Row], problems: Problems) -> None:
    by_slug = {row["slug"]: row for row in rows}
    for shared in shared_names(members):
        row, first = by_slug[shared.member.slug], by_slug[shared.other.slug]
        what = f"{quoted(shared.name)} is a name of {shared.other.slug} (line {first.line}) too"
        instead = "neither is found by it: add what tells them apart in brackets, or leave it out"
        problems.warning(row.place(shared.column), what, instead)


def _warn_of_shared(member: Member, row: Row, holders: dict[str, Row], problems: Problems) -> None:
    """Two members with one address: it gets every mail twice, and one answer counts for one of them.

    Capital letters and the spelling of a domain (müller.example, xn--mller-kva.example) do not matter;
    dots in front of the @ do, for on most mail servers they make another mailbox. The offices of a country
    are those of all its cities.
    """
    for contact in member.contacts:
        if contact.role not in CITY_ROLES:
            continue
        first = holders.setdefault(contact.address.casefold(), row)
        if first is not row:
            what = f"{contact.address} is an address of {first['slug']} (line {first.line}) too"
            problems.warning(row.place(contact.role), what, "write the city's own, if it has one")


def _warn_of_barred(barred: list[tuple[str, Place]], problems: Problems) -> None:
    """One warning for all addresses that only_to does not allow, at the first of them."""
    if barred:
        (slug, place), others = barred[0], len(barred) - 1
        whom = f"{slug} and {others:,} more addresses" if others else slug
        what = f"mail to {whom} is refused: only_to in network.yaml names other domains"
        problems.warning(place, what, "add the domain there, or remove only_to")


def _addresses(row: Row, column: str, problems: Problems) -> list[Contact]:
    contacts: list[Contact] = []
    for part in row.several(column):
        named = _NAMED.fullmatch(part)
        name, text = (named["name"].strip(), named["address"]) if named else ("", part)
        try:
            address = read_address(text)
        except PydanticCustomError as said:
            _say(row, column, said, problems)
            continue
        if any(contact.address.casefold() == address.casefold() for contact in contacts):
            problems.error(row.place(column), f"an address stands twice in {column}", "keep one of the two")
        else:
            contacts.append(Contact(column, address, name))
    return contacts


def _say(row: Row, column: str, said: PydanticCustomError, problems: Problems) -> None:
    context = said.context or {}
    problems.error(row.place(column), f"{column}: {context['what']}", context["instead"])


def _no_period(period: str) -> tuple[str, str]:
    if _SPREADSHEET_MONTH.fullmatch(period):
        return (
            f"{quoted(period)} may be a month or a day: a spreadsheet program has rewritten this cell",
            "write it as 2020-09, in a cell formatted as text",
        )
    return (
        f"{quoted(period)} is no membership",
        "write 2020-09-23, 2020-09, 2020, by 2020-09 or unknown, and to END if it ended",
    )
