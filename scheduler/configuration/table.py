"""CSV as spreadsheet programs leave it: every cell knows its line and the number of its column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scheduler.configuration.problems import Place, Problems, did_you_mean, listed
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

    A column that is missing or unknown, and each row with too many or too few cells, is a problem.
    """
    text = read_text(path, MAX_TABLE_BYTES, problems)
    if text is None:
        return []
    start = Place(str(path))
    header = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header.count)
    if not header.strip():
        problems.error(start, "this table is empty", f"the first line names the columns: {listed(needed)}")
        return []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = tuple(name.strip() for name in next(reader))
        if not _columns_are_known(columns, needed, allowed, start, problems):
            return []
        return list(_rows(reader, columns, str(path), problems))
    except csv.Error as error:
        place = Place(str(path), max(reader.line_num, 1))
        problems.error(place, f"this line is no row of a table ({error})", "look at its quotation marks")
        return []


def _columns_are_known(
    columns: tuple[str, ...], needed: Sequence[str], allowed: Sequence[str], start: Place, problems: Problems
) -> bool:
    good = True
    for column in needed:
        if column not in columns:
            problems.error(start, f'the column "{column}" is missing', "add it to the first line")
            good = False
    for number, column in enumerate(columns, 1):
        place = Place(start.file, 1, number)
        if column not in (*needed, *allowed):
            known = (*needed, *allowed)
            problems.error(
                place, f'"{column}" is no column', did_you_mean(column, known, f"known: {listed(known)}")
            )
            good = False
        elif columns.count(column) > 1:
            problems.error(place, f'the column "{column}" stands here twice', "keep one of the two")
            good = False
    return good


def _rows(
    reader: Iterator[list[str]], columns: tuple[str, ...], file: str, problems: Problems
) -> Iterator[Row]:
    line = 2
    for cells in reader:
        place, line = Place(file, line), reader.line_num + 1  # type: ignore[attr-defined]
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(columns):
            problems.error(place, f"this row has {len(cells)} cells, the first line has {len(columns)}")
        elif any(len(cell) > MAX_CELL for cell in cells):
            problems.error(place, f"a cell of this row is longer than {MAX_CELL:,} characters")
        else:
            texts = (cell.strip() for cell in cells)
            yield Row(file, place.line, dict(zip(columns, texts, strict=True)), columns)
