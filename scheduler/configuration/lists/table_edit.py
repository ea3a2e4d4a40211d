"""A table with some rows written anew, added or left out; of all others every sign stays."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from scheduler.configuration.table import Row


@dataclass(frozen=True)
class Edit:
    #: line that a row begins on -> its new cells, by column
    changed: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    #: lines that rows to leave out begin on
    left_out: frozenset[int] = frozenset()
    added: Sequence[Mapping[str, str]] = ()
    #: columns that the table gets, behind those it has
    columns: tuple[str, ...] = ()


def edited(table: str, rows: Sequence[Row], edit: Edit) -> str:
    """The text of the table after an edit. rows: as they were read from it; there is at least one."""
    form = _Form(rows[0].written.delimiter, (*rows[0].columns, *edit.columns))
    by_line = {row.line: row for row in rows}
    pieces = []
    for line, raw in _records(table, form.delimiter):
        end = raw[len(raw.rstrip("\r\n")) :]
        if line in edit.changed:
            pieces.append(form.of({**by_line[line].cells, **edit.changed[line]}) + end)
        elif line in by_line and line not in edit.left_out:
            pieces.append(form.widened(raw, end, [""] * len(edit.columns)))
        elif line not in by_line:  # the header, or an empty row
            pieces.append(form.widened(raw, end, edit.columns if line == 1 else ()))
    return _followed("".join(pieces), [form.of(cells) for cells in edit.added])


@dataclass(frozen=True)
class _Form:
    delimiter: str
    columns: tuple[str, ...]

    def of(self, cells: Mapping[str, str]) -> str:
        """A row without the end of its line."""
        written = io.StringIO()
        table = csv.writer(written, delimiter=self.delimiter, lineterminator="")
        table.writerow([cells.get(column, "") for column in self.columns])
        return written.getvalue()

    def widened(self, raw: str, end: str, cells: Sequence[str]) -> str:
        """The row as it stands, with more cells."""
        return raw.removesuffix(end) + "".join(self.delimiter + cell for cell in cells) + end


def _records(table: str, delimiter: str) -> Iterator[tuple[int, str]]:
    """(number of the line it begins on, every sign of it) of each row; in quotes it may go on for lines."""
    lines = list(io.StringIO(table, newline=""))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begin = 0
    for _ in reader:
        yield begin + 1, "".join(lines[begin : reader.line_num])
        begin = reader.line_num


def _followed(text: str, rows: Sequence[str]) -> str:
    """The rows behind the text, with the ends of lines that it has, at its own end too."""
    end = next((end for end in ("\r\n", "\n", "\r") if end in text), "\n")
    if not rows:
        return text
    has_end = text.endswith(("\r", "\n"))
    return text + ("" if has_end else end) + end.join(rows) + (end if has_end else "")
