"""The codes with which cities come into the survey: worked out here, or made by the survey itself.

A code is a secret of its city: no log, journal or sentence repeats one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from scheduler.configuration.lists import formulas
from scheduler.configuration.lists.survey import Participant
from scheduler.configuration.problems import MOST_FINDINGS
from scheduler.errors import CasesRefused
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.members import CITY_ROLES, Contact, Member
from scheduler.model.names import Names
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.store import cases, ledger
from scheduler.store.database import Connection, Database

#: What LimeSurvey has room for.
LONGEST_CODE = 35
#: The signs that it leaves in a code.
_SIGNS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_~-")


async def codes_of(connection: Connection, in_force: InForce, cycle: Cycle, links: Links) -> dict[str, str]:
    """Slug -> code, of all members: the survey's own, or the one that is worked out."""
    return _all(await cases.codes(connection, cycle.id), in_force, cycle, links)


def _all(made: Mapping[str, str], in_force: InForce, cycle: Cycle, links: Links) -> dict[str, str]:
    """made: slug -> code, of those whose code the survey has made."""
    return {slug: made.get(slug) or links.code(cycle.id, slug) for slug in in_force.members}


def folded(code: str) -> str:
    """LimeSurvey takes small and capital letters for the same."""
    return code.strip().casefold()


# for the survey

COLUMNS = ("firstname", "lastname", "email", "language", "token", "attribute_1")


def participants(in_force: InForce, cycle: Cycle, codes: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
    """A row of COLUMNS for each city that must report, by slug: who is written to, the city, its slug.

    A cell that a spreadsheet program would take for a formula begins with an apostrophe.
    """
    for slug, member in sorted(in_force.members.items()):
        if cycle.duty(member) is Duty.DUE:
            contact = _written_to(member)
            name, address = (contact.name, contact.address) if contact else ("", "")
            cells = (name, member.name, address, member.languages[0], codes[slug], slug)
            yield tuple(_harmless(cell) for cell in cells)


def _written_to(member: Member) -> Contact | None:
    """The first of the city's own contacts, coordinators before others."""
    found = [contact for contact in member.contacts if contact.role in CITY_ROLES]
    return min(found, key=lambda contact: CITY_ROLES.index(contact.role), default=None)


def _harmless(cell: str) -> str:
    return f"'{cell}" if formulas.begins_one(cell) else cell


# from the survey


@dataclass(frozen=True)
class Taken:
    """What a list would change."""

    #: slug -> code; None: worked out again
    codes: Mapping[str, str | None]
    #: how many cities have the code of the list already
    known: int = 0
    #: a sentence for each line that is left alone
    left: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Taken({len(self.codes)} codes)"


@dataclass(frozen=True)
class CaseCodes:
    """Raises DatabaseAway."""

    database: Database
    in_force: InForce
    links: Links

    async def all(self, cycle: Cycle) -> dict[str, str]:
        async with self.database.read() as connection:
            return await codes_of(connection, self.in_force, cycle, self.links)

    async def plan(self, cycle: Cycle, rows: Iterable[Participant]) -> Taken:
        """What the list would change. Raises CasesRefused with a sentence for each line that is wrong."""
        async with self.database.read() as connection:
            made = await cases.codes(connection, cycle.id)
            codes = _all(made, self.in_force, cycle, self.links)
            known = {case.member for case in await cases.read(connection, cycle.id)}
        return _Taking(self.in_force, cycle, codes, made, known).take(rows)

    async def plan_to_forget(self, cycle: Cycle) -> Taken:
        async with self.database.read() as connection:
            return Taken(dict.fromkeys(await cases.codes(connection, cycle.id)))

    async def write(self, cycle: Cycle, taken: Taken, *, by: str, now: datetime) -> None:
        """Mails that are written from now on have these codes; the journal has how many they are."""
        forgets = all(code is None for code in taken.codes.values())
        number = f"{len(taken.codes):,} {'code' if len(taken.codes) == 1 else 'codes'}"
        async with self.database.write() as connection:
            await ledger.hold(connection)
            await cases.write_codes(connection, cycle.id, taken.codes, self.in_force.member_ids)
            detail = f"{number} worked out again" if forgets else f"{number} of the survey"
            await ledger.note(connection, now, by, "codes", cycle.id, detail)
            await ledger.raise_generation(connection)


class _Taking:
    """codes: of all members, as they are; made: those of the survey; known: who has a case."""

    def __init__(
        self,
        in_force: InForce,
        cycle: Cycle,
        codes: Mapping[str, str],
        made: Mapping[str, str],
        known: set[str],
    ) -> None:
        self._members, self._cycle = in_force.members, cycle
        self._codes, self._made, self._known = codes, made, known
        self._names = Names(in_force.configuration.members, in_force.configuration.countries)
        self._by_address = _by_address(in_force.configuration.members)
        self._problems: list[str] = []
        self._left: list[str] = []

    def take(self, rows: Iterable[Participant]) -> Taken:
        rows = list(rows)
        found: dict[str, Participant] = {}
        lines: dict[str, int] = {}
        for row in rows:
            slug = self._checked(row)
            if slug is None:
                continue
            if (first := lines.setdefault(folded(row.code), row.line)) != row.line:
                self._problems.append(f"line {row.line}: line {first} has the same code")
            if (other := found.setdefault(slug, row)) is not row:
                self._problems.append(f"line {row.line}: {slug} stands on line {other.line} already")
        if rows and not any(row.code for row in rows):
            self._problems.append("no line has a code; first: “Generate access codes” in LimeSurvey")
        self._refuse_codes_of_others(found)
        if self._problems:
            raise CasesRefused(_shortened(self._problems))
        new = {slug: row.code for slug, row in found.items() if self._made.get(slug) != row.code}
        return Taken(new, len(found) - len(new), tuple(self._left))

    def _checked(self, row: Participant) -> str | None:
        """The city of a line; None with the reason said."""
        slug = self._city(row)
        if slug is None:
            self._problems.append(f"line {row.line}: no member of this name, slug or address; write its slug")
        elif not row.code:
            self._left.append(f"line {row.line}: {slug} has no code there, and keeps the one that it has")
        elif len(row.code) > LONGEST_CODE or not _SIGNS.issuperset(row.code):
            instead = f"a code has at most {LONGEST_CODE} letters, figures, and _ ~ -"
            self._problems.append(f"line {row.line}: this cannot be a code of LimeSurvey: {instead}")
        elif slug not in self._known:
            self._left.append(f"line {row.line}: {slug} is not concerned by {self._cycle.id}, and left alone")
        else:
            return slug
        return None

    def _city(self, row: Participant) -> str | None:
        """By the slug; else by the address, where only one city has it; else by the name."""
        slugs = [name for name in row.names if name in self._members]
        if slugs:
            return slugs[0]
        by_address = self._by_address.get(row.address.casefold(), ())
        if len(by_address) == 1:
            return by_address[0]
        matches = (self._names.find(name).member for name in row.names)
        return next((member.slug for member in matches if member), None)

    def _refuse_codes_of_others(self, found: Mapping[str, Participant]) -> None:
        """With one code for two cities the report of one would be taken for the other's."""
        others = {folded(code): slug for slug, code in self._codes.items() if slug not in found}
        for slug, row in found.items():
            other = others.get(folded(row.code))
            if other:
                self._problems.append(f"line {row.line}: the code of {slug} is that of {other} now")


def _by_address(members: Iterable[Member]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for member in members:
        for address in {contact.address.casefold() for contact in member.contacts}:
            found[address] = (*found.get(address, ()), member.slug)
    return found


def _shortened(problems: list[str]) -> tuple[str, ...]:
    more = len(problems) - MOST_FINDINGS
    return (*problems[:MOST_FINDINGS], *([f"and {more:,} lines more"] if more > 0 else []))
