"""The line that a problem stands in, with a caret below: what compilers show, for people who write words."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from scheduler.configuration.problems import Place
from scheduler.configuration.text import lines_of

#: Columns of a terminal that an excerpt takes at most, its margin and the two … included.
WIDTH = 100
_MARGIN = "    "
_TAB = "    "
_CUT = "…"
#: Of a longer line so much stays in front of the caret.
_BEFORE = 40


@dataclass
class Excerpts:
    #: name of a file -> its text
    texts: Mapping[str, str]
    _lines: dict[str, list[str]] = field(default_factory=dict)

    def of(self, place: Place) -> list[str]:
        """The line and its caret; nothing where the file cannot be shown or the line is blank."""
        line = self._line(place)
        if not line.strip():
            return []
        at = min(place.column - 1, len(line))
        before, behind = line[:at], line[at:]
        room = WIDTH - len(_MARGIN) - 2 * len(_CUT)
        shown = _end_of(before, room - min(room - _BEFORE, len(behind)))
        shown_behind = _end_of(behind[::-1], room - _width(shown))[::-1]
        front = _CUT if len(shown) < len(before) else ""
        back = _CUT if len(shown_behind) < len(behind) else ""
        blank = " " * (_width(shown) + len(front))
        written = _shown(front + shown + shown_behind + back).rstrip()
        return [f"{_MARGIN}{written}", f"{_MARGIN}{blank}^"]

    def _line(self, place: Place) -> str:
        if place.file not in self._lines:
            self._lines[place.file] = lines_of(self.texts.get(place.file, ""))
        lines = self._lines[place.file]
        return lines[place.line - 1] if place.line <= len(lines) else ""


def _end_of(text: str, room: int) -> str:
    """As many of its last signs as fit into so many columns."""
    for number, sign in enumerate(reversed(text)):
        room -= _width(sign)
        if room < 0:
            return text[len(text) - number :]
    return text


def _shown(text: str) -> str:
    """As it can be printed: a tab as blanks, what cannot be seen by its number."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else _named(sign) for sign in text)


def _named(sign: str) -> str:
    if sign == "\t":
        return _TAB
    return " " if unicodedata.category(sign) == "Zs" else f"<U+{ord(sign):04X}>"


def _width(text: str) -> int:
    """Columns of a terminal: two for the wide signs of East Asia, none for an accent of its own."""
    return sum(_columns(sign) for sign in _shown(text))


def _columns(sign: str) -> int:
    if sign.isascii():
        return 1
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
