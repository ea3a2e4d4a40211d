"""Problems as they are printed: for people, for programs, and for the checks of GitHub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from scheduler.configuration.excerpt import Excerpts
from scheduler.configuration.problems import Problem, Severity

#: So many problems of one kind are printed of one file; who reads on after fifty?
MOST_OF_A_KIND = 50

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_text(problems: Sequence[Problem], texts: Mapping[str, str]) -> Iterator[str]:
    """Each on a line that editors can jump to; below the last of each place what is written there.

    Where there are only notes nothing is to be mended, so nothing is shown.
    """
    excerpts = Excerpts(texts)
    shown, more = shortened(problems)
    for place, of_place in groupby(shown, key=lambda problem: problem.place):
        together = list(of_place)
        yield from map(str, together)
        if any(problem.severity is not Severity.NOTE for problem in together):
            yield from excerpts.of(place)
    yield from more


def as_github(problems: Sequence[Problem]) -> Iterator[str]:
    """Workflow commands, which GitHub shows beside the lines of a change."""
    shown, more = shortened(problems)
    for problem in shown:
        place = problem.place
        properties = {
            "file": place.file,
            "line": place.line,
            "col": place.column,
            "title": f"scheduler check: {problem.severity}",
        }
        said = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
        yield f"::{_COMMANDS[problem.severity]} {said}::{_data(problem.sentence)}"
    yield from more


def as_json(problems: Sequence[Problem], *, usable: bool, written: Mapping[str, int] | None = None) -> str:
    """One object with all of them; `written`: file -> places that were mended, where that was asked for."""
    found = {
        "usable": usable,
        "counts": {severity.value: count for severity, count in counts(problems).items()},
        "problems": [
            {
                "file": problem.place.file,
                "line": problem.place.line,
                "column": problem.place.column,
                "severity": problem.severity.value,
                "what": problem.what,
                "instead": problem.instead,
            }
            for problem in problems
        ],
    }
    if written is not None:
        found["written"] = dict(written)
    return json.dumps(found, ensure_ascii=False, indent=2)


def counts(problems: Sequence[Problem]) -> dict[Severity, int]:
    """How many there are of each weight, the heaviest first."""
    counted = Counter(problem.severity for problem in problems)
    return {severity: counted[severity] for severity in Severity}


def shortened(problems: Sequence[Problem]) -> tuple[list[Problem], list[str]]:
    """The first of each kind, and a line for each kind of which there are more."""
    met: Counter[tuple[str, Severity, str]] = Counter()
    shown = []
    for problem in problems:
        kind = problem.kind
        met[kind] += 1
        if met[kind] <= MOST_OF_A_KIND:
            shown.append(problem)
    more = [
        f"{file}: … and {number - MOST_OF_A_KIND:,} more {severity}s of this kind: {what}"
        for (file, severity, what), number in met.items()
        if number > MOST_OF_A_KIND
    ]
    return shown, more


def _data(text: str) -> str:
    """Escaped as GitHub's own toolkit does it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
