"""CSV as spreadsheet programs leave it: a problem of the table is one sentence, each bad row has its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration.table import Written
from tests.configuration.desk import Desk

NEEDED, ALLOWED = ("slug", "name", "country"), ("note",)
TABLE = "slug,name,country,note\ndoha,Doha,QA,\nmelton,Melton,AU,far east\n"
SEPARATORS = "look for a separator too many or too few"
ROWS = [
    {"slug": "doha", "name": "Doha", "country": "QA", "note": ""},
    {"slug": "melton", "name": "Melton", "country": "AU", "note": "far east"},
]


def read(desk: Desk, content: str | bytes) -> list[dict[str, str]]:
    return [row.cells for row in desk.table(content, NEEDED, ALLOWED)]


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode(),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode(),
        b"\xef\xbb\xbf" + TABLE.encode(),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace("\n", "\n\n").encode(),
        TABLE.replace("\n", ",,,\n").encode(),
        TABLE.replace(",", " , ").encode(),
        TABLE.replace("Doha,", '"Doha",').encode(),
        f"{TABLE},,,\n".encode(),
    ],
    ids=[
        "comma",
        "semicolon",
        "tab",
        "byte order mark",
        "CRLF",
        "CR",
        "empty lines",
        "empty columns at the end",
        "blanks",
        "quotes",
        "empty row at the end",
    ],
)
def test_what_spreadsheet_programs_make_of_a_table_is_read(desk: Desk, content: bytes) -> None:
    assert read(desk, content) == ROWS
    assert desk.said == []


def test_a_separator_in_quotes_is_text(desk: Desk) -> None:
    rows = read(desk, 'slug;name;country\ndoha;"Doha; Al Dawhah";QA\n')

    assert [row["name"] for row in rows] == ["Doha; Al Dawhah"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            "",
            "1:1: error: the first line is empty; it must name the columns: slug, name, country, each once",
            id="empty",
        ),
        pytest.param(
            "\n" + TABLE,
            "1:1: error: the first line is empty; it must name the columns: slug, name, country, each once",
            id="first line empty",
        ),
        pytest.param(
            "sep=,\n" + TABLE,
            "1:1: error: the first line names no column that is known; it must name: slug, name, country",
            id="a line for Excel above it",
        ),
        pytest.param(
            "doha,Doha,QA,\n",
            "1:1: error: the first line names no column that is known; it must name: slug, name, country",
            id="no first line",
        ),
        pytest.param(
            "slug,note\n",
            "1:1: error: missing in the first line: name, country; add the columns",
            id="two missing",
        ),
        pytest.param(
            "slug,name,countrie\n",
            '1:11: error: "countrie" is no column; did you mean "country"?',
            id="typing error",
        ),
        pytest.param(
            "Slug,name,country\n",
            '1:1: error: "Slug" is no column; did you mean "slug"?',
            id="capital letter",
        ),
        pytest.param(
            "slug,name,country,phone\n",
            '1:19: error: "phone" is no column; known: slug, name, country, note',
            id="unknown",
        ),
        pytest.param(
            "slug,,name,country\n",
            '1:6: error: "" is no column; known: slug, name, country, note',
            id="without a name",
        ),
        pytest.param(
            "slug,name,country,name\n",
            '1:19: error: the column "name" stands here twice; keep one of the two',
            id="twice",
        ),
        pytest.param(
            "slug,name,country\n\n", "1:1: error: this table has no rows; write at least one", id="no rows"
        ),
    ],
)
def test_a_first_line_that_is_wrong_is_one_sentence(desk: Desk, content: str, problem: str) -> None:
    assert read(desk, content) == []
    assert desk.said == [f"file.csv:{problem}"]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        pytest.param(
            "doha,Doha",
            f"3:1: error: this row has 2 cells, the first line has 3; {SEPARATORS}",
            id="short",
        ),
        pytest.param(
            "doha,Doha, Qatar,QA",
            f"3:1: error: this row has 4 cells, the first line has 3; {SEPARATORS}",
            id="long",
        ),
        pytest.param(
            'doha,"Doha\nAl Dawhah",QA',
            "3:6: error: this cell has several lines, a tab, or more than 10,000 characters; "
            "write a short text on one line",
            id="two lines",
        ),
        pytest.param(
            f"doha,{'x' * 10_001},QA",
            "3:6: error: this cell has several lines, a tab, or more than 10,000 characters; "
            "write a short text on one line",
            id="endless",
        ),
    ],
)
def test_a_row_that_is_wrong_is_named_and_the_others_are_read(desk: Desk, row: str, problem: str) -> None:
    rows = read(desk, f"slug,name,country\nmelton,Melton,AU\n{row}\ngoyang,Goyang,KR\n")

    assert [row["slug"] for row in rows] == ["melton", "goyang"]
    assert desk.said == [f"file.csv:{problem}"]


@pytest.mark.parametrize("cell", ['"Doha', '"Doha" city'], ids=["open", "text behind it"])
def test_a_wrong_quotation_mark_is_said_where_its_row_begins(desk: Desk, cell: str) -> None:
    """An open one swallows all rows behind it, so the end of the file would be no help."""
    read(desk, f"slug,name,country\nmelton,Melton,AU\ndoha,{cell},QA\ngoyang,Goyang,KR\n")

    assert desk.said == [
        "file.csv:3:1: error: a quotation mark of this row is not closed, or something stands behind a "
        'closed one; inside quotes write "" for one quotation mark'
    ]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ("doha,Doha,QATAR", "3:11"),
        ("  doha , Doha ,  QATAR", "3:18"),
        ('doha,"Doha, ""Al Dawhah""",QATAR', "3:28"),
        ('"doha","Doha","QATAR"', "3:15"),
        ("doha,İzmir 学习,QATAR", "3:15"),
        ('doha,"Doha\nAl Dawhah",QATAR', "4:12"),
        ("doha,Doha,", "3:11"),
        ("doha,Doha,   ", "3:11"),
    ],
    ids=["plain", "blanks", "doubled quotes", "all quoted", "wide", "on the next line", "empty", "blank"],
)
def test_a_cell_knows_the_sign_it_begins_at(row: str, place: str) -> None:
    """Editors and GitHub jump there."""
    written = Written("file.csv", ["slug,name,country", "a,A,AA", *row.split("\n")], ",")

    assert str(written.place(3, 3)) == f"file.csv:{place}"


def test_one_bad_row_of_ten_thousand_is_found(desk: Desk) -> None:
    rows = [f"city-{number},City,QA" for number in range(10_000)]
    rows[5_000] = "city-5000,City"

    read_rows = read(desk, "\n".join(["slug,name,country", *rows]))

    assert len(read_rows) == 9_999
    assert [sentence.partition(": ")[0] for sentence in desk.said] == ["file.csv:5002:1"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (TABLE.encode("utf-32"), "1:1: error: this file is saved as UTF-32; save it as UTF-8"),
        (TABLE.encode("utf-16"), "1:1: error: this file is saved as UTF-16; save it as UTF-8"),
        (
            "slug,name,country\nizmir,İzmir,TR\n".encode("cp1254"),
            "2:7: error: this file is not saved as UTF-8; save it as UTF-8",
        ),
        (
            b"slug,name,country\ndoha,Do\0ha,QA\n",
            "2:8: error: there is an invisible control character (U+0000) here; delete it",
        ),
    ],
    ids=["UTF-32", "UTF-16", "Turkish Windows", "NUL"],
)
def test_a_table_in_another_encoding_is_refused(desk: Desk, content: bytes, problem: str) -> None:
    assert read(desk, content) == []
    assert desk.said == [f"file.csv:{problem}"]


def test_a_table_of_fifty_megabytes_is_refused(desk: Desk) -> None:
    read(desk, b"x" * 50_000_000)

    assert desk.said == ["file.csv:1:1: error: this file is larger than 16,000,000 bytes; split it"]


@given(content=st.text(alphabet="slugname,;\t\"'\n\r |", max_size=80))
def test_no_table_whatever_is_in_it_raises(content: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = Desk(tmp_path_factory.getbasetemp(), [])

    rows = desk.table(f"slug,name\n{content}", ("slug", "name"))

    assert rows or desk.said


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("x" * 200_000, "a cell of this row has more than 131,072 characters; shorten it, or close its "),
        ("x" * 2_000_000, "this row is too long: it has more than 1,000,000 characters; shorten its cells"),
    ],
)
def test_a_row_that_is_too_long_is_said_to_be(desk: Desk, cell: str, said: str) -> None:
    assert desk.table(f"slug,name\na,{cell}\n", ("slug", "name")) == []

    assert desk.said[0].startswith(f"file.csv:2:1: error: {said}")
