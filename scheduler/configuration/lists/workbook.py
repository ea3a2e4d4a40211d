"""Reads one sheet of a workbook (.xlsx), as a process of its own: `workbook.py FILE SHEET OCTETS SECONDS`.
An empty SHEET is the first one; the numbers are what the process may use.

A small file can ask for more memory than any machine has, and the library under it then ends the process.
So it is this one that ends, by its limits, and whoever started it can say so. The only door to calamine.

Writes one JSON object: {"no_sheet": [names]}, or {"rows": [[cell, …], …], "unsaid": ["C5", …], "formulas":
["D5", …]}. A cell is a text, {"number": 2019.0}, {"date": "2020-09-01"} or {"other": "True"}. Unsaid are the
cells with an error, or with a formula and no value: the library shows them as empty. Formulas have a value.
"""

from __future__ import annotations

import json
import resource
import sys
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any
from xml.etree import ElementTree

from python_calamine import CalamineWorkbook

#: Rows of a sheet that are looked at.
MAX_ROWS = 100_000

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_LINK = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def _limit(octets: int, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (octets, octets))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(file: str, sheet: str) -> dict[str, Any]:
    workbook = CalamineWorkbook.from_path(file)
    name = sheet or workbook.sheet_names[0]
    if name not in workbook.sheet_names:
        return {"no_sheet": workbook.sheet_names}
    rows = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False, nrows=MAX_ROWS + 1)
    unsaid, formulas = _computed(file, name)
    cells = [[_cell(value) for value in row] for row in rows]
    return {"rows": cells, "unsaid": unsaid, "formulas": formulas}


def _cell(value: object) -> object:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return {"other": str(value)}
    if isinstance(value, int | float):
        return {"number": value}
    # a datetime is a date as well
    return {"date": value.isoformat()} if isinstance(value, date) else {"other": str(value)}


def _computed(file: str, sheet: str) -> tuple[list[str], list[str]]:
    """The cells with an error, or with a formula and no value; and those with a formula and a value."""
    unsaid, formulas = [], []
    for at, has_formula, has_value, is_error in _cells(file, sheet):
        if is_error or (has_formula and not has_value):
            unsaid.append(at)
        elif has_formula:
            formulas.append(at)
    return unsaid, formulas


def _cells(file: str, sheet: str) -> Iterator[tuple[str, bool, bool, bool]]:
    """(where, it has a formula, a value, an error) of each."""
    with zipfile.ZipFile(file) as archive, archive.open(_part(archive, sheet)) as part:
        for _, element in ElementTree.iterparse(part):  # noqa: S314 - within the limits of this process
            if element.tag == f"{_MAIN}c":
                has_formula, has_value = (element.find(_MAIN + tag) is not None for tag in "fv")
                yield element.get("r", "?"), has_formula, has_value, element.get("t") == "e"
            elif element.tag == f"{_MAIN}row":
                element.clear()


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """The file of a sheet inside the workbook."""
    names = _elements(archive, "xl/workbook.xml", "sheet")
    link = next(one.get(_LINK) for one in names if one.get("name") == sheet)
    links = _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    target = next(one.get("Target", "") for one in links if one.get("Id") == link)
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _elements(archive: zipfile.ZipFile, part: str, tag: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(archive.read(part))  # noqa: S314 - within the limits of this process
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == tag]


if __name__ == "__main__":
    _limit(int(sys.argv[3]), int(sys.argv[4]))
    json.dump(_read(sys.argv[1], sys.argv[2]), sys.stdout)
