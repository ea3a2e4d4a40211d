"""series/*.yaml as a form: the keys that may stand there, and what can be said of the file by itself."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from scheduler.configuration.document import Document
from scheduler.configuration.notices import SessionNoticesForm
from scheduler.configuration.problems import Problems, quoted
from scheduler.configuration.schema import (
    Clock,
    Day,
    Form,
    Id,
    LongText,
    Minutes,
    Text,
    Url,
    fill_in,
    one_line,
    read_clock,
    read_day,
    say,
)
from scheduler.model.recurrence import RULES, UnknownRecurrence, read_every

#: More sessions than this in one series is a typing error in `until`.
MAX_SESSIONS = 2000

_TO_BE_ANNOUNCED = ("to be announced", "tba")
_MEETING_ID = re.compile(r"[0-9]{9,11}")


def _start(value: Any) -> time | None:
    if isinstance(value, str) and value.strip().lower() in _TO_BE_ANNOUNCED:
        return None
    return read_clock(value)


def _meeting_id(value: Any) -> str:
    text = one_line(value)
    digits = re.sub(r"[\s-]", "", text)
    if not _MEETING_ID.fullmatch(digits):
        say(f"{quoted(text)} is no meeting id", "write its 9, 10 or 11 digits")
    return digits


def _every(value: Any) -> str:
    text = one_line(value)
    try:
        return read_every(text)
    except UnknownRecurrence:
        say(f"{quoted(text)} is no rule", RULES)


class SpeakerForm(Form):
    name: Text
    role: Text = ""
    city: Text = ""


class ItemForm(Form):
    title: Text
    speakers: list[SpeakerForm] = Field(default_factory=list)


class JoinForm(Form):
    platform: Text = ""
    kind: Literal["Meeting ID", "Webinar ID"] = "Meeting ID"
    id: Annotated[str, BeforeValidator(_meeting_id)] = ""
    link: Url = ""
    passcode: Text = ""


class DetailsForm(Form):
    title: Text | None = None
    start: Annotated[time | None, BeforeValidator(_start)] = None
    end: Clock | None = None
    zone: Text | None = None
    length_minutes: Minutes | None = None
    audience: Text | None = None
    status: Literal["confirmed", "postponed", "cancelled"] = "confirmed"
    reason: Text = ""
    description: LongText = ""
    organisers: list[Text] = Field(default_factory=list)
    join: JoinForm = JoinForm()
    programme: list[ItemForm] = Field(default_factory=list)
    recording: Url = ""
    summary: Url = ""
    summary_on: Day | None = None


class SessionForm(DetailsForm):
    id: Id
    date: Day


DayKey = Annotated[date, BeforeValidator(read_day)]


class SeriesForm(Form):
    id: Id
    title: Text
    description: LongText = ""
    organisers: list[Text] = Field(default_factory=list)
    announced: Day | None = None
    audience: Text | None = None
    zone: Text | None = None
    start: Annotated[time | None, BeforeValidator(_start)] = None
    end: Clock | None = None
    notices: SessionNoticesForm | None = None
    sessions: list[SessionForm] = Field(default_factory=list, max_length=MAX_SESSIONS)
    every: Annotated[str, BeforeValidator(_every)] | None = None
    first: Day | None = Field(default=None, alias="from")
    last: Day | None = Field(default=None, alias="until")
    left_out: list[Day] = Field(default_factory=list, alias="except", max_length=MAX_SESSIONS)
    move: dict[DayKey, Day] = Field(default_factory=dict, max_length=MAX_SESSIONS)
    details: dict[DayKey, DetailsForm] = Field(default_factory=dict, max_length=MAX_SESSIONS)


def read_form(document: Document, problems: Problems) -> SeriesForm | None:
    """What the file says by itself, before the words of network.yaml are looked up."""
    form = fill_in(SeriesForm, document, problems)
    if form is None:
        _suggest_ids(document, problems)
    return form


def _suggest_ids(document: Document, problems: Problems) -> None:
    """A session without an id gets one proposed, made of its title; it is never made up silently."""
    sessions = (document.root.entries or {}).get("sessions")
    for number, node in enumerate(sessions[1].items or [] if sessions else []):
        entries = node.entries or {}
        if "id" in entries or "title" not in entries:
            continue
        words = (
            unicodedata.normalize("NFKD", entries["title"][1].text or "").encode("ascii", "ignore").decode()
        )
        proposal = "-".join(re.findall(r"[a-z0-9]+", words.lower())[:5])
        place = document.place("sessions", number)
        if proposal:
            problems.take_back(place, '"id" is missing', "write it")
            problems.error(place, '"id" is missing', f"write for example id: {proposal}")
