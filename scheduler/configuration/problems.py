"""What is wrong with what staff wrote: collected everywhere, spoken once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Place:
    """Where in a file; lines and columns count from 1, in characters (in a table: in cells)."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong: where, what, and what to write instead."""

    place: Place
    severity: Severity
    what: str
    instead: str = ""

    def __str__(self) -> str:
        at = f"{self.place.file}:{self.place.line}:{self.place.column}"
        return f"{at}: {self.severity}: " + "; ".join(part for part in (self.what, self.instead) if part)


@dataclass
class Problems:
    """The collector that every reader writes to; the same thing said twice is kept once."""

    found: set[Problem] = field(default_factory=set)

    def error(self, place: Place, what: str, instead: str = "") -> None:
        self.found.add(Problem(place, Severity.ERROR, what, instead))

    def warning(self, place: Place, what: str, instead: str = "") -> None:
        self.found.add(Problem(place, Severity.WARNING, what, instead))

    def in_order(self) -> list[Problem]:
        return sorted(self.found)

    def errors(self) -> int:
        return sum(problem.severity is Severity.ERROR for problem in self.found)


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """'did you mean "Arab countries"?' where something known is close, else `otherwise`."""
    by_fold = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.75)
    return f'did you mean "{by_fold[close[0]]}"?' if close else otherwise


def listed(words: Iterable[str], most: int = 12) -> str:
    """'a, b, c' for a sentence, cut where it grows too long to be read."""
    every = list(words)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")
