"""CSV as spreadsheet programs leave it: every cell knows the line and the column it is written at."""

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
from scheduler.configuration.text import MAX_TABLE_BYTES, lines_of, read_text

#: A cell longer than this is an accident.
MAX_CELL = 10_000
#: Columns and lines of a table; 10,000 members have a quarter of the columns and half of the lines.
MAX_COLUMNS, MAX_LINES = 100, 20_000
#: Characters of one line, should all its cells be as long as they may.
MAX_LINE = MAX_COLUMNS * MAX_CELL
#: How the sentences begin that name no cell.
OF_THE_WHOLE = ("this table", "the first line", "missing in the first line")
#: Comma, and what spreadsheet programs of other countries write instead.
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Written:
    """The text of a table, to find the place of a cell once it is asked for."""

    file: str
    lines: list[str]
    delimiter: str

    def place(self, line: int, number: int) -> Place:
        """Where cell `number` of the row that begins on `line` begins; both count from 1."""
        for cell, place in enumerate(self._cells(line), 1):
            if cell == number:
                return place
        return Place(self.file, line)

    def _cells(self, line: int) -> Iterator[Place]:
        """The first sign of each cell; one in quotes may go on for several lines."""
        column, text = 1, self._line(line)
        while True:
            end = text.find(self.delimiter, column - 1)
            yield Place(self.file, line, column + _blanks(text[column - 1 : end if end >= 0 else None]))
            if text.startswith('"', column - 1):
                line, column = self._behind_quotes(line, column + 1)
                text = self._line(line)
            end = text.find(self.delimiter, column - 1)
            if end < 0:
                return
            column = end + len(self.delimiter) + 1

    def _behind_quotes(self, line: int, column: int) -> tuple[int, int]:
        """Behind the mark that closes; two of them stand for one that does not."""
        while line <= len(self.lines):
            end = self._line(line).find('"', column - 1)
            if end < 0:
                line, column = line + 1, 1
            elif self._line(line).startswith('""', end):
                column = end + 3
            else:
                return line, end + 2
        return line, 1

    def _line(self, line: int) -> str:
        return self.lines[line - 1] if line <= len(self.lines) else ""


def _blanks(cell: str) -> int:
    """Blanks in front of a cell; none count where nothing else is in it."""
    return len(cell) - len(cell.lstrip()) if cell.strip() else 0


@dataclass(frozen=True)
class Row:
    line: int
    cells: dict[str, str]
    columns: tuple[str, ...]
    written: Written

    @property
    def file(self) -> str:
        return self.written.file

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")

    def place(self, column: str | None = None) -> Place:
        number = self.columns.index(column) + 1 if column in self.columns else 1
        return self.written.place(self.line, number)

    def several(self, column: str) -> list[str]:
        """The parts of a cell that may hold several, separated by |."""
        cell = self[column]
        if "|" not in cell:
            return [cell] if cell else []
        return [part.strip() for part in cell.split("|") if part.strip()]


def read_table(path: Path, needed: Sequence[str], allowed: Sequence[str], problems: Problems) -> list[Row]:
    """The rows of a CSV file with a header line; separators are read off the header, never guessed.

    A column that is missing or unknown, each row with too many or too few cells, and a table without any
    rows is a problem. Empty cells behind the last column, which spreadsheet programs leave, are none.
    """
    text = read_text(path, MAX_TABLE_BYTES, problems)
    return [] if text is None else rows_of(text, printable(path), needed, allowed, problems)


def rows_of(
    text: str, file: str, needed: Sequence[str], allowed: Sequence[str], problems: Problems
) -> list[Row]:
    """The same of a text that was read already; `file` is what the problems call it."""
    start = Place(file)
    before = problems.errors()
    if max(text.count("\n"), text.count("\r")) > MAX_LINES:
        problems.error(start, f"this table has more than {MAX_LINES:,} lines", "split it")
        return []
    written_lines = lines_of(text)
    if too_long := [number for number, line in enumerate(written_lines, 1) if len(line) > MAX_LINE]:
        what = f"this row is too long: it has more than {MAX_LINE:,} characters"
        problems.error(Place(file, too_long[0]), what, "shorten its cells")
        return []
    written = Written(file, written_lines, max(_DELIMITERS, key=written_lines[0].count))
    lines = _lines(text, written, problems)
    _, header = next(lines, (1, []))
    columns = tuple(_without_empty_end([cell.strip() for cell in header]))
    if not columns and problems.errors() == before:
        problems.error(
            start,
            "the first line is empty",
            f"it must name the columns: {listed(needed or allowed)}, each once",
        )
    if len(columns) > MAX_COLUMNS:
        what = f"the first line has {len(columns):,} columns"
        problems.error(start, what, f"write at most {MAX_COLUMNS}")
        return []
    if not columns or not _columns_are_known(columns, needed, allowed, written, problems):
        return []
    rows = list(_rows(lines, columns, written, problems))
    if not rows and problems.errors() == before:
        problems.error(start, "this table has no rows", "write at least one")
    return rows


def _lines(text: str, written: Written, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """(number of the line it begins on, cells), until the end or the first line that cannot be read."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=written.delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        problems.error(Place(written.file, line), *_unreadable(error))


def _unreadable(error: csv.Error) -> tuple[str, str]:
    if "field limit" in str(error):
        what = f"a cell of this row has more than {csv.field_size_limit():,} characters"
        return what, "shorten it, or close its quotation mark"
    what = "a quotation mark of this row is not closed, or something stands behind a closed one"
    return what, 'inside quotes write "" for one quotation mark'


def _without_empty_end(cells: list[str], least: int = 0) -> list[str]:
    written = (number for number in range(len(cells), least, -1) if cells[number - 1].strip())
    return cells[: next(written, least)]


def _columns_are_known(
    columns: tuple[str, ...],
    needed: Sequence[str],
    allowed: Sequence[str],
    written: Written,
    problems: Problems,
) -> bool:
    known, start = (*needed, *allowed), Place(written.file)
    if not set(columns) & set(known):
        problems.error(
            start, "the first line names no column that is known", f"it must name: {listed(needed or known)}"
        )
        return False
    before = problems.errors()
    meant = {nearest(column, known) for column in columns}
    if missing := [column for column in needed if column not in meant]:
        problems.error(start, f"missing in the first line: {listed(missing)}", "add the columns")
    for number, column in enumerate(columns, 1):
        place = written.place(1, number)
        if column not in known:
            instead = did_you_mean(column, known, f"known: {listed(known, most=20)}")
            problems.error(place, f"{quoted(column)} is no column", instead)
        elif column in columns[: number - 1]:
            problems.error(place, f'the column "{column}" stands here twice', "keep one of the two")
    return problems.errors() == before


def _rows(
    lines: Iterable[tuple[int, list[str]]], columns: tuple[str, ...], written: Written, problems: Problems
) -> Iterator[Row]:
    for line, found in lines:
        cells = [cell.strip() for cell in _without_empty_end(found, least=len(columns))]
        if not any(cells):
            continue
        if problems.are_enough(Place(written.file, line)):
            return
        if len(cells) != len(columns):
            what = f"this row has {len(cells)} cells, the first line has {len(columns)}"
            problems.error(Place(written.file, line), what, "look for a separator too many or too few")
            continue
        broken = [number for number, cell in enumerate(cells, 1) if not _is_one_line(cell)]
        for number in broken:
            what = f"this cell has several lines, a tab, or more than {MAX_CELL:,} characters"
            problems.error(written.place(line, number), what, "write a short text on one line")
        if not broken:
            yield Row(line, dict(zip(columns, cells, strict=True)), columns, written)


def _is_one_line(cell: str) -> bool:
    return len(cell) <= MAX_CELL and "\n" not in cell and "\r" not in cell and "\t" not in cell
