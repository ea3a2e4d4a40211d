"""A sheet of a spreadsheet file (.xlsx) -> the text of a table, in which each row keeps its number."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

from scheduler.configuration.lists import workbook
from scheduler.configuration.problems import (
    MOST_FINDINGS,
    Place,
    Problem,
    Problems,
    did_you_mean,
    listed,
    printable,
    quoted,
)
from scheduler.configuration.table import OF_THE_WHOLE, Row, Written, rows_of
from scheduler.configuration.text import find_control, lines_of, said_of

#: A file of 10,000 members has a fifth of it, packed and unpacked.
MAX_BYTES, MAX_UNPACKED = 8_000_000, 64_000_000
#: How much longer than it may compute the process may take, should it only wait.
_WAIT = 10
_BROKEN = (
    "this file cannot be read as a spreadsheet: it is broken, has a password, or asks for too much memory"
)
_CELL = re.compile("(?P<letters>[A-Z]{1,3})(?P<row>[0-9]{1,7})")
_SAVE_AS = "save the list as a new .xlsx file, or as CSV UTF-8"


@dataclass(frozen=True)
class Limits:
    """What a workbook may have, in octets, and what the process that reads it may use."""

    octets: int = MAX_BYTES
    unpacked: int = MAX_UNPACKED
    #: octets; a sheet of 10,000 members needs a tenth of it
    memory: int = 768_000_000
    seconds: int = 20


_OF_A_LIST = Limits()


@dataclass(frozen=True)
class Sheet:
    """As `workbook.py` writes it, row by row; a formula has the value that was computed last."""

    rows: list[list[Any]]
    #: (row, position of the column) of errors, and of formulas without a value; rows count from 1
    unsaid: frozenset[tuple[int, int]]


def open_sheet(path: Path, sheet: str | None, problems: Problems, limits: Limits) -> Sheet | None:
    """A sheet in which numbers, dates and long texts may stand; None with the problem said."""
    found = _opened(path, sheet, problems, limits)
    if found is None or _has_too_many_rows(found, printable(path), problems):
        return None
    cells = (_CELL.fullmatch(cell) for cell in found["unsaid"])
    return Sheet(found["rows"], frozenset((int(c["row"]), _number(c["letters"]) - 1) for c in cells if c))


def read_sheet(
    path: Path, sheet: str | None, allowed: Sequence[str], problems: Problems
) -> tuple[list[Row], str]:
    """The rows of a sheet, the first one if none is named, under the header line in its first row; and the
    text that was made of it, for `in_cells`.

    Texts are taken as they stand, of formulas the value last computed. What is no text is refused, for a
    spreadsheet program may have made 2020-09 a date and 0123 a number: but a whole number of four figures
    is the year that it looks like. An error, or a formula without a value, is refused.
    """
    found = _opened(path, sheet, problems, _OF_A_LIST)
    text = _text(found, printable(path), problems) if found else None
    if text is None:
        return [], ""
    _warn_of_formulas(found["formulas"] if found else [], text, printable(path), problems)
    return rows_of(text, printable(path), (), allowed, problems), text


def _warn_of_formulas(cells: Iterable[str], text: str, file: str, problems: Problems) -> None:
    written = Written(file, lines_of(text), ",")
    for cell in islice(cells, MOST_FINDINGS):
        if at := _CELL.fullmatch(cell):
            what = "this is a formula; what it gave last is taken"
            place = written.place(int(at["row"]), _number(at["letters"]))
            problems.warning(place, what, "see whether it is right, or write the text itself")


def _number(letters: str) -> int:
    """Gives 1 of "A", 28 of "AB"."""
    return reduce(lambda number, letter: 26 * number + ord(letter) - ord("A") + 1, letters, 0)


def in_cells(problem: Problem, text: str) -> Problem:
    """A problem of a table that was made of a sheet: the line is its row, the column its column."""
    at = problem.place
    lines = lines_of(text)
    if problem.what.startswith(OF_THE_WHOLE) or at.line > len(lines) or not lines[at.line - 1].strip():
        return problem
    written = Written(at.file, lines, ",")
    width = lines[at.line - 1].count(",") + 1
    number = next((n for n in range(1, width + 1) if written.place(at.line, n).column == at.column), 1)
    place = Place(at.file, at.line, number)
    what = f"cell {_letters(number)}{at.line}: {problem.what}"
    return Problem(place, problem.severity, what, problem.instead)


def _letters(number: int) -> str:
    """Gives "A" of 1, "AB" of 28."""
    number, last = divmod(number - 1, 26)
    return (_letters(number) if number else "") + chr(ord("A") + last)


def _opened(path: Path, sheet: str | None, problems: Problems, limits: Limits) -> dict[str, Any] | None:
    """What the reading process found; None with the problem said."""
    place = Place(printable(path))
    if why := _refused(path, limits):
        problems.error(place, *why)
        return None
    # alone: neither the folder it is started in nor the environment can bring in other code
    uses = (str(limits.memory), str(limits.seconds))
    command = [sys.executable, "-I", workbook.__file__, str(path.absolute()), sheet or "", *uses]
    try:
        wait = limits.seconds + _WAIT
        done = subprocess.run(command, capture_output=True, timeout=wait, check=True)  # noqa: S603
        found: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.SubprocessError, ValueError):
        problems.error(place, _BROKEN, _SAVE_AS)
        return None
    if names := found.get("no_sheet"):
        wanted = did_you_mean(sheet or "", names, f"there are: {printable(listed(names))}")
        problems.error(place, f"there is no sheet {quoted(sheet or '')}", wanted)
        return None
    return found


def _refused(path: Path, limits: Limits) -> tuple[str, str] | None:
    """Why the file is not even opened."""
    if not path.exists():
        return "this file is missing", ""
    if not path.is_file():
        return "this is no ordinary file", "put the list itself here"
    if path.stat().st_size > limits.octets:
        return (
            f"this file is larger than {limits.octets:,} bytes",
            "leave out pictures, or save it as CSV UTF-8",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return _BROKEN, _SAVE_AS
    if size > limits.unpacked:
        return f"this file unpacks to more than {limits.unpacked:,} bytes", "save it as CSV UTF-8"
    return None


def _text(found: dict[str, Any], file: str, problems: Problems) -> str | None:
    """The sheet as CSV, one line a row; None with every cell said that cannot be taken as it stands."""
    rows: list[list[object]] = found["rows"]
    if _has_too_many_rows(found, file, problems):
        return None
    if found["unsaid"]:
        what = f"an error, or a formula without a value, stands in {printable(listed(found['unsaid']))}"
        problems.error(Place(file), what, "write the text itself there, and save the file again")
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    for line, row in enumerate(rows, 1):
        table.writerow(_texts(row, line, file, problems))
    return None if problems.errors() else written.getvalue()


def _has_too_many_rows(found: dict[str, Any], file: str, problems: Problems) -> bool:
    if len(found["rows"]) <= workbook.MAX_ROWS:
        return False
    problems.error(Place(file), f"this sheet has more than {workbook.MAX_ROWS:,} rows", "split it")
    return True


def _texts(row: Sequence[object], line: int, file: str, problems: Problems) -> Iterator[str]:
    for number, cell in enumerate(row, 1):
        text, why = _taken(cell)
        if why:
            what = f"cell {_letters(number)}{line}: {why[0]}"
            problems.error(Place(file, line, number), what, why[1])
        yield text


def _taken(cell: Any) -> tuple[str, tuple[str, str] | None]:
    """The text of a cell, and what is wrong with it."""
    if isinstance(cell, str):
        sign = find_control(cell)
        if sign:
            return "", said_of(sign)
        if any(end in cell.strip() for end in "\r\n"):
            return "", ("this cell has several lines", "write a short text on one line")
        return cell.strip(), None
    kind, value = next(iter(cell.items())) if isinstance(cell, dict) else ("other", cell)
    if kind == "number":
        number = float(value)
        if 1000 <= number <= 9999 and number.is_integer():
            return f"{number:.0f}", None
        value = f"{number:g}"
    kinds = {"number": "a number", "date": "a date"}
    what = f"{quoted(str(value))} is {kinds.get(kind, 'no text')} there, not what was typed"
    return "", (what, "format the cell as text, then type it once more, such as 2020-09 or 0123")
