"""CSV as spreadsheet programs leave it: every cell knows its line and the number of its column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.configuration.problems import (
    Place,
    Problems,
    did_you_mean,
    listed,
    nearest,
    printable,
    quoted,
)
from scheduler.configuration.text import MAX_TABLE_BYTES, read_text

#: A cell longer than this is an accident.
MAX_CELL = 10_000
#: Comma, and what spreadsheet programs of other countries write instead.
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Row:
    file: str
    line: int
    cells: dict[str, str]
    columns: tuple[str, ...]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def place(self, column: str | None = None) -> Place:
        number = self.columns.index(column) + 1 if column in self.columns else 1
        return Place(self.file, self.line, number)

    def several(self, column: str) -> list[str]:
        """The parts of a cell that may hold several, separated by |."""
        return [part.strip() for part in self[column].split("|") if part.strip()]


def read_table(path: Path, needed: Sequence[str], allowed: Sequence[str], problems: Problems) -> list[Row]:
    """The rows of a CSV file with a header line; separators are read off the header, never guessed.

    A column that is missing or unknown, each row with too many or too few cells, and a table without any
    rows is a problem. Empty cells behind the last column, which spreadsheet programs leave, are none.
    """
    text = read_text(path, MAX_TABLE_BYTES, problems)
    if text is None:
        return []
    start = Place(printable(path))
    before = problems.errors()
    first_line = text.partition("\n")[0]
    lines = _lines(text, max(_DELIMITERS, key=first_line.count), start.file, problems)
    _, header = next(lines, (1, []))
    columns = tuple(_without_empty_end([cell.strip() for cell in header]))
    if not columns and problems.errors() == before:
        problems.error(
            start, "the first line is empty", f"it must name the columns: {listed(needed)}, each once"
        )
    if not columns or not _columns_are_known(columns, needed, allowed, start, problems):
        return []
    rows = list(_rows(lines, columns, start.file, problems))
    if not rows and problems.errors() == before:
        problems.error(start, "this table has no rows", "write at least one")
    return rows


def _lines(text: str, delimiter: str, file: str, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """(number of the line it begins on, cells), until the end or the first line that cannot be read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error:
        what = "a quotation mark of this row is not closed, or something stands behind a closed one"
        problems.error(Place(file, line), what, 'inside quotes write "" for one quotation mark')


def _without_empty_end(cells: list[str], least: int = 0) -> list[str]:
    while len(cells) > least and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _columns_are_known(
    columns: tuple[str, ...], needed: Sequence[str], allowed: Sequence[str], start: Place, problems: Problems
) -> bool:
    known = (*needed, *allowed)
    if not set(columns) & set(known):
        problems.error(
            start, "the first line names no column that is known", f"it must name: {listed(needed)}"
        )
        return False
    before = problems.errors()
    meant = {nearest(column, known) for column in columns}
    if missing := [column for column in needed if column not in meant]:
        problems.error(start, f"missing in the first line: {listed(missing)}", "add the columns")
    for number, column in enumerate(columns, 1):
        place = Place(start.file, 1, number)
        if column not in known:
            instead = did_you_mean(column, known, f"known: {listed(known, most=20)}")
            problems.error(place, f"{quoted(column)} is no column", instead)
        elif column in columns[: number - 1]:
            problems.error(place, f'the column "{column}" stands here twice', "keep one of the two")
    return problems.errors() == before


def _rows(
    lines: Iterable[tuple[int, list[str]]], columns: tuple[str, ...], file: str, problems: Problems
) -> Iterator[Row]:
    for line, written in lines:
        cells = [cell.strip() for cell in _without_empty_end(written, least=len(columns))]
        if not any(cells):
            continue
        if len(cells) != len(columns):
            what = f"this row has {len(cells)} cells, the first line has {len(columns)}"
            problems.error(Place(file, line), what, "look for a separator too many or too few")
            continue
        broken = [number for number, cell in enumerate(cells, 1) if not _is_one_line(cell)]
        for number in broken:
            what = f"this cell has several lines, a tab, or more than {MAX_CELL:,} characters"
            problems.error(Place(file, line, number), what, "write a short text on one line")
        if not broken:
            yield Row(file, line, dict(zip(columns, cells, strict=True)), columns)


def _is_one_line(cell: str) -> bool:
    return len(cell) <= MAX_CELL and not any(sign in cell for sign in "\n\r\t")
