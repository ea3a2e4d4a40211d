"""What the mails of a reporting round say: a city's own case, in the words and on the clock of one reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from scheduler.languages import Language
from scheduler.mail.views import (
    SUBMIT,
    DraftView,
    MissingReport,
    Reader,
    ReportView,
    When,
    ahead,
    timed,
)
from scheduler.model import times
from scheduler.model.cases import ENDING, LETTERS, is_late
from scheduler.model.cycles import ANYWHERE, CODE, Cycle, Deadline
from scheduler.model.drafts import Draft
from scheduler.model.members import NATIONAL_COMMISSION, NATIONAL_COORDINATOR
from scheduler.model.notices import AWAITING, OUTCOMES, Kind

#: They follow the reports of their country's cities; what is a city's alone is not for them.
OFFICES = frozenset({NATIONAL_COORDINATOR, NATIONAL_COMMISSION})
#: With these letters a membership ends.
OF_ENDS = frozenset(LETTERS[state] for state in ENDING)
#: Runs of numbers from this length on are written "12–15".
_RUN = 3
#: With this minute a day is over, for whoever writes no seconds.
_LAST_MINUTE = time(23, 59)


@dataclass(frozen=True)
class Facts:
    """What a mail about a report rests on beside its round; for whoever has the same it says the same."""

    kind: Kind
    #: of the city's own case; of a digest the one that most of the missing reports have
    deadline: Deadline
    #: its instant; of a receipt and a letter what it was when the row was made
    until: datetime
    #: ISO 3166-1 alpha-2, where the mail names the country
    country: str = ""
    #: the reader's role, where the words depend on it: of offices, and of letters to the mayor
    role: str = ""
    #: the mail was meant for somebody else, who cannot be reached
    stands_in: bool = False
    #: why the city has more time than was announced, in staff's words
    because: str = ""
    #: of a new deadline: the one that the contact knows
    told_until: datetime | None = None
    draft: Draft | None = None
    #: of a digest: city, its zone, and its own deadline
    missing: tuple[tuple[str, str, Deadline], ...] = ()
    submitted_at: datetime | None = None
    #: the last day of a membership that is not renewed, where it is known
    ends_on: date | None = None

    @property
    def is_of_office(self) -> bool:
        return self.role in OFFICES

    @property
    def has_calendar(self) -> bool:
        """The mail names the city's own feed: not to an office, nor where it ends with the membership."""
        return not self.is_of_office and self.kind not in OF_ENDS


def report_view(cycle: Cycle, reader: Reader, on: date, facts: Facts) -> ReportView:
    """on: the day on which it is read, on the reader's calendar; days are counted there."""
    language, written = reader.language, (facts.deadline.on, facts.deadline.zone)
    days_left = (times.local_date(facts.until, reader.zone) - on).days
    first, last = (language.month(month) for month in cycle.period)
    arrived_at = facts.submitted_at
    return ReportView(
        title=cycle.title,
        period=language.say("{first} to {last}", first=first, last=last),
        when=timed(facts.until, None, reader, written),
        submit_at=_submit_at(cycle, facts),
        days_left=days_left,
        ahead=ahead(days_left, language),
        policy=_policy(cycle.deadline),
        policy_day=language.full_date(facts.deadline.on),
        because=facts.because,
        old=_moment(facts.told_until, reader) if facts.told_until else None,
        draft=draft_view(facts.draft, reader) if facts.draft else None,
        missing=tuple(_missing(facts, reader)),
        country=language.country_name(facts.country) if facts.country else "",
        arrived=_moment(arrived_at, reader) if arrived_at else None,
        arrived_in_utc=_in_utc(arrived_at) if arrived_at else "",
        until_in_utc=_in_utc(facts.until),
        is_late=arrived_at is not None and is_late(arrived_at, facts.until),
        last_day=language.full_date(facts.ends_on) if facts.ends_on else "",
        reapply=tuple(map(language.full_date, cycle.reapply)) if cycle.reapply else (),
        is_asked=facts.kind in AWAITING,
        has_own_addresses=CODE in cycle.submit_at,
        role=facts.role,
        is_of_office=facts.is_of_office,
        stands_in=facts.stands_in,
    )


def why(facts: Facts, language: Language, network: str) -> str:
    """Why the reader gets it."""
    country = language.country_name(facts.country)
    if facts.role == NATIONAL_COORDINATOR:
        return language.say(
            "You get this mail because you are the national coordinator of {country} for the {network}.",
            country=country,
            network=network,
        )
    if facts.role == NATIONAL_COMMISSION:
        return language.say(
            "You get this mail because the National Commission of {country} follows these reports.",
            country=country,
        )
    if facts.kind in OUTCOMES:
        return language.say("You get this mail because this city had to report in this round.")
    return language.say("You get this mail because this city must report in this round.")


def office_name(role: str, country: str, language: Language) -> str:
    """What an office is called where no person is named: "National Commission of Australia"."""
    place = language.country_name(country)
    if role == NATIONAL_COMMISSION:
        return language.say("National Commission of {country}", country=place)
    return language.say("National coordinator of {country}", country=place)


def _submit_at(cycle: Cycle, facts: Facts) -> str:
    """An office gets the address without what is the city's own."""
    if facts.is_of_office:
        return cycle.public_address
    return SUBMIT if CODE in cycle.submit_at else cycle.submit_at


def _policy(deadline: Deadline) -> str:
    """Which sentence says by whose clock the round's deadline is meant (story US-23.2)."""
    if deadline.is_in_the_city:
        return "city"
    if deadline.zone == ANYWHERE and deadline.at >= _LAST_MINUTE:
        return "anywhere"
    return "moment"


def draft_view(draft: Draft, reader: Reader) -> DraftView:
    started_at = draft.started_at
    return DraftView(
        started=reader.language.span(started_at, None, reader.zone) if started_at else "",
        clock=reader.language.offset(started_at, None, reader.zone) if started_at else "",
        last_page=draft.last_page or 0,
        answered=len(draft.answered),
        unanswered=len(draft.unanswered),
        numbers=reader.language.listed(_runs(draft.unanswered)),
        too_long=draft.too_long,
    )


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    """Gives "4", "7", "12–20" of the numbers, in their order."""
    ordered = sorted(set(numbers))
    at = 0
    while at < len(ordered):
        end = at
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        if end - at + 1 >= _RUN:
            yield f"{ordered[at]}–{ordered[end]}"
        else:
            yield from map(str, ordered[at : end + 1])
        at = end + 1


def _missing(facts: Facts, reader: Reader) -> Iterator[MissingReport]:
    """A deadline is named where it is another instant than that of most."""
    for city, zone, deadline in facts.missing:
        own = deadline.instant
        shown = "" if own == facts.until else reader.language.span(own, None, zone)
        yield MissingReport(city, shown)


def _moment(at: datetime, reader: Reader) -> When:
    """No date was announced for it, so that none is the day before or after it."""
    shown = timed(at, None, reader, (times.local_date(at, reader.zone), reader.zone))
    return replace(shown, home_relation="")


def _in_utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
