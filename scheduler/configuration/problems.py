"""What is wrong with what staff wrote: collected everywhere, spoken once."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

#: So many characters of what staff wrote are repeated in a sentence; no word that is longer is looked for.
MOST_QUOTED = 100
#: So many errors of one file are said at once; a file with more is not one that somebody wrote.
MOST_FINDINGS = 200
#: What differs between two sentences of one kind: what was quoted, and numbers.
_VARIES = re.compile(r'"[^"]*"|[0-9][0-9,]*')


class Severity(StrEnum):
    #: nothing is usable until it is mended
    ERROR = "error"
    #: probably not what was meant
    WARNING = "warning"
    #: worth knowing, nothing to mend
    NOTE = "note"


class Place(NamedTuple):
    """Where in a file; lines and columns count from 1, in characters."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong: where, what, and what to write instead."""

    place: Place
    severity: Severity
    what: str
    instead: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.sentence}"

    @property
    def sentence(self) -> str:
        return "; ".join(part for part in (self.what, self.instead) if part)

    def by_weight(self) -> tuple[Place, int, str]:
        """The order of a list for people: by place, and there what weighs most first."""
        return self.place, list(Severity).index(self.severity), self.what

    @property
    def kind(self) -> tuple[str, Severity, str]:
        """Equal for all problems of a file that say the same of different things."""
        return self.place.file, self.severity, _VARIES.sub("…", self.what)


@dataclass(frozen=True, order=True)
class Rewrite:
    """A span of a file that was understood, and the canonical form that may stand in its place."""

    file: str
    #: characters of the text of the file, from 0, half-open
    start: int
    end: int
    text: str


@dataclass
class Problems:
    """The collector that every reader writes to; the same thing said twice is kept once."""

    #: what `scheduler check --fix` may write
    rewrites: list[Rewrite] = field(default_factory=list)
    #: name of a file -> its text, to show the line that a problem stands in
    texts: dict[str, str] = field(default_factory=dict)
    _errors: set[Problem] = field(default_factory=set)
    _others: set[Problem] = field(default_factory=set)
    #: file -> how many of the errors are its own
    _errors_of: Counter[str] = field(default_factory=Counter)
    #: files of which the rest was not looked at
    _left: set[str] = field(default_factory=set)

    def error(self, place: Place, what: str, instead: str = "") -> None:
        before = len(self._errors)
        self._errors.add(Problem(place, Severity.ERROR, what, instead))
        self._errors_of[place.file] += len(self._errors) - before

    def warning(self, place: Place, what: str, instead: str = "") -> None:
        self._others.add(Problem(place, Severity.WARNING, what, instead))

    def note(self, place: Place, what: str, instead: str = "") -> None:
        self._others.add(Problem(place, Severity.NOTE, what, instead))

    def take_back(self, place: Place, what: str, instead: str = "") -> bool:
        """An error that somebody else can say better; whether it was said at all."""
        before = len(self._errors)
        self._errors.discard(Problem(place, Severity.ERROR, what, instead))
        self._errors_of[place.file] += len(self._errors) - before
        return len(self._errors) < before

    def in_order(self) -> list[Problem]:
        return sorted(self._errors | self._others)

    def errors(self) -> int:
        return len(self._errors)

    def errors_in(self, file: str) -> int:
        return self._errors_of[file]

    def are_enough(self, place: Place) -> bool:
        """So much is wrong with this file that nobody reads further; nor does a reader, and once says so."""
        if self._errors_of[place.file] < MOST_FINDINGS:
            return False
        if place.file not in self._left:
            self._left.add(place.file)
            self.error(place, "from here on nothing was looked at", "mend the other errors first")
        return True


def nearest(word: str, known: Iterable[str]) -> str | None:
    """What was probably meant, where something known is close."""
    if len(word) > MOST_QUOTED:
        return None
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.75)
    return by_fold[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """'did you mean "Arab countries"?' where something known is close, else `otherwise`."""
    close = nearest(word, known)
    return f'did you mean "{close}"?' if close else otherwise


def printable(text: object) -> str:
    """The text on one line, with a name for each sign that cannot be seen (or not be printed at all)."""
    written = str(text)
    if written.isprintable():
        return written
    signs = (" " if sign in "\n\r\t" else sign for sign in written)
    return "".join(sign if sign.isprintable() else f"<U+{ord(sign):04X}>" for sign in signs)


def quoted(text: str) -> str:
    """'"Arab contries"' for a sentence; cut where a quotation mark left open has swallowed half a file."""
    return f'"{printable(text[:MOST_QUOTED])}{"…" if len(text) > MOST_QUOTED else ""}"'


def listed(words: Iterable[str], most: int = 12) -> str:
    """'a, b, c' for a sentence, cut where it grows too long to be read."""
    every = list(words)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
