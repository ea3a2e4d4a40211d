"""A desk to write mails at: readers, the views of every kind, and finished messages taken apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage

from scheduler.languages import Language
from scheduler.mail import report_views, views
from scheduler.mail.messages import Envelope, Letter
from scheduler.mail.report_views import Facts
from scheduler.mail.templates import render
from scheduler.model import times
from scheduler.model.clocks import ZoneClock
from scheduler.model.cycles import Cycle
from scheduler.model.drafts import Draft, TooLong
from scheduler.model.members import NATIONAL_COORDINATOR
from scheduler.model.notices import AWAITING, OF_CASES, OUTCOMES, REPORTS, Kind
from scheduler.model.programme import Occurrence, occurrences_of, sessions_for
from scheduler.model.told import Told
from tests.cast import a_series, a_session, at, member, real

EN = Language("en")
NETWORK = real().network
RECOVERY = next(series for series in real().series if series.id == "covid-19-recovery")
THIRD_WEDNESDAY = next(series for series in real().series if series.id == "third-wednesday-2027")
REPORT_2021 = next(cycle for cycle in real().cycles if cycle.id == "report-2021")
WHY = (
    "You get this mail because your city is a member of the Global Network of Learning Cities"
    " and this webinar is for: World."
)
#: Begun in October, with two answers over their limit.
A_DRAFT = Draft(
    at("2021-10-04T01:12:00+02:00"), 3, (*range(1, 4), 5, 6, *range(8, 12)), (4, 7, *range(12, 43)),
    (TooLong(9, 274, 250), TooLong(11, 401, 400)),
)  # fmt: skip
NOW = at("2027-06-01T07:00:00+00:00")
#: What somebody could write as a title or a name, to get a header of their own.
HOSTILE = [
    "x\r\nBcc: evil@x.example",
    "x\rBcc: evil@x.example",
    "x\nBcc: evil@x.example",
    "x\r\n\r\nA body",
    "x\r\n ",
    "a\x0bb",
    "a\x0cb",
    "a\x85Bcc: evil@x.example",
    "a\u2028Bcc: evil@x.example",
    "a\x00b",
    "=?utf-8?q?x=0D=0ABcc=3Aevil@x.example?=",
    "A =?utf-8?b?eA0KQmNjOiBldmls?= B",
    "=?",
    "x" * 2000,
    "word " * 400 + "end",
    "é" * 2000,
    "漢字 " * 500 + "end",
    "😀" * 300,
    "🏳️‍🌈 👩‍👩‍👧",
    "שלום עולם",
    "\u202eevil\u202c",
    "أسبوع التعلم",
    'a, b; c: "d" <evil@x.example>',
    "(a comment) b\\c",
    "two  blanks",
    " at the ends ",
    "\ttabs\t",
    "",
]


def reader(zone: str, language: Language = EN) -> views.Reader:
    return views.Reader(language, zone, NETWORK)


def reader_in(slug: str, language: Language = EN) -> views.Reader:
    return reader(member(slug).zone, language)


def the_session(**changes: object) -> Occurrence:
    """The session of the cast, with changes."""
    (occurrence,) = occurrences_of(a_series(a_session(**changes)))
    return occurrence


def the_deadline() -> Occurrence:
    (occurrence,) = occurrences_of(REPORT_2021)
    return occurrence


def session_with_previous(slug: str, name: str) -> tuple[Occurrence, Occurrence | None]:
    """A session of the recovery series, and the one before it, as a member is invited to them."""
    sessions = sessions_for(RECOVERY, member(slug), NETWORK)
    position = [occurrence.id for occurrence in sessions].index(f"{name}.{RECOVERY.id}")
    return sessions[position], sessions[position - 1] if position else None


def told(occurrence: Occurrence, sequence: int = 0) -> Told:
    """What was told of an occurrence as it is."""
    status, place = occurrence.status.value, occurrence.place
    return Told(sequence, "REQUEST", occurrence.starts_at, occurrence.ends_at, status, place)


# the view of each kind


def announcement(who: views.Reader, *sessions: Occurrence) -> views.View:
    """Of the recovery series, or of the series of these sessions."""
    series = sessions[0].of if sessions else RECOVERY
    found = views.sessions_ahead(sessions or occurrences_of(RECOVERY), at("2020-05-18T07:00:00+00:00"), who)
    return views.View(NETWORK, WHY, series=series, sessions=found)  # type: ignore[arg-type]


def about(
    occurrence: Occurrence,
    who: views.Reader,
    previous: Occurrence | None = None,
    before: Told | None = None,
    following: Occurrence | None = None,
    days: int = 7,
) -> views.View:
    """Of an invitation, reminder, change, cancellation or follow-up."""
    return views.View(
        NETWORK,
        WHY,
        session=views.session_view(occurrence, who, previous),
        ahead=views.ahead(days, who.language),
        changes=views.changes(occurrence, before, who) if before else (),
        following=views.session_view(following, who) if following else None,
    )


def facts(kind: Kind = Kind.REPORT_REMINDER, cycle: Cycle = REPORT_2021, **changes: object) -> Facts:
    """Of a city whose case is as the round has it."""
    plain = Facts(kind, cycle.deadline, cycle.deadline.instant)
    return replace(plain, **changes)  # type: ignore[arg-type]


def report_view(
    who: views.Reader, on: date, known: Facts | None = None, cycle: Cycle = REPORT_2021
) -> views.ReportView:
    return report_views.report_view(cycle, who, on, known or facts())


def report(
    who: views.Reader, on: date = date(2021, 12, 24), known: Facts | None = None, cycle: Cycle = REPORT_2021
) -> views.View:
    known = known or facts()
    why = report_views.why(known, who.language, NETWORK.name)
    view = views.View(NETWORK, why, report=report_view(who, on, known, cycle))
    return view if known.has_calendar else replace(view, feed="")


def a_report(kind: Kind, who: views.Reader) -> views.View:
    """A mail of each kind about a report, with all that it may say."""
    arrived_at, on = at("2021-12-10T14:03:12+01:00"), date(2021, 12, 24)
    known = facts(kind, because="A storm" if kind in AWAITING else "")
    if kind in (Kind.REPORT_REMINDER, Kind.REPORT_OVERDUE):
        known = replace(known, draft=A_DRAFT)
    if kind is Kind.REPORT_MOVED:
        known = replace(known, told_until=known.until - timedelta(days=59))
    if kind is Kind.REPORT_DIGEST:
        extended = replace(known.deadline, on=date(2022, 2, 28))
        cities = (
            ("Melton", "Australia/Melbourne", known.deadline),
            ("Wyndham", "Australia/Melbourne", extended),
        )
        known = replace(known, role=NATIONAL_COORDINATOR, country="AU", missing=cities, because="")
    if kind in OF_CASES - {Kind.REPORT_NOT_SUBMITTED}:
        known = replace(known, submitted_at=arrived_at)
    if kind in OUTCOMES:
        on = date(2022, 5, 2)
        known = replace(known, role="mayor", ends_on=date(2022, 6, 30))
    if kind is Kind.REPORT_OVERDUE:
        on = date(2022, 1, 3)
    return report(who, on, known)


def new_hours(who: views.Reader, *occurrences: Occurrence) -> views.View:
    """Of a zone whose clock was believed to be an hour behind what it is."""
    before = ZoneClock(((NOW, times.local(NOW, who.zone).utcoffset() - timedelta(hours=1)),))  # type: ignore[operator]
    return views.View(NETWORK, WHY, clocks=views.clocks_view(occurrences, before, who))


def views_of_all_kinds(who: views.Reader, occurrence: Occurrence | None = None) -> dict[Kind, views.View]:
    """One view of each kind, about one session."""
    occurrence = occurrence or the_session(recording="https://r.cities.example/1", programme=())
    moved = told(the_session(start=None, end=None))
    return {
        Kind.ANNOUNCEMENT: announcement(who, occurrence),
        Kind.INVITATION: about(occurrence, who),
        Kind.CHANGED: about(occurrence, who, before=moved),
        Kind.CANCELLED: about(occurrence, who),
        Kind.REMINDER: about(occurrence, who),
        Kind.FOLLOW_UP: about(occurrence, who, following=occurrence),
        **{kind: a_report(kind, who) for kind in REPORTS},
        Kind.CLOCKS_CHANGED: new_hours(who, occurrence if occurrence.starts_at else the_session()),
    }


# the finished message


def envelope(**changes: str) -> Envelope:
    plain = Envelope(
        name="Melton",
        address="learningcity@melton.example",
        city="Melton",
        feed="https://cities.example/feeds/city/secret.ics",
        message_id="<first.talks.invitation.0.1@learning-cities.example>",
        date=NOW,
        answer="https://cities.example/answer/7-secret/first.talks",
        stop="https://cities.example/stop/7-secret",
        submit="https://reports.cities.example/report-2021?token=secret",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def letter(kind: Kind, view: views.View, method: str | None = None, language: Language = EN) -> Letter:
    is_duty = kind in REPORTS
    return Letter.of(render(kind, view, language), NETWORK, method, can_be_stopped=not is_duty)


def posted(kind: Kind, view: views.View, **changes: str) -> EmailMessage:
    """A mail without a calendar, as it arrives."""
    return arrived(letter(kind, view).addressed_to(envelope(**changes), None))


def arrived(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    """The text of the one part of a kind."""
    (found,) = (one for one in message.walk() if one.get_content_type() == kind)
    octets = found.get_payload(decode=True)
    assert isinstance(octets, bytes)
    return octets.decode()


def plain(message: EmailMessage) -> str:
    return part(message, "text/plain").replace("\r\n", "\n")


def html(message: EmailMessage) -> str:
    return part(message, "text/html").replace("\r\n", "\n")
