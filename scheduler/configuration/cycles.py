"""cycles/*.yaml -> reporting rounds."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from scheduler.configuration.document import Document
from scheduler.configuration.notices import NoticesForm, ReportNoticesForm, rules_of
from scheduler.configuration.problems import Problems, quoted
from scheduler.configuration.schema import (
    CLOCK_PATTERN,
    DAY_PATTERN,
    Day,
    Form,
    Id,
    Month,
    Text,
    Url,
    fill_in,
    filled,
    hint,
    one_line,
    read_clock,
    read_day,
    say,
    written,
)
from scheduler.configuration.slugs import Slug
from scheduler.configuration.vocabulary import Vocabulary, intake_span
from scheduler.errors import UnknownZone, WallTimeError
from scheduler.model import times
from scheduler.model.cycles import Cohort, Cycle, Deadline
from scheduler.model.network import Network

_WRITE_DEADLINE = "write date, hour and zone, such as 2021-12-31 23:59:59 Europe/Berlin"


_DEADLINE = hint(
    "Date, hour and zone.",
    "2027-11-30 23:59:59 Europe/Berlin",
    pattern=rf"{DAY_PATTERN}\s+{CLOCK_PATTERN}\s+\S+",
    instead=_WRITE_DEADLINE,
)


def read_deadline(value: Any) -> Deadline:
    """Reads "2021-12-31 23:59:59 Europe/Berlin": which hour, and whose, is never a default (story US-23)."""
    parts = one_line(value).split()
    if len(parts) < 3:
        missing = "hour and zone" if len(parts) < 2 else "hour or zone"
        say(f"the deadline {quoted(' '.join(parts))} is written without {missing}", _WRITE_DEADLINE)
    if len(parts) > 3:
        say(f"{quoted(' '.join(parts))} is no deadline", _WRITE_DEADLINE)
    on, at, zone = read_day(parts[0]), read_clock(parts[1]), parts[2]
    _check_moment(on, at, zone)
    return Deadline(on, at, zone)


def _check_moment(on: date, at: time, zone: str) -> None:
    try:
        times.instant(on, at, zone)
    except UnknownZone as error:
        say(str(error), "a deadline needs a place such as Europe/Berlin, or an offset such as +01:00")
    except WallTimeError as error:
        say(str(error), "write another hour")


class PeriodForm(Form):
    first: Month = Field(alias="from", description="first month")
    last: Month = Field(alias="to", description="last month, included")


class WhoForm(Form):
    model_config = ConfigDict(
        json_schema_extra={"anyOf": [written("joined_before"), filled("joined"), filled("also")]}
    )

    joined_before: Month | None = Field(
        None, description="month of an intake: cities that were members before it"
    )
    excepted: list[Month] = Field(
        default_factory=list, description="intake months that do not report in this round"
    )
    joined: list[Month] = Field(
        default_factory=list,
        description="intake months, in place of joined_before: only cities that came then",
    )
    also: list[Slug] = Field(
        default_factory=list,
        description="cities (slug in members.csv) that must report although the rest leaves them out",
    )
    exempt: dict[Slug, Text] = Field(
        default_factory=dict,
        description="city (slug): reason, for cities that need not report although the rest names them",
    )


class CycleForm(Form):
    id: Id = Field(
        description="small letters, figures and hyphens, the same as the file name. Never change it",
        examples=["report-2027"],
    )
    title: Text = Field(description="as the mails print it")
    period: PeriodForm = Field(description="the time that the report is about")
    opens: Day = Field(description="date on which the round begins; no mail goes out before")
    deadline: Annotated[Deadline, BeforeValidator(read_deadline), _DEADLINE] = Field(
        description="date, hour and zone in one line: YYYY-MM-DD HH:MM:SS Zone. All three are needed. "
        "The same moment counts for all cities; mails also give the hour it is there",
    )
    submit_at: Url = Field(description="https address where the report is handed in")
    who: WhoForm = Field(
        description="which cities must report: joined_before or joined, with exceptions. A city whose date "
        "of joining is too rough to say gets no mail; staff are shown it as undecided",
    )
    notices: ReportNoticesForm | None = Field(
        None, description="mail rules for this round only; see notices.yaml"
    )


def read_cycle(
    document: Document,
    network: Network,
    vocabulary: Vocabulary,
    notices: NoticesForm | None,
    problems: Problems,
) -> Cycle | None:
    form = fill_in(CycleForm, document, problems)
    if form is None:
        return None
    before = problems.errors()
    if form.opens > form.deadline.on:
        what = f"this round opens on {form.opens}, after its deadline"
        problems.error(document.place("opens"), what, "write an earlier day")
    if form.period.first > form.period.last:
        problems.error(document.place("period"), "this period ends before it begins", "write from, then to")
    if not (form.who.joined_before or form.who.joined or form.who.also):
        problems.error(document.place("who"), "nobody must report", "write joined_before, joined or also")
    both = sorted(set(form.who.also) & set(form.who.exempt))
    if both:
        what = f'"{both[0]}" stands in also and in exempt'
        problems.error(document.place_of_key("who", "exempt", both[0]), what, "keep one of the two")
    rules = rules_of(notices.reports if notices else None, form.notices, document, network, problems)
    if problems.errors() > before:
        return None
    return Cycle(
        id=form.id,
        title=form.title,
        period=(form.period.first, form.period.last),
        opens=form.opens,
        deadline=form.deadline,
        submit_at=form.submit_at,
        who=_cohort(form.who, vocabulary),
        rules=rules,
    )


def _cohort(form: WhoForm, vocabulary: Vocabulary) -> Cohort:
    """Joined before 2020-09: before the intake announced in that month, else before its first day."""
    before = form.joined_before
    first = vocabulary.intake_of(before) or date.fromisoformat(f"{before}-01") if before else None
    return Cohort(
        joined_before=first,
        joined=tuple(intake_span(month) for month in form.joined),
        excepted=tuple(intake_span(month) for month in form.excepted),
        also=tuple(form.also),
        exempt=tuple(form.exempt.items()),
    )
