"""What a mail says, before any template: an occurrence in the words and on the clock of one reader.

Everything here is the same for all readers of one zone and language; what is personal stays a mark that
the stencil fills in (`stencil.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from scheduler.languages import Language
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.network import Network
from scheduler.model.programme import Occurrence
from scheduler.model.series import Join, ProgrammeItem, Series
from scheduler.stencil import mark

#: Filled in for each reader.
CITY = mark("city")
FEED = mark("feed")


@dataclass(frozen=True)
class Told:
    """What a contact was last told of an occurrence."""

    sequence: int
    method: str
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    #: link, platform and number as one text
    place: str


@dataclass(frozen=True)
class When:
    """A span of time there and in Hamburg; the hours are left out while they are to be announced."""

    #: "Wednesday 17 June 2020, 06:00–07:30"
    here: str
    #: "UTC−5", empty while the hour is open
    here_clock: str
    #: "the next day" where the date there is not the one in Hamburg
    here_relation: str
    #: "Wednesday 17 June 2020, 13:00–14:30"
    home: str
    #: "Hamburg time (CEST, UTC+2)"
    home_clock: str
    home_relation: str
    #: "22:00 here this time, not 21:00 (clocks changed)", or empty
    note: str = ""
    #: "Wed 17 Jun, 06:00" there, for a subject line
    short: str = ""

    @property
    def is_open(self) -> bool:
        return not self.here_clock


@dataclass(frozen=True)
class SessionView:
    title: str
    series: str
    description: str
    organisers: str
    when: When
    join: Join
    items: tuple[ProgrammeItem, ...] = ()
    is_cancelled: bool = False
    reason: str = ""
    recording: str = ""
    summary: str = ""


@dataclass(frozen=True)
class Change:
    """One line of "what changed": old is empty where there was nothing before."""

    what: str
    old: str
    new: str


@dataclass(frozen=True)
class ReportView:
    title: str
    period: str
    when: When
    submit_at: str
    days_left: int
    ahead: str


@dataclass(frozen=True)
class View:
    """All that the templates of one kind may say."""

    network: Network
    why: str
    city: str = CITY
    feed: str = FEED
    session: SessionView | None = None
    #: of an announcement: the series, and the sessions that are still to come
    series: Series | None = None
    sessions: tuple[SessionView, ...] = ()
    #: of a reminder: "tomorrow", "in 7 days"
    ahead: str = ""
    changes: tuple[Change, ...] = ()
    #: of a follow-up: what comes next in the series
    following: SessionView | None = None
    report: ReportView | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reader:
    """Who reads: all that a text depends on, short of a name and an address."""

    language: Language
    zone: str
    network: Network


def when(occurrence: Occurrence, reader: Reader, previous: Occurrence | None = None) -> When:
    """The time of an occurrence on the reader's clock and in Hamburg.

    previous: the last session of the series that the reader was invited to; where its hour there was
    another one, a note says so.
    """
    language, network = reader.language, reader.network
    if occurrence.starts_at is None:
        day = language.full_date(occurrence.on)
        short = language.short_date(occurrence.on)
        return When(day, "", "", day, "", "", short=short)
    return _timed(
        occurrence.starts_at, occurrence.ends_at, reader, _note(occurrence, previous, reader), network
    )


def _timed(
    starts_at: datetime, ends_at: datetime | None, reader: Reader, note: str, network: Network
) -> When:
    language, zone = reader.language, reader.zone
    here, home = times.local_date(starts_at, zone), times.local_date(starts_at, network.zone)
    clock = language.clock(times.local(starts_at, zone))
    return When(
        here=language.span(starts_at, ends_at, zone),
        here_clock=times.offset_label(starts_at, zone),
        here_relation=language.relation(here, home),
        home=language.span(starts_at, ends_at, network.zone),
        home_clock=language.home_clock(starts_at, network),
        home_relation=language.relation(home, here),
        note=note,
        short=f"{language.short_date(here)}, {clock}",
    )


def _note(occurrence: Occurrence, previous: Occurrence | None, reader: Reader) -> str:
    """Story US-05: who is used to 21:00 is told that it is 22:00 this time, and why."""
    if previous is None or previous.starts_at is None or occurrence.starts_at is None:
        return ""
    now, last = (times.local(o.starts_at, reader.zone) for o in (occurrence, previous) if o.starts_at)
    if (now.hour, now.minute) == (last.hour, last.minute):
        return ""
    hours = {"now": reader.language.clock(now), "last": reader.language.clock(last)}
    if _written_hour(occurrence) == _written_hour(previous):
        return reader.language.say("{now} here this time, not {last} (clocks changed)", **hours)
    return reader.language.say("{now} here this time, not {last}", **hours)


def _written_hour(occurrence: Occurrence) -> object:
    return (occurrence.session.start, occurrence.session.zone) if occurrence.session else None


def session_view(occurrence: Occurrence, reader: Reader, previous: Occurrence | None = None) -> SessionView:
    session, series = occurrence.session, occurrence.of
    assert session is not None  # noqa: S101 - asked of sessions only
    assert isinstance(series, Series)  # noqa: S101 - as above
    return SessionView(
        title=session.title,
        series=series.title,
        description=session.description or series.description,
        organisers=reader.language.listed(session.organisers or series.organisers),
        when=when(occurrence, reader, previous),
        join=session.join,
        items=session.programme,
        is_cancelled=occurrence.is_cancelled,
        reason=session.reason,
        recording=session.recording,
        summary=session.summary,
    )


def report_view(occurrence: Occurrence, reader: Reader, on: date) -> ReportView:
    """on: the day on which it is read, on the reader's calendar; days are counted there."""
    cycle = occurrence.of
    assert isinstance(cycle, Cycle)  # noqa: S101 - asked of deadlines only
    deadline = cycle.deadline.instant
    days_left = (times.local_date(deadline, reader.zone) - on).days
    first, last = (reader.language.month(month) for month in cycle.period)
    return ReportView(
        title=cycle.title,
        period=reader.language.say("{first} to {last}", first=first, last=last),
        when=_timed(deadline, None, reader, "", reader.network),
        submit_at=cycle.submit_at,
        days_left=days_left,
        ahead=ahead(days_left, reader.language),
    )


def ahead(days: int, language: Language) -> str:
    """Gives "today", "tomorrow", "in 7 days"."""
    if days <= 0:
        return language.say("today")
    if days == 1:
        return language.say("tomorrow")
    return language.say_many("in {count} day", "in {count} days", days)


def changes(occurrence: Occurrence, told: Told, reader: Reader) -> tuple[Change, ...]:
    """What is new since the contact was last told, old and new, in the reader's own time."""
    say = reader.language.say
    found = []
    if (told.starts_at, told.ends_at) != (occurrence.starts_at, occurrence.ends_at):
        found.append(
            Change(
                say("Time"),
                _span_or_open(told.starts_at, told.ends_at, reader),
                _span_or_open(occurrence.starts_at, occurrence.ends_at, reader),
            )
        )
    if told.status != status_of(occurrence):
        words = {"confirmed": say("confirmed"), "postponed": say("postponed"), "cancelled": say("cancelled")}
        found.append(Change(say("Status"), words[told.status], words[status_of(occurrence)]))
    if told.place != place_of(occurrence):
        found.append(Change(say("How to join"), told.place, place_of(occurrence)))
    return tuple(found)


def _span_or_open(starts_at: datetime | None, ends_at: datetime | None, reader: Reader) -> str:
    if starts_at is None:
        return reader.language.say("to be announced")
    return reader.language.span(starts_at, ends_at, reader.zone)


def status_of(occurrence: Occurrence) -> str:
    return occurrence.session.status.value if occurrence.session else "confirmed"


def place_of(occurrence: Occurrence) -> str:
    """Link, number and pass code as one line: what must not change without a word."""
    if occurrence.session is None:
        return ""
    join = occurrence.session.join
    number = f"{join.kind} {join.shown_id}" if join.id else ""
    return ", ".join(part for part in (join.link, join.platform, number, join.passcode) if part)


def sessions_ahead(
    sessions: Sequence[Occurrence], after: datetime, reader: Reader
) -> tuple[SessionView, ...]:
    """The sessions that have not begun, each with the note where its hour there differs from the last."""
    views = []
    previous: Occurrence | None = None
    for occurrence in sessions:
        begins = occurrence.starts_at or times.end_of_day(occurrence.on, occurrence.zone)
        if begins > after:
            views.append(session_view(occurrence, reader, previous))
        previous = occurrence if occurrence.starts_at else previous
    return tuple(views)
