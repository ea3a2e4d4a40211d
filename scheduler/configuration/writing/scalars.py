"""YAML as we write it: each text so that it is read back as it is, with comments where they belong."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from scheduler.configuration.problems import Place

#: Comments are broken to lines of this length; texts never are.
WIDTH = 108
#: Begins with a letter, and holds no sign that means something to YAML where it stands.
_PLAIN = re.compile(r"[^\W\d_](?:[\w .,;()/&+–—’'?=%-]|:(?=[^\s]))*")
#: A month, a date, or a date with hour and place, or with some words.
_DATES = re.compile(
    r"\d{4}-\d\d(?:-\d\d(?: \d\d:\d\d(?::\d\d)? [A-Za-z]+/[A-Za-z_/-]+|(?: [A-Za-z]+){2,})?)?", re.ASCII
)
#: Words that some readers of YAML take for something else.
_WORDS = {"yes", "no", "on", "off", "true", "false", "null", "y", "n"}
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t"}

Value: TypeAlias = "str | int | Sequence[str] | Sequence[Entry] | Sequence[Sequence[Entry]] | None"


@dataclass
class Entry:
    """A key with what stands behind it: a text, a number, a list of texts, keys of its own, a list of these.

    With None there is no line at all, only its doubts.
    """

    key: str
    value: Value
    #: where the value was taken from, when it was read somewhere
    place: Place | None = None
    #: what is doubtful about it; stands above the line
    doubts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    text: str
    #: what it is a line of
    entry: Entry | None = None


def scalar(text: str) -> str:
    """The text as a value on one line: plain where every reader of YAML agrees on it, else in quotes."""
    if _DATES.fullmatch(text):
        return text
    if _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _WORDS:
        return text
    if '"' in text and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_ESCAPED.get(sign) or _shown(sign) for sign in text) + '"'


def _shown(sign: str) -> str:
    return sign if sign.isprintable() else f"\\U{ord(sign):08X}"


def lines_of(entries: Sequence[Entry], indent: str = "") -> Iterator[Line]:
    for entry in entries:
        for doubt in entry.doubts:
            yield from (Line(line, entry) for line in comment(doubt, indent))
        yield from _entry(entry, indent)


def comment(text: str, indent: str = "") -> list[str]:
    first = f"{indent}# "
    return textwrap.wrap(
        " ".join(text.split()),
        WIDTH,
        initial_indent=first,
        subsequent_indent=first,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _entry(entry: Entry, indent: str) -> Iterator[Line]:
    if entry.value is None:
        return
    if isinstance(entry.value, str | int):
        text = scalar(entry.value) if isinstance(entry.value, str) else entry.value
        yield Line(f"{indent}{entry.key}: {text}", entry)
        return
    yield Line(f"{indent}{entry.key}:", entry)
    items: Sequence[str | Entry | Sequence[Entry]] = entry.value
    for number, item in enumerate(items):
        if isinstance(item, str):
            yield Line(f"{indent}  - {scalar(item)}", entry)
        elif isinstance(item, Entry):
            yield from lines_of([item], f"{indent}  ")
        else:
            if number and indent == "":
                yield Line("")
            yield from _item(item, f"{indent}  ")


def _item(entries: Sequence[Entry], indent: str) -> Iterator[Line]:
    """An item of a list of mappings: the dash stands before its first key, comments before the dash."""
    lines = list(lines_of(entries, f"{indent}  "))
    dash = next(number for number, line in enumerate(lines) if not line.text.lstrip().startswith("#"))
    for number, line in enumerate(lines):
        if number < dash:
            yield Line(line.text.removeprefix("  "), line.entry)
        elif number == dash:
            yield Line(f"{indent}- {line.text.lstrip()}", line.entry)
        else:
            yield line
