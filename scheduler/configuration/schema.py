"""The types that staff's texts become, and pydantic's findings as sentences.

Every value arrives as text. A type here reads one text or says what is wrong with it and what to write
instead; that is all the words that people ever see of pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from scheduler.configuration.document import Document
from scheduler.configuration.problems import Problems, did_you_mean, listed

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_MONTH = re.compile(r"(\d{4})-(\d\d)")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_URL = re.compile(r"https?://[^\s/?#@<>\"'\\]+(?:[/?#][^\s<>\"'\\]*)?")
_YES_NO = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def say(what: str, instead: str = "") -> NoReturn:
    raise PydanticCustomError("said", "{what}", {"what": what, "instead": instead})


def _text(value: object) -> str:
    if not isinstance(value, str):
        say("a text is needed here")
    return value


def one_line(value: object) -> str:
    text = _text(value).strip()
    if "\n" in text or "\r" in text or "\t" in text:
        say("this text must stand on one line")
    return text


def read_day(value: object) -> date:
    text = one_line(value)
    if not _DATE.fullmatch(text):
        say(f'"{text}" is no date', "write year-month-day, such as 2027-03-17")
    try:
        return date.fromisoformat(text)
    except ValueError:
        say(f"{text} is not in the calendar", "write a day that exists")


def read_month(value: object) -> str:
    text = one_line(value)
    found = _MONTH.fullmatch(text)
    if not found or not 1 <= int(found[2]) <= 12:
        say(f'"{text}" is no month', "write year-month, such as 2020-09")
    return text


def read_clock(value: object) -> time:
    text = one_line(value)
    found = _CLOCK.fullmatch(text)
    if not found:
        say(f'"{text}" is no time of day', 'write hours and minutes in quotes, such as "13:00"')
    hours, minutes, seconds = (int(part) for part in found.groups(default="0"))
    return time(hours, minutes, seconds)


def read_yes_no(value: object) -> bool:
    text = one_line(value)
    if text.lower() not in _YES_NO:
        say(f'"{text}" is neither yes nor no', "write yes or no")
    return _YES_NO[text.lower()]


def read_id(value: object) -> str:
    text = one_line(value)
    if not _ID.fullmatch(text):
        say(f'"{text}" is no id', "use small letters a to z, digits and hyphens, such as third-wednesday")
    return text


def read_url(value: object) -> str:
    text = one_line(value)
    if not _URL.fullmatch(text):
        say(f'"{text}" is no web address', "write it with https:// in front, or leave the line out")
    return text


def whole_number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        text = one_line(value)
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            say(f'"{text}" is no whole number from {least} to {most}')
        return int(text)

    return read


Text = Annotated[str, BeforeValidator(one_line)]
LongText = Annotated[str, BeforeValidator(lambda value: _text(value).strip())]
Day = Annotated[date, BeforeValidator(read_day)]
Month = Annotated[str, BeforeValidator(read_month)]
Clock = Annotated[time, BeforeValidator(read_clock)]
YesNo = Annotated[bool, BeforeValidator(read_yes_no)]
Id = Annotated[str, BeforeValidator(read_id)]
Url = Annotated[str, BeforeValidator(read_url)]
Minutes = Annotated[int, BeforeValidator(whole_number(1, 1440))]
SettleMinutes = Annotated[int, BeforeValidator(whole_number(0, 1440))]
DaysAway = Annotated[int, BeforeValidator(whole_number(0, 400))]
WorkingDays = Annotated[int, BeforeValidator(whole_number(1, 60))]


class Form(BaseModel):
    """What may stand in one mapping of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


F = TypeVar("F", bound=Form)


def fill_in(form: type[F], document: Document, problems: Problems) -> F | None:
    """The file as its form, or None with every problem said where it stands."""
    plain = document.root.plain()
    if not isinstance(plain, dict):
        problems.error(document.root.place, "this file must be made of keys and values", "write key: value")
        return None
    try:
        return form.model_validate(_without_gaps(plain))
    except ValidationError as error:
        for finding in error.errors(include_url=False, include_input=False):
            _explain(finding, form, document, problems)
        return None


def _without_gaps(value: Any) -> Any:
    """A key with nothing behind it counts as not written."""
    if isinstance(value, dict):
        return {key: _without_gaps(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_gaps(inner) for inner in value]
    return value


def _explain(finding: Any, form: type[Form], document: Document, problems: Problems) -> None:
    path = tuple(step for step in finding["loc"] if step != "[key]")
    place = document.place(*path)
    match finding["type"]:
        case "said":
            problems.error(place, finding["ctx"]["what"], finding["ctx"]["instead"])
        case "missing":
            problems.error(document.place_of_key(*path[:-1]), f'"{path[-1]}" is missing', "write it")
        case "extra_forbidden":
            known = _keys(form, path[:-1])
            instead = did_you_mean(str(path[-1]), known, f"known here: {listed(known)}")
            problems.error(
                document.place_of_key(*path), f'"{path[-1]}" is no key that can stand here', instead
            )
        case "list_type" | "tuple_type":
            problems.error(place, "a list is needed here", 'begin each item on its own line with "- "')
        case "dict_type" | "model_type" | "model_attributes_type":
            problems.error(place, "keys and values are needed here", "write key: value on lines of their own")
        case "literal_error":
            problems.error(place, "this word is not known here", f"write {finding['ctx']['expected']}")
        case _:
            problems.error(place, str(finding["msg"]))


def _keys(form: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys that may stand at `path` of a form."""
    for step in path:
        form = _inner(form, step)
    if not (isinstance(form, type) and issubclass(form, Form)):
        return []
    return [info.alias or name for name, info in form.model_fields.items()]


def _inner(form: Any, step: str | int) -> Any:
    if isinstance(form, type) and issubclass(form, Form):
        by_key = {info.alias or name: info.annotation for name, info in form.model_fields.items()}
        form = by_key.get(str(step))
        if getattr(form, "__origin__", None) in (list, tuple, dict, Mapping):
            return form
    arguments = [a for a in getattr(form, "__args__", ()) if a is not type(None) and a is not ...]
    nested = [a for a in arguments if isinstance(a, type) and issubclass(a, Form)]
    return nested[-1] if nested else form
