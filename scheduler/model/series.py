"""Webinar series and their sessions, as wall times: instants are made late, in the programme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, time
from enum import StrEnum

from scheduler.model.audience import Audience
from scheduler.model.notices import NoticeRule


class Status(StrEnum):
    CONFIRMED = "confirmed"
    POSTPONED = "postponed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Speaker:
    name: str
    role: str = ""
    city: str = ""


@dataclass(frozen=True)
class ProgrammeItem:
    """One point of a session; a point without a speaker is legal, two speakers are two people."""

    title: str
    speakers: tuple[Speaker, ...] = ()


@dataclass(frozen=True)
class Join:
    """How to get in. Never shown in public feeds or pages."""

    platform: str = ""
    #: "Webinar ID" or "Meeting ID", as the platform calls it
    kind: str = ""
    #: digits only
    id: str = ""
    link: str = ""
    passcode: str = ""

    @property
    def shown_id(self) -> str:
        """As the platform prints it, 3-3-3, 3-3-4 or 3-4-4 digits: "941 7298 7853"."""
        middle = 7 if len(self.id) == 11 else 6
        return " ".join(part for part in (self.id[:3], self.id[3:middle], self.id[middle:]) if part)

    def lines(self, say: Callable[..., str] = str.format) -> list[str]:
        """Link, platform, number and pass code, each on a line; say: puts a text into a language."""
        kind = self.kind or say("Meeting ID")
        number = f"{kind}: {self.shown_id}" if self.id else ""
        passcode = say("Passcode: {passcode}", passcode=self.passcode) if self.passcode else ""
        return [line for line in (self.link, self.platform, number, passcode) if line]


@dataclass(frozen=True)
class Session:
    """One webinar of a series."""

    #: written in the file, or the nominal date of a rule; never the position, title or present date
    id: str
    title: str
    #: the day in `zone`; None while postponed without a new date
    on: date
    #: wall time in `zone`; None = to be announced
    start: time | None
    end: time | None
    #: used where `end` is None
    length_minutes: int
    #: IANA name or fixed offset
    zone: str
    audience: Audience
    status: Status = Status.CONFIRMED
    #: why it was cancelled or postponed
    reason: str = ""
    description: str = ""
    organisers: tuple[str, ...] = ()
    join: Join = Join()
    programme: tuple[ProgrammeItem, ...] = ()
    recording: str = ""
    summary: str = ""
    summary_on: date | None = None
    #: vanished from the files while it was in force: it stays in the feeds, nothing is sent, staff decide
    held: bool = False
    #: the last day, of a session that runs over midnight or over several days; None = `on`
    end_on: date | None = None
    #: the same for all editions of one session; "" = it has no other edition
    topic: str = ""
    #: codes of the languages it is held in, in the order of the file; empty = not said
    languages: tuple[str, ...] = ()
    #: (language, how to get in): where the languages have links of their own
    joins: tuple[tuple[str, Join], ...] = ()
    #: partners may republish it. Not in its repr, of which fingerprints are made: like a change of audience
    #: it decides in which calendars an item stands, and changes nothing of the item
    public: bool = field(default=False, repr=False)

    @property
    def last_day(self) -> date:
        return self.end_on or self.on

    @property
    def places(self) -> list[str]:
        """How to join, a line each: what is common, then a line for each language with a link of its own."""
        apart = (f"{code}: {' · '.join(join.lines())}" for code, join in self.joins)
        return [*self.join.lines(), *apart]


@dataclass(frozen=True)
class Series:
    id: str
    title: str
    description: str
    organisers: tuple[str, ...]
    #: None = the day it came into force
    announced: date | None
    sessions: tuple[Session, ...]
    rules: tuple[NoticeRule, ...]
