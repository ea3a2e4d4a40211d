"""What programs say of cases and are answered, as JSON: the words of the API, for its document as well."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from scheduler import logs
from scheduler.model import cases
from scheduler.model.cases import State
from scheduler.model.drafts import Draft, TooLong
from scheduler.service.cases import Done, Said

#: What can be said of a case.
Sayable = Literal[
    "submitted", "draft", "in review", "renewed", "incomplete", "no progress", "not submitted", "open"
]
_WITH_DRAFT = ("draft", "submitted")
#: Cases on one page; more would keep the event loop too long.
LONGEST_PAGE = 200
#: Letters of a reason, and how many questions a report may have.
_LONGEST, _MOST = 400, 200
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: Of wrong values this much is repeated, and of wrong keys so many.
_SHOWN, _MOST_SENTENCES = 40, 20

_AN_INSTANT = "with its offset, such as 2021-12-10T14:23:05+01:00"
_SOME_NUMBERS = f"a list of numbers of questions, from 1 to 10,000; {_MOST:,} at the most"
#: What each key takes, in the document and in the sentences that refuse something else.
TAKES: Mapping[str, str] = {
    "state": f"one of {', '.join(get_args(Sayable))}",
    "at": f"when the report came, {_AN_INSTANT}; left out: now",
    "reason": f"why, in words for staff: one line of at most {_LONGEST} letters",
    "draft": "an object with started_at, last_page, answered, unanswered or too_long",
    "started_at": f"when it was begun, {_AN_INSTANT}",
    "last_page": "the last page that was opened, a whole number from 0 to 10,000",
    "answered": _SOME_NUMBERS,
    "unanswered": _SOME_NUMBERS,
    "too_long": f"a list of objects with number, words and limit; {_MOST:,} at the most",
    "number": "the number of a question, from 1 to 10,000",
    "words": "how many words an answer has, a whole number from 1 to 1,000,000",
    "limit": "how many it should not exceed, a whole number from 1 to 1,000,000",
    "?after": "the last slug of the page before",
    "?limit": f"how many cases on a page, from 1 to {LONGEST_PAGE}",
    "Idempotency-Key": (
        "a name of your own for this very request, such as a UUID, of 1 to 200 letters, figures and signs "
        "without blanks; when you repeat the request, the same one"
    ),
}


def _instant(value: object) -> datetime:
    """Strings only, and never without an offset."""
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
        except OverflowError:
            raise ValueError("no such instant") from None
    raise ValueError("no instant")


def _state(value: object) -> object:
    """With hyphens or underscores as well."""
    return re.sub("[-_]", " ", value) if isinstance(value, str) else value


def _one_line(value: str) -> str:
    if _CONTROLS.search(value):
        raise ValueError("more than one line")
    if "@" in value:
        raise ValueError("an address would outlast its erasure; leave it out")
    return value.strip()


def _taking(name: str, **limits: Any) -> Any:
    return Field(description=TAKES[name], **limits)


_Instant = Annotated[datetime, BeforeValidator(_instant)]
_Numbers = Annotated[
    list[Annotated[int, Field(strict=True, ge=1, le=10_000)]], Field(max_length=_MOST, fail_fast=True)
]


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerTooLong(_Said):
    """An answer over its limit. It is taken all the same, and only marked."""

    number: int = _taking("number", strict=True, ge=1, le=10_000)
    words: int = _taking("words", strict=True, ge=1, le=1_000_000)
    limit: int = _taking("limit", strict=True, ge=1, le=1_000_000)


class DraftSaid(_Said):
    """How far a report is. Reminders say it, so that nobody looks for it."""

    started_at: _Instant | None = _taking("started_at", default=None)
    last_page: int | None = _taking("last_page", default=None, strict=True, ge=0, le=10_000)
    answered: _Numbers = _taking("answered", default=[])
    unanswered: _Numbers = _taking("unanswered", default=[])
    too_long: Annotated[list[AnswerTooLong], Field(max_length=_MOST, fail_fast=True)] = _taking(
        "too_long", default=[]
    )

    def draft(self) -> Draft:
        too_long = (TooLong(one.number, one.words, one.limit) for one in self.too_long)
        numbers = tuple(self.answered), tuple(self.unanswered), tuple(too_long)
        return Draft(self.started_at, self.last_page, *numbers)


class CaseSaid(_Said):
    """What is said of one case."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"state": "submitted", "at": "2021-12-10T14:23:05+01:00"}]},
    )

    state: Annotated[Sayable, BeforeValidator(_state)] = _taking("state")
    at: _Instant | None = _taking("at", default=None)
    reason: Annotated[str, Field(max_length=_LONGEST), AfterValidator(_one_line)] = _taking(
        "reason", default=""
    )
    draft: DraftSaid | None = _taking("draft", default=None)

    @model_validator(mode="after")
    def _belongs_together(self) -> CaseSaid:
        said = []
        if self.at and self.state != "submitted":
            said.append("at says when a report came, and goes with the state submitted only")
        if self.draft and self.state not in _WITH_DRAFT:
            said.append(f"draft goes with the states {' and '.join(_WITH_DRAFT)} only")
        if said:
            raise ValueError("; ".join(said))
        return self

    def of(self, member: str) -> Said:
        draft = self.draft.draft() if self.draft else None
        # whoever says it again, or a little later, must not undo what people have made of it since
        is_news = State(self.state) is State.SUBMITTED
        return Said(member, State(self.state), self.at, self.reason, draft, if_awaited=is_news)


class Case(BaseModel):
    """One city in one round, as it is now. Instants are in UTC."""

    cycle: str
    member: str = Field(description="the city's slug in members.csv")
    state: State
    since: datetime = Field(description="since when it is in this state")
    opens_at: datetime = Field(description="when the round begins there")
    deadline_at: datetime = Field(description="its own last moment, with what it was given more")
    submitted_at: datetime | None = Field(description="when its report came")
    late: bool = Field(description="the report came after its deadline; it is taken, and marked")

    @classmethod
    def of(cls, case: cases.Case) -> Case:
        return cls(**_values(case))


class CaseAnswered(Case):
    """What became of what was said. A repetition with the same Idempotency-Key is answered the same."""

    known: bool = Field(description="this was known before: nothing was changed")
    withdrawn: int = Field(description="mails that waited, and are not sent any more")
    receipts: int = Field(description="receipts that go out")

    @classmethod
    def after(cls, case: cases.Case, done: Done) -> CaseAnswered:
        followed = {"withdrawn": done.withdrawn, "receipts": done.receipts}
        return cls(**_values(case), known=case.member in done.known, **followed)


class Cases(BaseModel):
    """A page of the cases of a round, by slug."""

    cases: list[Case]
    next: str | None = Field(description="ask with this as `after` for the next page; null: this is the last")


class Refusal(BaseModel):
    """Why a request has no other answer."""

    error: str = Field(description="in one sentence")
    problems: list[str] = Field(description="all that is wrong, one sentence each")


def _values(case: cases.Case) -> dict[str, Any]:
    plain = ("cycle", "member", "state", "since", "opens_at", "deadline_at", "submitted_at")
    return {**{name: getattr(case, name) for name in plain}, "late": case.is_late}


# what cannot be taken, in sentences


def sentences(errors: Iterable[Mapping[str, Any]]) -> list[str]:
    """All that is wrong with a request, one sentence each. errors: as pydantic gives them."""
    found = list(dict.fromkeys(_sentence(error) for error in errors))
    more = len(found) - _MOST_SENTENCES
    return [*found[:_MOST_SENTENCES], f"and {more} more"] if more > 0 else found


def _sentence(error: Mapping[str, Any]) -> str:
    place: Sequence[int | str] = error["loc"][1:]
    if not place:
        if error["type"] == "value_error":
            return str(error["msg"]).removeprefix("Value error, ")
        return 'the body must be a JSON object, such as {"state": "submitted"}'
    where = _where(place)
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    takes = TAKES.get(f"?{name}" if error["loc"][0] == "query" else name, "")
    if error["type"] == "extra_forbidden":
        return f"{where} is no key that is known; check how it is written"
    if error["type"] == "missing":
        return f"{where} is missing; write {takes}"
    return f"{where}: write {takes}" if takes else f"{where}: {error['msg']}"


def _where(place: Sequence[int | str]) -> str:
    """Gives "draft.too_long[3].words"."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{shown(part)}" for part in place)
    return "".join(parts).removeprefix(".")


def shown(text: str) -> str:
    """What a stranger wrote, in one line and with an end."""
    cleaned = logs.clean(text[:_SHOWN])
    return f"{cleaned}…" if len(text) > _SHOWN else cleaned
