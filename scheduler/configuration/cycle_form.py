"""What may stand in a file of a reporting round: its keys, and how each is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, time
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, JsonValue, Tag

from scheduler.configuration.notices import ReportNoticesForm
from scheduler.configuration.problems import quoted
from scheduler.configuration.schema import (
    CLOCK_PATTERN,
    DAY_PATTERN,
    LIST,
    MAPPING,
    CountryCode,
    Day,
    Form,
    Id,
    Month,
    Refusal,
    Text,
    filled,
    hint,
    in_any_letters,
    number_hint,
    one_line,
    read_clock,
    read_day,
    read_url,
    say,
    whole_number,
    written,
)
from scheduler.configuration.slugs import Slug
from scheduler.errors import UnknownZone, WallTimeError
from scheduler.model import times
from scheduler.model.cycles import ANYWHERE, CODE, IN_THE_CITY, Deadline

#: In the place of hour and zone: what holds for every city, in words that mean the last second of the day.
POLICIES = {"end of day in the city": IN_THE_CITY, "anywhere on Earth": ANYWHERE}
_LAST_SECOND = time(23, 59, 59)
_FORMS = ("2021-12-31 23:59:59 Europe/Berlin", *(f"2021-12-31 {policy}" for policy in POLICIES))
_WRITE_DEADLINE = f"write date, hour and zone, such as {_FORMS[0]}; or {_FORMS[1]}; or {_FORMS[2]}"
_POLICY_PATTERN = in_any_letters(policy.lower() for policy in POLICIES).replace(" ", r"\s+")
_FULL_PATTERN = rf"{DAY_PATTERN}\s+(?:{CLOCK_PATTERN}\s+\S+|{_POLICY_PATTERN})"

_DEADLINE = hint(
    "Date, hour and zone; or a date, and what holds for every city.",
    *("2027-11-30 23:59:59 Europe/Berlin", *(f"2027-11-30 {policy}" for policy in POLICIES)),
    pattern=_FULL_PATTERN,
    instead=_WRITE_DEADLINE,
)
_UNTIL = hint(
    "A date. Hour and zone are those of the deadline; they may be repeated.",
    "2027-12-15",
    pattern=rf"{DAY_PATTERN}|{_FULL_PATTERN}",
    instead="write year-month-day, such as 2027-12-15",
)


def read_deadline(value: Any) -> Deadline:
    """Reads "2021-12-31 23:59:59 Europe/Berlin", or a date and a policy.

    Until which hour, and whose, is never a default (story US-23).
    """
    parts = one_line(value).split()
    zone = _policy(parts[1:])
    if zone:
        return Deadline(read_day(parts[0]), _LAST_SECOND, zone)
    if len(parts) < 3:
        missing = "hour and zone" if len(parts) < 2 else "hour or zone"
        say(f"the deadline {quoted(' '.join(parts))} is written without {missing}", _WRITE_DEADLINE)
    if len(parts) > 3:
        say(f"{quoted(' '.join(parts))} is no deadline", _WRITE_DEADLINE)
    on, at, zone = read_day(parts[0]), read_clock(parts[1]), parts[2]
    _check_moment(on, at, zone)
    return Deadline(on, at, zone)


def _policy(words: Iterable[str]) -> str:
    """What these words mean in the place of hour and zone; "" where they are none of ours."""
    said = " ".join(words).casefold()
    return next((zone for policy, zone in POLICIES.items() if policy.casefold() == said), "")


def read_until(value: Any) -> Deadline | date:
    """Reads a date, or a whole deadline."""
    return read_day(value) if len(one_line(value).split()) < 2 else read_deadline(value)


def _check_moment(on: date, at: time, zone: str) -> None:
    try:
        times.instant(on, at, zone)
    except UnknownZone as error:
        say(str(error), "a deadline needs a place such as Europe/Berlin, or an offset such as +01:00")
    except WallTimeError as error:
        say(str(error), "write another hour")


#: What may follow in an address: anything, as far as its query, and as far as its fragment.
_REST, _PATH, _QUERY = (rf"""[^\s<>"'\\{{}}{end}]*""" for end in ("", "?#", "#"))
#: A web address, and in it at most once what stands for a city's own code.
_SUBMIT_PATTERN = (
    rf"""https://[^\s/?#@<>"'\\{{}}]+(?:(?:[/?#]{_REST})?"""
    rf"|/(?:{_PATH}/)?\{{code\}}/?(?:[?#]{_REST})?"
    rf"|(?:/{_PATH})?\?{_QUERY}\{{code\}}{_REST})"
)
_SUBMIT = re.compile(_SUBMIT_PATTERN)
_BRACES = re.compile(r"\{[^{}]*\}")
_WHERE_CODE = f"it may stand once: behind the ?, such as ?token={CODE}, or as the last part of the path"


def read_submit_at(value: Any) -> str:
    """A web address in which CODE may stand once, at a place that can be cut off for those without a code."""
    try:
        address = read_url(value)
    except Refusal as refusal:  # this line cannot be left out
        said = refusal.context or {}
        say(said["what"], str(said.get("instead", "")).partition(", or leave")[0])
    other = next((found for found in _BRACES.findall(address) if found != CODE), None)
    if other:
        say(f"{quoted(other)} means nothing in an address", f"write {CODE} for the code of the city")
    if address.count(CODE) > 1:
        say(f"{CODE} stands twice in this address", _WHERE_CODE)
    if not _SUBMIT.fullmatch(address):
        what = (
            f"{CODE} cannot stand at this place"
            if CODE in address
            else f"{quoted(address)} has a brace in it"
        )
        say(what, _WHERE_CODE if CODE in address else f"braces stand only around the word code: {CODE}")
    return address


_SUBMIT_HINT = hint(
    f"A web address. {CODE} stands where the code of the city goes.",
    "https://reports.learning-cities.example/report-2027?token={code}",
    pattern=_SUBMIT_PATTERN,
    instead="write it with https:// in front",
)


class PeriodForm(Form):
    first: Month = Field(alias="from", description="first month")
    last: Month = Field(alias="to", description="last month, included")


class ReapplyForm(Form):
    first: Day = Field(alias="from", description="first day of the window")
    last: Day = Field(alias="to", description="last day, included")


_FILLED: JsonValue = {"type": "array", "minItems": 1}


class ExtensionForm(Form):
    # a list that somebody means to fill must not become an extension for all
    model_config = ConfigDict(
        json_schema_extra={"allOf": [{"properties": dict.fromkeys(("members", "countries"), _FILLED)}]}
    )

    until: Annotated[Deadline | date, BeforeValidator(read_until), _UNTIL] = Field(
        description="the new date; hour and zone stay those of the deadline. Of two for one city the longer "
        "counts",
    )
    because: Text = Field(description="the reason, as the mails print it")
    members: list[Slug] = Field(
        default_factory=list, description="cities (slug in members.csv) that it is for"
    )
    countries: list[CountryCode] = Field(
        default_factory=list,
        description="countries (two capitals) whose cities it is for. With neither it is for all",
    )


def _shape(value: Any) -> str:
    return MAPPING if isinstance(value, dict) else LIST


_Also = Annotated[
    Annotated[list[Slug], Tag(LIST)] | Annotated[dict[Slug, Text], Tag(MAPPING)], Discriminator(_shape)
]
#: A number with one spelling only, so that no two keys say the same.
_LIMIT = re.compile(r"[1-9]\d{0,4}", re.ASCII)


def _read_limit(value: Any) -> int:
    text = one_line(value)
    if not _LIMIT.fullmatch(text):
        say(f"{quoted(text)} is no number of words", "write a number such as 250")
    return int(text)


MostWords = Annotated[
    int, BeforeValidator(_read_limit), hint("A number of words.", "250", pattern=_LIMIT.pattern)
]
Question = Annotated[
    int, BeforeValidator(whole_number(1, 999)), number_hint("The number of a question.", 1, 999, 12, 13)
]


class WhoForm(Form):
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [written("joined_before"), filled("joined"), filled("also"), filled("also", "object")]
        }
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
    also: _Also = Field(
        default_factory=list,
        description="cities (slug in members.csv) that must report although the rest leaves them out: a "
        "list, or city: reason",
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
        "The same moment counts for all cities; mails also give the hour it is there. Or the date with the "
        "words: end of day in the city (each city by its own clock); or: anywhere on Earth (as long as it is "
        "that day somewhere)",
    )
    extensions: list[ExtensionForm] = Field(
        default_factory=list,
        description="list of longer times, for all or for some, also when the deadline has passed. Keep the "
        "deadline as it was announced",
    )
    submit_at: Annotated[str, BeforeValidator(read_submit_at), _SUBMIT_HINT] = Field(
        description="https address where the report is handed in. {code} in it, once, behind the ? or as "
        "the last part, stands for the city's own code: only its mails show it",
    )
    who: WhoForm = Field(
        description="which cities must report: joined_before or joined, with exceptions. A city whose date "
        "of joining is too rough to say gets no mail; staff are shown it as undecided",
    )
    membership_ends: Day | None = Field(
        None,
        description="first day on which a city whose membership is not renewed is no member. It ends only "
        "with a letter that a person has released",
    )
    reapply: ReapplyForm | None = Field(
        None, description="when such a city can apply to come back; the letters print it"
    )
    word_limits: dict[MostWords, list[Question]] = Field(
        default_factory=dict,
        description="most words of an answer: numbers of the questions that this holds for. Mails name the "
        "answers that are longer; nothing is refused",
    )
    notices: ReportNoticesForm | None = Field(
        None, description="mail rules for this round only; see notices.yaml"
    )
