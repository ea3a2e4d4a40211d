"""Tables as a workbook for spreadsheet programs. The only door to XlsxWriter, which only writes."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from scheduler.configuration.problems import printable

if TYPE_CHECKING:
    from scheduler.cli.cases_export import Table

#: What a cell of a workbook has room for.
_LONGEST = 32_767
_NARROWEST, _WIDEST = 8, 48
#: The first so many rows tell how wide a column is.
_LOOKED_AT = 200
#: A text stays a text, whatever it begins with: never a formula, a link or a number.
_AS_WRITTEN = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def workbook(tables: Sequence[Table], at: datetime) -> bytes:
    """One sheet for each table, its head frozen and to be filtered by. at: stands in the file as its date."""
    import xlsxwriter

    file = io.BytesIO()
    # rows go to the disk as they are written: 10,000 cities with all their mails take no memory
    options: dict[str, Any] = {"constant_memory": True, **_AS_WRITTEN}
    with xlsxwriter.Workbook(file, options) as book:
        book.set_properties({"created": at.astimezone(UTC).replace(tzinfo=None)})
        bold = book.add_format({"bold": True, "bottom": 1})
        for table in tables:
            _write(book.add_worksheet(table.name), table, bold)
    return file.getvalue()


def _write(sheet: Any, table: Table, bold: Any) -> None:
    for place, width in enumerate(_widths(table)):
        sheet.set_column(place, place, width)
    sheet.freeze_panes(1, 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    for place, name in enumerate(table.columns):
        sheet.write_string(0, place, name, bold)
    for number, row in enumerate(table.rows, start=1):
        for place, value in enumerate(row):
            if isinstance(value, int):
                sheet.write_number(number, place, value)
            elif value:
                sheet.write_string(number, place, printable(value)[:_LONGEST])
    sheet.autofilter(0, 0, max(1, len(table.rows)), len(table.columns) - 1)


def _widths(table: Table) -> list[int]:
    longest = [len(name) + 2 for name in table.columns]
    for row in table.rows[:_LOOKED_AT]:
        longest = [max(one, len(str(value)) + 1) for one, value in zip(longest, row, strict=True)]
    return [min(_WIDEST, max(_NARROWEST, one)) for one in longest]
