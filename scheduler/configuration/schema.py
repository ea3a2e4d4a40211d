"""The types that staff's texts become, and pydantic's findings as sentences.

Every value arrives as text. A type here reads one text or says what is wrong with it and what to write
instead; that is all the words that people ever see of pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any, NoReturn, TypeVar, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    JsonValue,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from scheduler.configuration.document import Document
from scheduler.configuration.problems import (
    MOST_FINDINGS,
    Problems,
    did_you_mean,
    listed,
    nearest,
    quoted,
)
from scheduler.model import times

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
CLOCK_PATTERN = r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?"
_CLOCK = re.compile(CLOCK_PATTERN, re.ASCII)
#: 60.0 is the number 60, to editors and to programs that write such files.
_NUMBER = re.compile(r"(\d{1,9})(?:\.0{1,9})?", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_COUNTRY = re.compile(r"[A-Z]{2}")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_URL = re.compile(r"""https://[^\s/?#@<>"'\\]+(?:[/?#][^\s<>"'\\]*)?""")
#: Two of them stand in every UID, which must stay under 255 octets (RFC 7986, 5.3).
LONGEST_ID = 80
#: Tags of what may be written in two shapes; they are no steps of a path.
LIST, MAPPING = "[list]", "[mapping]"
WRITE_A_CLOCK = 'write hours and minutes in quotes, such as "13:00"'
_YES_NO = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


#: What the readers below raise.
Refusal = PydanticCustomError


def say(what: str, instead: str = "") -> NoReturn:
    raise Refusal("said", "{what}", {"what": what, "instead": instead})


def sentence_of(refusal: Refusal) -> str:
    """What a reader said: what is wrong, and what to write instead."""
    context = refusal.context or {}
    return "; ".join(str(context[key]) for key in ("what", "instead") if context.get(key))


def _text(value: object) -> str:
    if not isinstance(value, str):
        say("a text is needed here")
    return value


def one_line(value: object) -> str:
    text = _text(value).strip()
    if "\n" in text or "\r" in text or "\t" in text:
        say("this text must stand on one line")
    return text


def read_words(value: object) -> str:
    text = one_line(value)
    if not text:
        say("this text is empty", "write it, or leave the line out")
    return text


def read_day(value: object) -> date:
    text = one_line(value)
    if not _DATE.fullmatch(text):
        say(f"{quoted(text)} is no date", "write year-month-day, such as 2027-03-17")
    check_year(text)
    try:
        return date.fromisoformat(text)
    except ValueError:
        say(f"{text} is not in the calendar", "write a day that exists")


def read_month(value: object) -> str:
    text = one_line(value)
    found = _MONTH.fullmatch(text)
    if not found or not 1 <= int(found[2]) <= 12:
        say(f"{quoted(text)} is no month", "write year-month, such as 2020-09")
    check_year(text)
    return text


def check_year(text: str) -> None:
    """A date that begins with a year far off is a typing error, and nobody knows the clocks then."""
    if not times.FIRST_YEAR <= int(text[:4]) <= times.LAST_YEAR:
        say(f"{text} is too far away", f"write a year from {times.FIRST_YEAR} to {times.LAST_YEAR}")


def read_clock(value: object) -> time:
    text = one_line(value)
    found = _CLOCK.fullmatch(text)
    if not found:
        say(f"{quoted(text)} is no time of day", WRITE_A_CLOCK)
    hours, minutes, seconds = (int(part) for part in found.groups(default="0"))
    return time(hours, minutes, seconds)


def read_yes_no(value: object) -> bool:
    text = one_line(value)
    if text.lower() not in _YES_NO:
        say(f"{quoted(text)} is neither yes nor no", "write yes or no")
    return _YES_NO[text.lower()]


def is_id(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def read_id(value: object) -> str:
    text = one_line(value)
    if not is_id(text):
        say(
            f"{quoted(text)} is no id",
            "use small letters a to z, digits and hyphens, such as third-wednesday",
        )
    if len(text) > LONGEST_ID:
        say(f"this id is longer than {LONGEST_ID} characters", "write a shorter one")
    return text


def read_url(value: object) -> str:
    text = one_line(value)
    if text.lower().startswith("http://"):
        say(f"{quoted(text)} is not encrypted", "write https:// in place of http://, or leave the line out")
    if not _URL.fullmatch(text):
        say(f"{quoted(text)} is no web address", "write it with https:// in front, or leave the line out")
    return text


def read_language(value: object) -> str:
    text = one_line(value).lower()
    if not _LANGUAGE.fullmatch(text):
        say(f"{quoted(text)} is no language code", "write two small letters, such as fr")
    return text


def read_country(value: object) -> str:
    text = one_line(value).upper()
    if not _COUNTRY.fullmatch(text):
        say(f"{quoted(one_line(value))} is no country code", "write two capitals, such as BR")
    return text


def whole_number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        text = one_line(value)
        found = _NUMBER.fullmatch(text)
        if not found or not least <= int(found[1]) <= most:
            say(f"{quoted(text)} is no whole number from {least} to {most}")
        return int(found[1])

    return read


def hint(
    description: str, *examples: str | int | bool, pattern: str = "", instead: str = "", **more: Any
) -> WithJsonSchema:
    """What an editor may know of a type: its words, and as much of its reader as a pattern can say.

    It is as generous as the reader, which takes every scalar as text: an editor that reads `599801634`
    as a number or `true` as a truth value must not call them wrong.
    """
    shape: dict[str, Any] = {"type": "string", **more}
    if pattern:
        shape["pattern"] = rf"^\s*(?:{pattern})\s*$"
    if instead:
        shape["patternErrorMessage"] = instead
    if examples:
        shape["examples"] = list(examples)
    return WithJsonSchema({"description": description, **shape})


def in_any_letters(words: Iterable[str]) -> str:
    """A pattern for words in small or capital letters; editors know of no other way to say so."""
    return "|".join(
        "".join(f"[{sign.upper()}{sign}]" if sign.isalpha() else sign for sign in word) for word in words
    )


def _years() -> str:
    """A pattern for the years that `check_year` lets pass, decade by decade."""
    first, last = times.FIRST_YEAR, times.LAST_YEAR
    decades = (
        (decade, max(first, decade * 10) % 10, min(last, decade * 10 + 9) % 10)
        for decade in range(first // 10, last // 10 + 1)
    )
    return "(?:" + "|".join(f"{decade}[{least}-{most}]" for decade, least, most in decades) + ")"


_YEARS = _years()
#: The days of a calendar whose every fourth year has a 29 February, as from 1901 to 2099.
DAY_PATTERN = (
    rf"(?:{_YEARS}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    rf"|02-(?:0[1-9]|1\d|2[0-8]))|(?={_YEARS})\d\d(?:[02468][048]|[13579][26])-02-29)"
)


def number_hint(description: str, least: int, most: int, *examples: int) -> WithJsonSchema:
    """A number, in quotes or not."""
    number = {"type": "integer", "minimum": least, "maximum": most}
    in_quotes = {"type": "string", "pattern": r"^\s*[0-9]{1,9}(?:\.0{1,9})?\s*$"}
    return WithJsonSchema(
        {"description": description, "anyOf": [number, in_quotes], "examples": list(examples)}
    )


#: What a key has behind it where nothing is written.
NOTHING: dict[str, JsonValue] = {"type": "null"}


def written(*keys: str) -> JsonSchemaValue:
    """Each of these keys stands there, with something behind it."""
    return {"required": list(keys), "properties": {key: {"not": NOTHING} for key in keys}}


def filled(key: str, kind: str = "array") -> JsonSchemaValue:
    """The key stands there with a list, or with keys of its own, that has something in it."""
    return {"required": [key], "properties": {key: {"type": kind, "minItems": 1, "minProperties": 1}}}


def only_without(key: str, *others: str) -> JsonValue:
    """Where the one is written the others say the same once more, or contradict it."""
    nothing: JsonValue = {**NOTHING, "errorMessage": f'"{key}" says this already; keep one of the two'}
    return {"if": written(key), "then": {"properties": dict.fromkeys(others, nothing)}}


@dataclass(frozen=True)
class AlsoAs:
    """Beside what a type takes, editors know of another shape."""

    shape: JsonSchemaValue
    #: each value of the mapping may be left out
    with_gaps: bool = False

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        usual = handler(schema)
        if self.with_gaps:
            usual["patternProperties"] = {
                key: {"anyOf": [value, NOTHING]} for key, value in usual["patternProperties"].items()
            }
        return {"anyOf": [self.shape, usual]}


#: What YAML editors may take an unquoted text for.
SCALAR = ["string", "number", "boolean"]
_WORDS = hint("A text on one line.", pattern=r"\S.*", instead="write one line of text", type=SCALAR)

Text = Annotated[str, BeforeValidator(read_words), _WORDS]
LongText = Annotated[
    str,
    BeforeValidator(lambda value: _text(value).strip()),
    hint("A text; it may have several lines.", type=SCALAR),
]
Day = Annotated[
    date,
    BeforeValidator(read_day),
    hint(
        "A date: year-month-day.",
        "2027-03-17",
        pattern=DAY_PATTERN,
        instead="write year-month-day, such as 2027-03-17",
    ),
]
Month = Annotated[
    str,
    BeforeValidator(read_month),
    hint(
        "A month: year-month.",
        "2020-09",
        pattern=rf"{_YEARS}-(?:0[1-9]|1[0-2])",
        instead="write year-month, such as 2020-09",
    ),
]
Clock = Annotated[
    time,
    BeforeValidator(read_clock),
    hint("A time of day, in quotes.", "13:00", pattern=CLOCK_PATTERN, instead=WRITE_A_CLOCK),
]
YesNo = Annotated[
    bool,
    BeforeValidator(read_yes_no),
    hint(
        "yes or no.",
        "yes",
        "no",
        pattern=in_any_letters(_YES_NO),
        instead="write yes or no",
        type=["string", "boolean"],
    ),
]
ID_HINT = hint(
    "An id: small letters a to z, digits and hyphens.",
    "third-wednesday",
    pattern=_ID.pattern,
    instead="use small letters a to z, digits and hyphens, such as third-wednesday",
    type=["string", "integer"],
    maxLength=LONGEST_ID,
    minimum=0,
)
Id = Annotated[str, BeforeValidator(read_id), ID_HINT]
Url = Annotated[
    str,
    BeforeValidator(read_url),
    hint(
        "A web address.",
        "https://meet.learning-cities.example/libraries",
        pattern=_URL.pattern,
        instead="write it with https:// in front, or leave the line out",
    ),
]
Language = Annotated[
    str,
    BeforeValidator(read_language),
    hint(
        "A language code.",
        *("en", "fr", "es", "ar", "zh", "ru", "pt"),
        pattern="[A-Za-z]{2,3}",
        instead="write two small letters, such as fr",
    ),
]
CountryCode = Annotated[
    str,
    BeforeValidator(read_country),
    hint(
        "A country code of two letters.",
        "BR",
        pattern="[A-Za-z]{2}",
        instead="write two capitals, such as BR",
    ),
]
Minutes = Annotated[
    int, BeforeValidator(whole_number(1, 1440)), number_hint("A number of minutes.", 1, 1440, 60, 90)
]
SettleMinutes = Annotated[
    int, BeforeValidator(whole_number(0, 1440)), number_hint("A number of minutes.", 0, 1440, 10)
]
MostMails = Annotated[
    int,
    BeforeValidator(whole_number(1, 10_000_000)),
    number_hint("A number of mails.", 1, 10_000_000, 5000),
]
DaysAway = Annotated[
    int, BeforeValidator(whole_number(0, 400)), number_hint("A number of days.", 0, 400, 7, 28)
]
WorkingDays = Annotated[
    int, BeforeValidator(whole_number(1, 60)), number_hint("A number of working days.", 1, 60, 1)
]


class Form(BaseModel):
    """What may stand in one mapping of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_gaps(cls, value: Any) -> Any:
        """A key of the form with nothing behind it counts as not written."""
        if not isinstance(value, dict):
            return value
        known = _fields(cls)
        return {key: inner for key, inner in value.items() if inner is not None or key not in known}


F = TypeVar("F", bound=Form)


def fill_in(form: type[F], document: Document, problems: Problems) -> F | None:
    """The file as its form, or None with every problem said where it stands."""
    plain = document.root.plain()
    if not isinstance(plain, dict):
        problems.error(document.root.place, "this file must be made of keys and values", "write key: value")
        return None
    try:
        return form.model_validate(plain)
    except ValidationError as error:
        findings = error.errors(include_url=False)[:MOST_FINDINGS]
        meant = {_meant(finding["loc"], form) for finding in findings if finding["type"] == "extra_forbidden"}
        for finding in findings:
            if finding["type"] != "missing" or finding["loc"] not in meant:
                _explain(finding, form, document, problems)
        if more := error.error_count() - len(findings):
            problems.error(document.root.place, f"{more:,} more problems follow", "mend the others first")
        return None


def _meant(path: tuple[str | int, ...], form: type[Form]) -> tuple[str | int | None, ...]:
    """The place of the key that an unknown one was probably meant to be: it is not missing besides."""
    return (*path[:-1], nearest(str(path[-1]), _fields(_form_at(form, path[:-1]))))


def _explain(finding: Any, form: type[Form], document: Document, problems: Problems) -> None:
    path = tuple(step for step in finding["loc"] if step not in ("[key]", LIST, MAPPING))
    is_about_key = finding["loc"][-1:] == ("[key]",)
    place = document.place_of_key(*path) if is_about_key else document.place(*path)
    match finding["type"]:
        case "said":
            problems.error(place, finding["ctx"]["what"], finding["ctx"]["instead"])
        case "missing" if document.has(*path):
            problems.error(document.place_of_key(*path), f'nothing stands behind "{path[-1]}"', "write it")
        case "missing":
            problems.error(document.place_of_key(*path[:-1]), f'"{path[-1]}" is missing', "write it")
        case "extra_forbidden":
            key, known = str(path[-1]), _fields(_form_at(form, path[:-1]))
            instead = did_you_mean(key, known, f"known here: {listed(known, most=24)}")
            problems.error(
                document.place_of_key(*path), f"{quoted(key)} is no key that can stand here", instead
            )
        case "too_long":
            problems.error(
                place, "this list is too long", f"write at most {finding['ctx']['max_length']:,} items"
            )
        case "list_type" | "tuple_type":
            problems.error(place, "a list is needed here", 'begin each item on its own line with "- "')
        case "dict_type" | "model_type" | "model_attributes_type":
            problems.error(place, "keys and values are needed here", "write key: value on lines of their own")
        case "literal_error":
            expected, written = str(finding["ctx"]["expected"]).replace("'", ""), str(finding["input"])
            instead = did_you_mean(written, re.split(", | or ", expected), f"write {expected}")
            problems.error(place, f"{quoted(written)} is not known here", instead)
        case _:
            problems.error(place, str(finding["msg"]))


def _fields(form: type[Form]) -> dict[str, Any]:
    """The keys that may stand in a form, with their types."""
    return {info.alias or name: info.annotation for name, info in form.model_fields.items()}


def _form_at(form: type[Form], path: tuple[str | int, ...]) -> type[Form]:
    """The form at `path` of another; numbers of items and keys of free choice lead no deeper."""
    for step in path:
        form = next(forms_in(_fields(form).get(str(step))), form)
    return form


def forms_in(annotation: Any) -> Iterator[type[Form]]:
    """The forms that a type is made of: itself, items of a list, values of a mapping."""
    if isinstance(annotation, type) and not get_args(annotation) and issubclass(annotation, Form):
        yield annotation
    for argument in get_args(annotation):
        yield from forms_in(argument)
