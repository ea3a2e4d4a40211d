"""Who was erased: told by a keyed digest of an address, for the address itself is kept nowhere.

Files are a proposal, and this is what no proposal can bring back: everything that reads one to put it in
force, or to say what it would do, leaves these contacts out first.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from scheduler.errors import KeyNeeded
from scheduler.model.members import Member
from scheduler.model.network import Configuration, Country
from scheduler.store import erasures
from scheduler.store.database import Connection
from scheduler.store.erasures import Erasure

#: Of the 64 figures of a digest the last say with which key it was made.
_OF_THE_KEY = 8


def digest_of(key: bytes, address: str) -> str:
    """HMAC-SHA-256 of an address in small letters, 224 bits in hexadecimal; then the mark of the key."""
    octets = b"erased\n" + address.lower().encode("utf-8", "surrogatepass")
    return hmac.digest(key, octets, sha256).hex()[:-_OF_THE_KEY] + _mark(key)


def _mark(key: bytes) -> str:
    return hmac.digest(key, b"erased", sha256).hex()[:_OF_THE_KEY]


@dataclass(frozen=True)
class Erased:
    """All who were erased; nobody, as long as nobody was."""

    key: bytes = b""
    #: digest -> when
    at: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def of(cls, key: bytes | None, found: Mapping[str, datetime]) -> Erased:
        """Raises KeyNeeded where somebody was erased, and it cannot be told who with this key."""
        if not found:
            return cls(key or b"")
        if not key or any(not digest.endswith(_mark(key)) for digest in found):
            raise KeyNeeded
        return cls(key, found)

    def __bool__(self) -> bool:
        return bool(self.at)

    def since(self, address: str) -> datetime | None:
        """When the person at this address was erased; None: it was not."""
        return self.at.get(digest_of(self.key, address)) if self.at else None

    def without(self, configuration: Configuration) -> Configuration:
        """The configuration, with nobody in it who was erased."""
        if not self.at:
            return configuration
        return leave_out(configuration, lambda address: self.since(address) is not None)


NOBODY_ERASED = Erased()


def leave_out(configuration: Configuration, is_gone: Callable[[str], bool]) -> Configuration:
    """The same without these addresses; itself where none of them stands in it."""
    members = tuple(_member(member, is_gone) for member in configuration.members)
    countries = tuple(_country(country, is_gone) for country in configuration.countries)
    if (members, countries) == (configuration.members, configuration.countries):
        return configuration
    return replace(configuration, members=members, countries=countries)


def _member(member: Member, is_gone: Callable[[str], bool]) -> Member:
    contacts = tuple(contact for contact in member.contacts if not is_gone(contact.address))
    return member if len(contacts) == len(member.contacts) else replace(member, contacts=contacts)


def _country(country: Country, is_gone: Callable[[str], bool]) -> Country:
    offices = ("national_coordinator", "national_commission")
    gone = [name for name in offices if getattr(country, name) and is_gone(getattr(country, name))]
    return replace(country, **dict.fromkeys(gone, "")) if gone else country


async def read_erased(connection: Connection, key: bytes | None) -> Erased:
    """Raises KeyNeeded."""
    return Erased.of(key, {one.digest: one.erased_at for one in await erasures.read(connection)})


async def leave_erased_out(
    connection: Connection, key: bytes | None, proposal: Configuration
) -> Configuration:
    """A proposal with nobody in it who was erased. Raises KeyNeeded."""
    erased = await read_erased(connection, key)
    return await asyncio.to_thread(erased.without, proposal) if erased else proposal


def erasure(key: bytes, address: str, now: datetime, reason: str) -> Erasure:
    return Erasure(digest_of(key, address), now, reason[:400])
