"""Lists of members in .xlsx files: as they stand, or each cell that cannot be taken, or one sentence."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from scheduler.configuration.lists import spreadsheet
from scheduler.configuration.lists.member_list import COLUMNS, read_list
from scheduler.configuration.problems import Problems
from tests.cli.workbook import Cell, packed, parts, workbook

BROKEN = (
    "list.xlsx:1:1: error: this file cannot be read as a spreadsheet: it is broken, has a password, or asks"
    " for too much memory; save the list as a new .xlsx file, or as CSV UTF-8"
)


def read(path: Path, sheet: str | None = None) -> tuple[list[dict[str, str]], list[str]]:
    problems = Problems()
    rows, text = spreadsheet.read_sheet(path, sheet, COLUMNS, problems)
    said = [str(spreadsheet.in_cells(problem, text)) for problem in problems.in_order()]
    return [row.cells for row in rows], [sentence.replace(f"{path.parent}/", "") for sentence in said]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list.xlsx"


def said_of(path: Path, *rows: Sequence[Cell]) -> list[str]:
    path.write_bytes(workbook(*rows))
    return read(path)[1]


def test_texts_years_and_values_of_formulas_are_taken_as_they_stand(path: Path) -> None:
    formula = '<c r="{at}" t="str"><f>A2</f><v>as computed</v></c>'
    path.write_bytes(
        workbook(["slug", "memberships", "note"], ["izmir", 2019, 'İ, "&" 0123 '], [], ["doha", "", formula])
    )

    rows, said = read(path)

    assert said == [
        "list.xlsx:4:3: warning: cell C4: this is a formula; what it gave last is taken; "
        "see whether it is right, or write the text itself"
    ]
    assert rows == [
        {"slug": "izmir", "memberships": "2019", "note": 'İ, "&" 0123'},
        {"slug": "doha", "memberships": "", "note": "as computed"},
    ]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ('<c r="{at}" s="1"><v>44075</v></c>', 'cell C2: "2020-09-01" is a date there, not what was typed'),
        (123, 'cell C2: "123" is a number there, not what was typed'),
        (44075.5, 'cell C2: "44075.5" is a number there, not what was typed'),
        ('<c r="{at}" t="b"><v>1</v></c>', 'cell C2: "True" is no text there, not what was typed'),
    ],
    ids=["date", "number", "fraction", "yes or no"],
)
def test_what_a_spreadsheet_program_made_of_a_text_is_refused(path: Path, cell: Cell, said: str) -> None:
    found = said_of(path, ["slug", "name", "memberships"], ["izmir", "Izmir", cell])

    instead = "format the cell as text, then type it once more, such as 2020-09 or 0123"
    assert found == [f"list.xlsx:2:3: error: {said}; {instead}"]


@pytest.mark.parametrize(
    "cell", ['<c r="{at}" t="e"><v>#N/A</v></c>', '<c r="{at}"><f>A2</f></c>'], ids=["error", "formula"]
)
def test_a_cell_without_a_value_is_not_taken_for_an_empty_one(path: Path, cell: str) -> None:
    assert said_of(path, ["slug", "note"], ["izmir", cell]) == [
        "list.xlsx:1:1: error: an error, or a formula without a value, stands in B2; write the text itself"
        " there, and save the file again"
    ]


def test_a_problem_of_the_table_names_the_cell(path: Path) -> None:
    assert said_of(path, ["slug", "name,", "zne"], ["izmir", "", ""]) == [
        'list.xlsx:1:2: error: cell B1: "name," is no column; did you mean "name"?',
        'list.xlsx:1:3: error: cell C1: "zne" is no column; did you mean "zone"?',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("two\nlines", "cell B2: this cell has several lines; write a short text on one line"),
        ("a\u2028b", "cell B2: there is an invisible control character (U+2028) here; delete it"),
        (
            "x" * 10_001,
            "cell B2: this cell has several lines, a tab, or more than 10,000 characters; write a short",
        ),
    ],
    ids=["lines", "control", "long"],
)
def test_a_cell_that_is_no_short_text_is_refused(path: Path, text: str, said: str) -> None:
    (found,) = said_of(path, ["slug", "note"], ["izmir", text])

    assert found.startswith(f"list.xlsx:2:2: error: {said}")


def test_another_sheet_is_read_by_its_name(path: Path) -> None:
    path.write_bytes(packed(parts({"Notes": [["hello"]], "Städte": [["slug"], ["izmir"]]})))

    assert read(path, "Städte") == ([{"slug": "izmir"}], [])


def test_a_sheet_that_is_not_there_is_said(path: Path) -> None:
    path.write_bytes(packed(parts({"Members": [["slug"], ["izmir"]]})))

    assert read(path, "Membres")[1] == [
        'list.xlsx:1:1: error: there is no sheet "Membres"; did you mean "Members"?'
    ]


def spoiled(part: str, old: str, new: str) -> bytes:
    files = parts({"Members": [["slug"], ["izmir"]]})
    assert old in files[part]
    return packed({**files, part: files[part].replace(old, new)})


SHEET = "xl/worksheets/sheet1.xml"
BAD_FILES = {
    "no archive": b"slug\nizmir\n",
    "cut": workbook(["slug"], ["izmir"])[:400],
    "another archive": packed({"readme.txt": "hello"}),
    "no sheets": spoiled("xl/workbook.xml", 'r:id="rId1"', 'r:id="rId7"'),
    "no end": spoiled(SHEET, "</sheetData></worksheet>", ""),
    "a cell that is further than the end of the world": spoiled(SHEET, '"A2"', '"ZZZZ99999999999"'),
    "a cell in the last corner": spoiled(SHEET, '"A2"', '"XFD1048576"'),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_broken_file_is_one_sentence(path: Path, name: str) -> None:
    path.write_bytes(BAD_FILES[name])

    assert read(path) == ([], [BROKEN])


def test_a_text_that_would_fill_the_memory_is_one_sentence(path: Path) -> None:
    """One text of a megabyte, and two thousand cells that repeat it."""
    files = parts({"Members": [["slug"], *([['<c r="{at}" t="s"><v>0</v></c>']] * 2000)]})
    link = files["xl/_rels/workbook.xml.rels"]
    strings = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    files["xl/_rels/workbook.xml.rels"] = link.replace(
        "</Relationships>",
        f'<Relationship Id="rId98" Type="{strings}" Target="sharedStrings.xml"/></Relationships>',
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    files["xl/sharedStrings.xml"] = f'<sst xmlns="{main}"><si><t>{"x" * 1_000_000}</t></si></sst>'
    path.write_bytes(packed(files))

    assert read(path) == ([], [BROKEN])


def test_an_archive_that_unpacks_to_too_much_is_not_opened(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(65):
            archive.writestr(f"{number}.xml", b" " * 1_000_000)

    (said,) = read(path)[1]
    assert "unpacks to more than 64,000,000 bytes" in said


def test_a_file_that_is_too_large_is_not_opened(path: Path) -> None:
    path.write_bytes(b"x" * (spreadsheet.MAX_BYTES + 1))

    (said,) = read(path)[1]
    assert "larger than 8,000,000 bytes" in said


def test_a_file_that_is_missing_is_said(path: Path) -> None:
    assert read(path)[1] == ["list.xlsx:1:1: error: this file is missing"]


def test_another_kind_of_spreadsheet_is_said_to_be_none_of_ours(tmp_path: Path) -> None:
    problems = Problems()
    read_list(tmp_path / "list.ods", None, problems)

    (said,) = problems.in_order()
    assert said.what == "spreadsheets that end in .ods are not read"


def test_what_is_said_of_the_whole_sheet_names_no_cell(path: Path) -> None:
    assert said_of(path, ["slug", "name"]) == [
        "list.xlsx:1:1: error: this table has no rows; write at least one"
    ]
