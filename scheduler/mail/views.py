"""What a mail says, before any template: an occurrence in the words and on the clock of one reader.

Everything here is the same for all readers of one zone and language; what is personal stays a mark that
the stencil fills in (`stencil.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from scheduler.languages import Language, needs_last_day
from scheduler.model import times
from scheduler.model.clocks import ZoneClock
from scheduler.model.drafts import TooLong
from scheduler.model.network import Network
from scheduler.model.programme import Occurrence
from scheduler.model.series import Join, ProgrammeItem, Series, Status
from scheduler.model.told import CANCEL, Told, days_of
from scheduler.stencil import mark

#: Filled in for each reader.
CITY = mark("city")
FEED = mark("feed")
ANSWER = mark("answer")
STOP = mark("stop")
#: where this city submits its report, with its own code
SUBMIT = mark("submit")

#: What a link of one language is remembered with: "fr: https://meet.cities.example/fr".
_OF_LANGUAGE = re.compile(r"^[a-z]{2,3}(?=: )", re.MULTILINE)


@dataclass(frozen=True)
class When:
    """A span of time there and in Hamburg; the hours are left out while they are to be announced."""

    #: "Wednesday 17 June 2020, 06:00–07:30"; empty while postponed, for the old day no longer counts
    here: str
    #: "UTC−5", empty while the hour is open
    here_clock: str
    #: "the next day" where the date there is not the announced one
    here_relation: str
    #: "Wednesday 17 June 2020, 13:00–14:30"
    home: str
    #: "Hamburg time (CEST, UTC+2)"
    home_clock: str
    #: the same for the date in Hamburg: a host's own zone may have another one
    home_relation: str
    #: "Wednesday 21 October 2020, 19:00–20:30 (UTC−5)" where neither date above is the announced one
    announced: str = ""
    #: "22:00 here this time, not 21:00 (clocks changed)", or empty
    note: str = ""
    #: "Wed 17 Jun, 06:00" there, for a subject line
    short: str = ""
    is_postponed: bool = False
    #: it ends on another day there or in Hamburg, and `here` and `home` name both days
    spans_days: bool = False

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
    #: (name of a language, how to get in), the reader's own first
    joins: tuple[tuple[str, Join], ...] = ()
    #: "English and French"; empty where the file does not say
    languages: str = ""
    items: tuple[ProgrammeItem, ...] = ()
    is_cancelled: bool = False
    reason: str = ""
    recording: str = ""
    summary: str = ""

    @property
    def is_postponed(self) -> bool:
        return self.when.is_postponed


@dataclass(frozen=True)
class Change:
    """One line of "what changed": old is empty where there was nothing before; some are of several lines."""

    what: str
    old: str
    new: str


@dataclass(frozen=True)
class DraftView:
    """What is known of a report that is being written."""

    #: "Monday 4 October 2021, 10:12" there, and "UTC+11"; empty where it is not known
    started: str
    clock: str
    #: 0: not known
    last_page: int
    #: how many questions; both 0 where it is not known
    answered: int
    unanswered: int
    #: of the questions without an answer: "4, 7 and 12–20"
    numbers: str
    too_long: tuple[TooLong, ...]


@dataclass(frozen=True)
class MissingReport:
    """One line of a digest."""

    city: str
    #: "Monday 28 February 2022, 23:59" there, where the city has another deadline than most
    until: str


@dataclass(frozen=True)
class ReportView:
    """A city's own case; `report_views.py` makes it."""

    title: str
    period: str
    when: When
    #: SUBMIT, or the address that is the same for all
    submit_at: str
    days_left: int
    ahead: str
    #: "moment", "city" or "anywhere", and the date that the deadline is written with
    policy: str
    policy_day: str
    #: why there is more time than was announced; empty where there is not
    because: str
    #: of a new deadline: the one that the reader knows
    old: When | None
    draft: DraftView | None
    missing: tuple[MissingReport, ...]
    country: str
    #: when the report came; to the second "2021-12-31 22:59:59", and the deadline likewise
    arrived: When | None
    arrived_in_utc: str
    until_in_utc: str
    is_late: bool
    #: of a membership that is not renewed; empty where it is not known
    last_day: str
    #: first and last day on which the city can apply to come back; empty where they are not known
    reapply: tuple[str, ...]
    #: it asks for a report
    is_asked: bool
    #: each city submits at an address of its own
    has_own_addresses: bool
    #: the reader's, where the words depend on it
    role: str
    is_of_office: bool
    #: the reader gets it in the place of somebody who cannot be reached
    stands_in: bool


@dataclass(frozen=True)
class NewHour:
    """A date that stands where it stood, and has another hour on the reader's clock."""

    title: str
    #: "Wednesday 4 November 2026, 05:00–06:30" by the old rules there, and by the new ones
    before: str
    now: str
    #: "UTC−6"
    clock: str
    #: "Wednesday 4 November 2026, 13:00–14:30"
    home: str
    #: "Hamburg time (CET, UTC+1)"
    home_clock: str


@dataclass(frozen=True)
class ClocksView:
    """Of a zone whose rules changed: all that is at another hour there, in order of time."""

    hours: tuple[NewHour, ...]


@dataclass(frozen=True)
class View:
    """All that the templates of one kind may say."""

    network: Network
    why: str
    city: str = CITY
    feed: str = FEED
    #: pages: of an invitation to answer it, of all but reports to end these mails
    answer: str = ANSWER
    stop: str = STOP
    session: SessionView | None = None
    #: "Spanish" of a session that is held in no language of the reader's city
    only_in: str = ""
    #: of an announcement: the series, and the sessions that are still to come
    series: Series | None = None
    sessions: tuple[SessionView, ...] = ()
    #: of a reminder: "tomorrow", "in 7 days"
    ahead: str = ""
    changes: tuple[Change, ...] = ()
    #: of a change: the hour stays, so that an answer to it stands; and nothing but the way in is another one
    keeps_answers: bool = False
    is_way_in: bool = False
    #: the reader was told that it is cancelled
    is_on_again: bool = False
    #: of a follow-up: what comes next in the series
    following: SessionView | None = None
    report: ReportView | None = None
    clocks: ClocksView | None = None


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
    language = reader.language
    if occurrence.is_postponed:
        return When("", "", "", "", "", "", is_postponed=True)
    if occurrence.starts_at is None:
        day = language.days(occurrence.on, occurrence.last_day)
        short = language.short_date(occurrence.on)
        return When(day, "", "", day, "", "", short=short)
    written = (occurrence.on, occurrence.zone)
    note = _note(occurrence, previous, reader)
    return timed(occurrence.starts_at, occurrence.ends_at, reader, written, note)


def timed(
    starts_at: datetime, ends_at: datetime | None, reader: Reader, written: tuple[date, str], note: str = ""
) -> When:
    """written: the date and zone it was announced with, which "the next day" is next to (story US-09)."""
    language, zone, network = reader.language, reader.zone, reader.network
    on, announced_in = written
    here, home = times.local_date(starts_at, zone), times.local_date(starts_at, network.zone)
    announced = ""
    if on not in (here, home):
        hours = language.span(starts_at, ends_at, announced_in)
        announced = f"{hours} ({language.offset(starts_at, ends_at, announced_in)})"
    return When(
        here=language.span(starts_at, ends_at, zone),
        here_clock=language.offset(starts_at, ends_at, zone),
        here_relation=language.relation(here, on),
        home=language.span(starts_at, ends_at, network.zone),
        home_clock=language.home_clock(starts_at, network, ends_at),
        home_relation=language.relation(home, on),
        announced=announced,
        note=note,
        short=f"{language.short_date(here)}, {language.clock(times.local(starts_at, zone))}",
        spans_days=ends_at is not None and needs_last_day(starts_at, ends_at, zone),
    )


def _note(occurrence: Occurrence, previous: Occurrence | None, reader: Reader) -> str:
    """Story US-05: who is used to 21:00 is told that it is 22:00 this time, and why."""
    if previous is None or previous.starts_at is None or occurrence.starts_at is None:
        return ""
    if occurrence.is_cancelled:
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
        joins=tuple(reader.language.own_first(session.joins)),
        languages=reader.language.listed(reader.language.name_of(code) for code in session.languages),
        items=session.programme,
        is_cancelled=occurrence.is_cancelled,
        reason=session.reason,
        recording=session.recording,
        summary=session.summary,
    )


def clocks_view(occurrences: Sequence[Occurrence], before: ZoneClock, reader: Reader) -> ClocksView:
    """before: how the reader's clock was believed to go (story US-16)."""
    return ClocksView(tuple(_new_hour(occurrence, before, reader) for occurrence in occurrences))


def _new_hour(occurrence: Occurrence, before: ZoneClock, reader: Reader) -> NewHour:
    language, network, title = reader.language, reader.network, occurrence.title
    starts_at, ends_at = occurrence.starts_at, occurrence.ends_at
    if occurrence.session is None:
        starts_at, ends_at = ends_at, None
        title = language.say("Deadline: {title}", title=title)
    assert starts_at is not None  # noqa: S101 - what reads another hour has one
    return NewHour(
        title=title,
        before=language.span(starts_at, ends_at, before.zone(starts_at)),
        now=language.span(starts_at, ends_at, reader.zone),
        clock=language.offset(starts_at, ends_at, reader.zone),
        home=language.span(starts_at, ends_at, network.zone),
        home_clock=language.home_clock(starts_at, network, ends_at),
    )


def ahead(days: int, language: Language) -> str:
    """Gives "today", "tomorrow", "in 7 days"; of what is over "yesterday", "7 days ago"."""
    if days == 0:
        return language.say("today")
    if days == 1:
        return language.say("tomorrow")
    if days == -1:
        return language.say("yesterday")
    if days < 0:
        return language.say_many("{count} day ago", "{count} days ago", -days)
    return language.say_many("in {count} day", "in {count} days", days)


def changes(occurrence: Occurrence, told: Told, reader: Reader) -> tuple[Change, ...]:
    """What is new since the contact was last told, old and new, in the reader's own time."""
    say = reader.language.say
    found = []
    if (told.starts_at, told.ends_at) != (occurrence.starts_at, occurrence.ends_at):
        found.append(
            Change(
                say("Time"),
                _span_or_open(told.starts_at, told.ends_at, reader, told.status),
                _span_or_open(occurrence.starts_at, occurrence.ends_at, reader, occurrence.status),
            )
        )
    elif told.days not in (None, occurrence.days):
        old, new = (_days_or_open(days, reader) for days in (told.days or "", occurrence.days))
        found.append(Change(say("Day"), old, new))
    # who was only no longer meant has struck it out all the same
    status = Status.CANCELLED if told.method == CANCEL else told.status
    if status != occurrence.status:
        words = {"confirmed": say("confirmed"), "postponed": say("postponed"), "cancelled": say("cancelled")}
        found.append(Change(say("Status"), words[status], words[occurrence.status]))
    if told.place != occurrence.place:
        old, new = (_with_names(place, reader.language) for place in (told.place, occurrence.place))
        found.append(Change(say("How to join"), old, new))
    return tuple(found)


def _with_names(place: str, language: Language) -> str:
    """As `Session.places` are remembered, each link of one language under its name, as elsewhere."""
    return _OF_LANGUAGE.sub(lambda code: language.name_of(code[0]), place)


def keeps_answers(occurrence: Occurrence, told: Told) -> bool:
    """An answer is to an hour: who was invited to this one need not answer again."""
    return told.is_invited and told.starts_at == occurrence.starts_at


def is_way_in(occurrence: Occurrence, told: Told) -> bool:
    """Nothing but how to join is another one."""
    is_same = (told.ends_at, told.status) == (occurrence.ends_at, occurrence.status)
    return keeps_answers(occurrence, told) and is_same


def _span_or_open(starts_at: datetime | None, ends_at: datetime | None, reader: Reader, status: str) -> str:
    if status == Status.POSTPONED:
        return reader.language.say("postponed, a new date follows")
    if starts_at is None:
        return reader.language.say("to be announced")
    return reader.language.span(starts_at, ends_at, reader.zone)


def _days_or_open(days: str, reader: Reader) -> str:
    """Of a session without an hour: its days, or none while it is postponed."""
    span = days_of(days)
    return reader.language.days(*span) if span else reader.language.say("postponed, a new date follows")


def sessions_ahead(
    sessions: Sequence[Occurrence], after: datetime, reader: Reader
) -> tuple[SessionView, ...]:
    """The sessions that have not begun, each with the note where its hour there differs from the last.

    A postponed one has not begun, however old its old day is.
    """
    views = []
    previous: Occurrence | None = None
    for occurrence in sessions:
        begins = occurrence.starts_at or times.end_of_day(occurrence.on, occurrence.zone)
        if begins > after or occurrence.is_postponed:
            views.append(session_view(occurrence, reader, previous))
        previous = occurrence if occurrence.starts_at else previous
    return tuple(views)
