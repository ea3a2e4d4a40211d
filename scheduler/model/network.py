"""The network itself, and the configuration: everything that staff wrote, read and made sense of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.notices import QuietHours
from scheduler.model.series import Series

#: The most mails within an hour, where nobody says: so many for each contact, and never less than these.
MOST_FOR_EACH, LEAST_MOST = 50, 20_000


@dataclass(frozen=True)
class Mailbox:
    name: str
    address: str


@dataclass(frozen=True)
class Region:
    id: str
    name: str


@dataclass(frozen=True)
class Country:
    """A country with its two offices that follow the reports of its cities."""

    code: str
    name: str
    national_coordinator: str
    national_commission: str


@dataclass(frozen=True)
class Partner:
    """Who republishes the sessions that are public: an organisation with a calendar of its own."""

    #: the last part of its calendar's address; the same for ever
    id: str
    name: str
    #: (place as its readers call it, zone): whose hour the calendar gives beside the home one
    clocks: tuple[tuple[str, str], ...] = ()


#: Stands in the place of an address that takes bounces back.
NO_BOUNCES = "none"


@dataclass(frozen=True)
class Network:
    name: str
    organiser: str
    #: From of every mail, and ORGANIZER of every invitation
    sender: Mailbox
    reply_to: str
    #: what stands behind the @ of every UID; fixed for life
    uid_domain: str
    #: the secretariat's own zone, and the town that mails name it by
    zone: str
    place: str
    #: the days on which new members were announced
    intakes: tuple[date, ...]
    regions: tuple[Region, ...]
    quiet_hours: QuietHours
    #: how long a change rests before it is told
    settle: timedelta
    default_length_minutes: int
    languages: tuple[str, ...]
    #: "auto" or "confirm"
    apply: str
    #: mail leaves only to addresses below these domains; empty = to all
    only_to: tuple[str, ...]
    #: ISO 3166-1 alpha-2: whose public holidays the organiser keeps; None = those of the home zone
    country: str | None = None
    partners: tuple[Partner, ...] = ()
    #: the mailbox to which mail servers send back what they cannot deliver; empty: the sender's own;
    #: NO_BOUNCES: none, for a mail server that lets nothing leave but from the sender's address itself
    bounces: str = ""
    #: more within an hour leave only when a person says so; None: as many as Configuration reckons
    max_mails_per_hour: int | None = None

    def may_write_to(self, address: str) -> bool:
        domain = address.rpartition("@")[2].lower()
        return not self.only_to or any(domain == end or domain.endswith("." + end) for end in self.only_to)


@dataclass(frozen=True)
class Configuration:
    """What staff wrote. In force it is the whole truth of what happens; in files it is a proposal."""

    network: Network
    members: tuple[Member, ...]
    countries: tuple[Country, ...]
    series: tuple[Series, ...]
    cycles: tuple[Cycle, ...]

    @cached_property
    def most_an_hour(self) -> int:
        """So many mails may leave within an hour before a person is asked: what the network says, else fifty
        for each contact, which no programme needs and a mistake soon reaches."""
        contacts = sum(len(member.contacts) for member in self.members)
        return self.network.max_mails_per_hour or max(LEAST_MOST, MOST_FOR_EACH * contacts)

    @property
    def parts(self) -> tuple[Series | Cycle, ...]:
        """Everything that has dates."""
        return (*self.series, *self.cycles)
