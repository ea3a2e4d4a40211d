"""series/*.yaml as a form: the keys that may stand there, and what can be said of the file by itself."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from itertools import count, islice
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from scheduler.configuration.document import Document, Node
from scheduler.configuration.notices import SessionNoticesForm
from scheduler.configuration.problems import MOST_FINDINGS, Problems, nearest, quoted
from scheduler.configuration.schema import (
    CLOCK_PATTERN,
    LONGEST_ID,
    WRITE_A_CLOCK,
    AlsoAs,
    Clock,
    Day,
    Form,
    Id,
    Language,
    LongText,
    Minutes,
    Text,
    Url,
    YesNo,
    fill_in,
    filled,
    hint,
    in_any_letters,
    number_hint,
    one_line,
    only_without,
    read_clock,
    read_language,
    say,
    whole_number,
    written,
)
from scheduler.configuration.writing import canonical
from scheduler.model.recurrence import PATTERN, RULES, WEEKDAYS, UnknownRecurrence, read_every

#: More sessions than this in one series is a typing error in `until`.
MAX_SESSIONS = 2000

TO_BE_ANNOUNCED = ("to be announced", "tba")
_MEETING_ID = re.compile(r"[0-9]{9,11}")


def _start(value: Any) -> time | None:
    if isinstance(value, str) and value.strip().lower() in TO_BE_ANNOUNCED:
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


def _when(value: Any) -> str:
    """The text as it is: its positions are those of the file."""
    if not isinstance(value, str) or not value.strip():
        say("hours and a zone are needed here", 'write for example "13:00–14:30 Europe/Berlin"')
    return value


def _weekday(value: Any) -> str:
    text = one_line(value).lower()
    if text not in WEEKDAYS:
        close = nearest(text, WEEKDAYS)
        otherwise = "write it in English, such as Wednesday"
        instead = f'did you mean "{close.capitalize()}"?' if close else otherwise
        say(f"{quoted(one_line(value))} is no weekday", instead)
    return text


def _languages(value: Any) -> Any:
    """A list of codes is a mapping to nothing: all of them share the common link."""
    if isinstance(value, dict):
        _refuse_twice(read_language(code) for code in value)
        return {code: {} if join is None else join for code, join in value.items()}
    if not isinstance(value, list):
        return value
    return {code: {} for code in _refuse_twice(read_language(code) for code in value)}


def _refuse_twice(codes: Iterable[str]) -> list[str]:
    found = list(codes)
    if len(set(found)) < len(found):
        say("a language stands here twice", "keep one of the two")
    return found


Start = Annotated[
    time | None,
    BeforeValidator(_start),
    hint(
        "A time of day in quotes, or the words: to be announced.",
        *("13:00", "to be announced"),
        pattern=f"{CLOCK_PATTERN}|{in_any_letters(TO_BE_ANNOUNCED)}",
        instead=WRITE_A_CLOCK,
    ),
]
When = Annotated[
    str,
    BeforeValidator(_when),
    hint(
        "Hours and a zone, as colleagues write them.",
        *("13:00–14:30, Central European Time", "18.00-20.00 GMT+9", "12 EAT (at 11h Germany time)"),
        pattern=r"[\s\S]*[0-9][\s\S]*",
        instead='write hours and a zone, such as "13:00–14:30 Europe/Berlin"',
        type=["string", "number"],
    ),
]
Weekday = Annotated[
    str,
    BeforeValidator(_weekday),
    hint(
        "A weekday in English.",
        *(weekday.capitalize() for weekday in WEEKDAYS),
        pattern=in_any_letters(WEEKDAYS),
        instead="write a weekday in English, such as Wednesday",
    ),
]
Count = Annotated[
    int,
    BeforeValidator(whole_number(1, MAX_SESSIONS)),
    number_hint("A number of sessions.", 1, MAX_SESSIONS, 6, 12),
]
_MEETING_ID_HINT = hint(
    "The number of a meeting: 9, 10 or 11 digits.",
    *("599 801 634", "941 7298 7853"),
    pattern=r"(?:\d[\s-]*){9,11}",
    instead="write its 9, 10 or 11 digits",
    type=["string", "integer"],
    minimum=10**8,
    maximum=10**11 - 1,
)
_EVERY_HINT = hint(
    "A rule for days.",
    *("third wednesday", "last friday", "wednesday"),
    instead=RULES,
    pattern=in_any_letters([PATTERN]).replace(" ", r"\s+"),
)
_AS_A_LIST = AlsoAs(
    {
        "type": "array",
        "items": {"type": "string", "pattern": r"^\s*[A-Za-z]{2,3}\s*$"},
        "uniqueItems": True,
        "examples": [["en", "fr"]],
    },
    with_gaps=True,
)


class SpeakerForm(Form):
    name: Text = Field(description="with Mr, Ms, Dr as wanted")
    role: Text = Field("", description="post and institution")
    city: Text = Field("", description="city the person comes from, member or not")


class ItemForm(Form):
    title: Text = Field(description="of the item")
    speakers: list[SpeakerForm] = Field(default_factory=list, description="list of people; may be left out")


class JoinForm(Form):
    platform: Text = Field("", description="such as Zoom")
    kind: Literal["Meeting ID", "Webinar ID"] = Field(
        "Meeting ID", description="Meeting ID or Webinar ID. Default Meeting ID"
    )
    id: Annotated[str, BeforeValidator(_meeting_id), _MEETING_ID_HINT] = Field(
        "", description="the number, in quotes"
    )
    link: Url = Field("", description="address with https://")
    passcode: Text = Field("", description="in quotes")


class DetailsForm(Form):
    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                only_without("when", "start", "end", "end_date"),
                only_without("length_minutes", "end", "end_date"),
            ]
        }
    )

    title: Text | None = Field(None, description="as the mails print it. Default: title of the series")
    start: Start = Field(
        None, description="clock time. No start here and none in the series: time to be announced"
    )
    end: Clock | None = Field(None, description="clock time. Without it `length_minutes` counts")
    when: When | None = Field(
        None,
        description="in place of start, end and zone: hours and zone in one text, as a colleague wrote them, "
        "in quotes. `scheduler check --fix` writes start, end and zone instead",
    )
    end_date: Day | None = Field(
        None,
        description="last day of a session that runs over midnight or over several days; `end` is its clock "
        "time. Default: the day it begins",
    )
    weekday: Weekday | None = Field(
        None, description="weekday of the date, such as Wednesday, for check to compare; changes nothing"
    )
    zone: Text | None = Field(None, description="zone of this session, if another one")
    length_minutes: Minutes | None = Field(
        None, description="length in minutes. Default: `default_length_minutes` in network.yaml"
    )
    audience: Text | None = Field(None, description="label from network.yaml, if another one")
    status: Literal["confirmed", "postponed", "cancelled"] = Field(
        "confirmed", description="confirmed (default), cancelled, or postponed (new time not known yet)"
    )
    reason: Text = Field("", description="why it was cancelled or postponed, in a few words")
    description: LongText = Field("", description="one or two sentences for mails and calendars")
    organisers: list[Text] = Field(default_factory=list, description="list of names, if others")
    topic: Id = Field(
        "", description="the same id for all editions of one session, such as one for each half of the world"
    )
    languages: Annotated[dict[Language, JoinForm], BeforeValidator(_languages), _AS_A_LIST] = Field(
        default_factory=dict,
        description="codes of the languages it is held in, as a list; or code: keys of `join`, where each "
        "language has a link of its own",
    )
    join: JoinForm = Field(JoinForm(), description="how to take part; never shown in public calendars")
    programme: list[ItemForm] = Field(default_factory=list, description="list of items in their order")
    public: YesNo | None = Field(
        None, description="yes: partners may republish it. Default: what the series says"
    )
    recording: Url = Field("", description="address with https://, once there is one")
    summary: Url = Field("", description="address with https://, once there is one")
    summary_on: Day | None = Field(None, description="date on which the summary came out")


class SessionForm(DetailsForm):
    id: Id = Field(
        description="small letters, figures and hyphens, different from the others here. Never change it"
    )
    date: Day = Field(description="date of the webinar, in the zone that applies")


#: Keys that go with `every`.
_OF_A_RULE = ("from", "until", "count", "except", "move", "details")
_END_WITH_START: JsonValue = {"if": written("end"), "then": written("start")}


class SeriesForm(Form):
    model_config = ConfigDict(
        json_schema_extra={
            "if": written("every"),
            "then": {
                **written("from"),
                "oneOf": [written("until"), written("count")],
                "not": filled("sessions"),
            },
            "else": {
                **filled("sessions"),
                "not": {"anyOf": [{"required": [key]} for key in _OF_A_RULE]},
            },
            "allOf": [only_without("when", "start", "end"), _END_WITH_START],
        }
    )

    id: Id = Field(
        description="small letters, figures and hyphens, the same as the file name. Never change it"
    )
    title: Text = Field(description="as the mails print it")
    description: LongText = Field("", description="one or two sentences for mails and calendars")
    organisers: list[Text] = Field(
        default_factory=list, description="list of names. Default: `organiser` in network.yaml"
    )
    announced: Day | None = Field(
        None, description="date on which the cities hear of the series; no invitation goes out before"
    )
    audience: Text | None = Field(
        None, description="who is invited: a label from network.yaml. Sessions may name another one"
    )
    public: YesNo = Field(
        False,
        description="yes: partners may republish the sessions, with title, hours and organisers, never with "
        "the way to join. Default no",
    )
    zone: Text | None = Field(
        None,
        description="zone of all clock times here: an IANA name, or a label from network.yaml. "
        "Default: `zone` in network.yaml",
    )
    start: Start = Field(None, description="clock time for the sessions that give none themselves")
    end: Clock | None = Field(None, description="clock time for the sessions that give none themselves")
    when: When | None = Field(
        None, description="in place of start, end and zone: all in one text, as for a session"
    )
    expected_sessions: Count | None = Field(
        None, description="how many sessions there should be, for check to compare; changes nothing"
    )
    notices: SessionNoticesForm | None = Field(
        None, description="mail rules for this series only; see notices.yaml"
    )
    sessions: list[SessionForm] = Field(
        default_factory=list,
        max_length=MAX_SESSIONS,
        description="list of the webinars, with the keys of a session. For a series that repeats write "
        "`every`",
    )
    every: Annotated[str, BeforeValidator(_every), _EVERY_HINT] | None = Field(
        None, description="which day of each month, or of each week, such as: third wednesday"
    )
    first: Day | None = Field(None, alias="from", description="first date of the repetition")
    last: Day | None = Field(None, alias="until", description="last date of the repetition")
    count: Count | None = Field(
        None, description="number of regular dates, in place of until; those under `except` count too"
    )
    left_out: list[Day] = Field(
        default_factory=list,
        alias="except",
        max_length=MAX_SESSIONS,
        description="list of dates on which there is none",
    )
    move: dict[Day, Day] = Field(
        default_factory=dict,
        max_length=MAX_SESSIONS,
        description="regular date: new date. The session stays the same entry in all calendars",
    )
    details: dict[Day, DetailsForm] = Field(
        default_factory=dict,
        max_length=MAX_SESSIONS,
        description="regular date: keys of a session, without `id` and `date`",
    )


#: Keys that the date, the hours and the audience of a session hang on: where one of them is wrong, nothing
#: more is said of the session.
_CARRYING = frozenset(
    {"id", "date", "start", "end", "end_date", "when", "zone", "length_minutes", "audience", "weekday"}
)
#: The same for the series: where one of them is wrong, nothing more is said at all.
_CARRYING_ALL = frozenset(
    {"start", "end", "when", "zone", "audience", "announced", "notices", "sessions", "expected_sessions"}
    | {"every", "from", "until", "count", "except", "move", "details"}
)


@dataclass(frozen=True)
class Left:
    """What of a file is right, while the rest is not."""

    form: SeriesForm
    #: position in the file of each session of the form
    numbers: tuple[int, ...]


def read_form(document: Document, problems: Problems) -> SeriesForm | None:
    """What the file says by itself, before the words of network.yaml are looked up."""
    form = fill_in(SeriesForm, document, problems)
    if form is None:
        _propose_ids(document, problems)
    return form


def what_is_left(document: Document) -> Left | None:
    """The form without what is wrong in it, so that the rest is looked at in the same run; else None."""
    plain: Any = document.root.plain()
    if not isinstance(plain, dict):
        return None
    plain |= {key: "left-out" for key in ("id", "title") if not plain.get(key)}
    sessions: Any = plain.get("sessions")
    numbers = list(range(len(sessions))) if isinstance(sessions, list) else []
    for number, _ in _without_id(document):
        sessions[number]["id"] = f"left-out-{number}"
    while plain:
        try:
            return Left(SeriesForm.model_validate(plain), tuple(numbers))
        except ValidationError as error:
            plain = _prune(plain, numbers, [finding["loc"] for finding in error.errors(include_url=False)])
    return None


def _prune(
    plain: dict[str, Any], numbers: list[int], paths: Iterable[tuple[str | int, ...]]
) -> dict[str, Any]:
    """Takes out what stands at these paths; nothing is left where the whole series hangs on one of them."""
    bad: set[int] = set()
    for path in paths:
        match path:
            case ("sessions", int(number), str(key), *_) if not _carries(key, SessionForm, _CARRYING):
                plain["sessions"][number].pop(key, None)
            case ("sessions", int(number), *_):
                bad.add(number)
            case (str(key), *_) if key in plain and not _carries(key, SeriesForm, _CARRYING_ALL):
                plain[key] = "left-out" if key in ("id", "title") else None
                plain = {name: value for name, value in plain.items() if value is not None}
            case (str(key), *_) if key in plain or key in SeriesForm.model_fields:
                return {}
    for number in sorted(bad, reverse=True):
        del plain["sessions"][number], numbers[number]
    if bad:
        plain.pop("expected_sessions", None)
    return plain if plain.get("sessions") or "every" in plain else {}


def _carries(key: str, form: type[Form], carrying: frozenset[str]) -> bool:
    """The key is one of these, or is probably meant to be."""
    known = [info.alias or name for name, info in form.model_fields.items()]
    return key in carrying or (key not in known and nearest(key, known) in carrying)


def _propose_ids(document: Document, problems: Problems) -> None:
    """A session without an id gets one proposed, made of its title; it is never made up silently."""
    taken = {_id(node) for node in _sessions(document)}
    for number, node in islice(_without_id(document), MOST_FINDINGS):
        place, proposal = document.place("sessions", number), _proposal(node, taken)
        taken.add(proposal)
        rewrite = canonical.in_front_of(document, ("sessions", number), "id", proposal)
        instead = f"write for example id: {proposal}"
        if rewrite:
            problems.rewrites.append(rewrite)
            instead = f"{instead}, as scheduler check --fix does"
        problems.take_back(place, '"id" is missing', "write it")
        problems.error(place, '"id" is missing', instead)


def _sessions(document: Document) -> list[Node]:
    node = document.node("sessions")
    return (node.items if node else None) or []


def _id(node: Node) -> str:
    written = (node.entries or {}).get("id")
    return ((written[1].text if written else "") or "").strip()


def _without_id(document: Document) -> Iterator[tuple[int, Node]]:
    return (
        (number, node)
        for number, node in enumerate(_sessions(document))
        if node.entries is not None and "id" not in node.entries
    )


def _proposal(node: Node, taken: Collection[str]) -> str:
    """Up to five words of the title; "session" where it has no Latin letters. A number, if that is taken."""
    title = (node.entries or {}).get("title")
    bare = unicodedata.normalize("NFKD", (title[1].text if title else "") or "").encode("ascii", "ignore")
    words = "-".join(re.findall(r"[a-z0-9]+", bare.decode().lower())[:5])[: LONGEST_ID - 5].strip("-")
    name = words or "session"
    numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
    return next(one for one in numbered if one not in taken)
