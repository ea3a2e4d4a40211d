"""YAML as staff write it: each breach is one sentence with its place, and nothing is ever half read."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.configuration.document import MAX_DEPTH, read_document
from scheduler.configuration.problems import Problems
from scheduler.configuration.text import MAX_YAML_BYTES
from tests.configuration.desk import Desk

PLAIN = "title: Libraries\ndate: 2027-06-14\nsessions:\n  - id: first\n"
IN_QUOTES = "put the text in quotes"


def test_a_file_becomes_a_tree_of_texts(desk: Desk) -> None:
    document = desk.document(PLAIN)

    assert document is not None
    assert document.root.plain() == {
        "title": "Libraries",
        "date": "2027-06-14",
        "sessions": [{"id": "first"}],
    }


@pytest.mark.parametrize(
    "written", ["13:00", "NO", "no", "on", "0123", "1e3", "2026-02-30", "~", "null", ".inf", "1_000"]
)
def test_a_scalar_is_read_as_it_is_written(desk: Desk, written: str) -> None:
    """Elsewhere these become 780, False, True, 83, 1000.0, an error, None ..."""
    document = desk.document(f"key: {written}\n")

    assert document is not None
    assert document.root.plain() == {"key": written}


def test_a_key_with_nothing_behind_it_has_no_value(desk: Desk) -> None:
    document = desk.document('left:\nempty: ""\n')

    assert document is not None
    assert document.root.plain() == {"left": None, "empty": ""}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + PLAIN.encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        f"---\n{PLAIN}...\n".encode(),
    ],
    ids=["byte order mark", "CRLF", "CR", "marks of begin and end"],
)
def test_what_other_programs_leave_around_lines_is_read(desk: Desk, content: bytes) -> None:
    document = desk.document(content)

    assert document is not None
    assert document.root.plain() == {
        "title": "Libraries",
        "date": "2027-06-14",
        "sessions": [{"id": "first"}],
    }


def test_every_value_knows_its_line_and_column(desk: Desk) -> None:
    document = desk.document(PLAIN)

    assert document is not None
    place = document.place("sessions", 0, "id")
    assert (place.line, place.column) == (4, 9)
    key = document.place_of_key("sessions", 0, "id")
    assert (key.line, key.column) == (4, 5)


def test_the_place_of_what_is_missing_is_that_of_what_stands_around_it(desk: Desk) -> None:
    document = desk.document(PLAIN)

    assert document is not None
    assert document.place("sessions", 0, "join", "link") == document.place("sessions", 0)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("", "1:1: error: this file is empty", id="nothing"),
        pytest.param(
            "# a comment\n",
            "1:1: error: there are only comments in this file; remove the # in front of the lines that count",
            id="comments only",
        ),
        pytest.param(
            "a: 1\na: 2\n", '2:1: error: the key "a" stands here twice; keep one of the two', id="key twice"
        ),
        pytest.param(
            'a: 1\n"a": 2\n',
            '2:1: error: the key "a" stands here twice; keep one of the two',
            id="key twice, in quotes",
        ),
        pytest.param("a:\n\tb: 1\n", "2:1: error: there is a tab here; indent with blanks", id="tab"),
        pytest.param(
            "a: 1\n---\nb: 2\n",
            '2:1: error: a second document begins here ("---"); one file, one document',
            id="two documents",
        ),
        pytest.param(
            "a: &x 1\n",
            "1:4: error: anchors (&) and aliases (*) are not read here; write the text out, or in quotes",
            id="anchor",
        ),
        pytest.param(
            "a: *x\n",
            "1:4: error: anchors (&) and aliases (*) are not read here; write the text out, or in quotes",
            id="alias",
        ),
        pytest.param(
            "<<: *x\n",
            "1:5: error: anchors (&) and aliases (*) are not read here; write the text out, or in quotes",
            id="merge key",
        ),
        pytest.param(
            "a: !!python/object:os.system x\n",
            '1:4: error: "!!python/object:os.system" is a tag: a word that begins with ! tells YAML to do '
            "something; put the text in quotes",
            id="tag of a language",
        ),
        pytest.param(
            "a: !important\n",
            '1:4: error: "!important" is a tag: a word that begins with ! tells YAML to do something; '
            "put the text in quotes",
            id="tag",
        ),
        pytest.param(
            "? [a]\n: 1\n",
            "1:3: error: a key must be a text; put a text with { or [ or ? in quotes",
            id="key that is no text",
        ),
        pytest.param(
            "a: {{ name }}\n",
            "1:5: error: a key must be a text; put a text with { or [ or ? in quotes",
            id="curly brackets",
        ),
        pytest.param("a: **b**\n", f"1:5: error: no text can begin with * or &; {IN_QUOTES}", id="stars"),
        pytest.param("a: @b\n", f"1:4: error: no text can begin with this sign; {IN_QUOTES}", id="at sign"),
        pytest.param("a: %b\n", f"1:4: error: no text can begin with this sign; {IN_QUOTES}", id="per cent"),
        pytest.param("a: > b\n", f"1:6: error: no text can begin with | or >; {IN_QUOTES}", id="greater"),
        pytest.param(
            "a: b: c\n",
            f"1:5: error: a colon stands where none can be; {IN_QUOTES}, "
            "or look at the indentation and at the line above",
            id="colon in a text",
        ),
        pytest.param(
            "a: 1\nb:2\nc: 3\n",
            "2:1: error: a colon with a blank behind it is missing in this line; write key: value",
            id="no blank behind a colon",
        ),
        pytest.param(
            "a: 1\nb\n",
            "2:1: error: a colon with a blank behind it is missing in this line; write key: value",
            id="no colon",
        ),
        pytest.param(
            "a: - b\n",
            f'1:4: error: no list can begin here; {IN_QUOTES}, or begin each item on its own line with "- "',
            id="dash",
        ),
        pytest.param(
            'a: "b\n', "1:4: error: a quotation mark opens here and never closes; close it", id="open quotes"
        ),
        pytest.param(
            'a: "C:\\Users"\n',
            "1:9: error: a backslash has a meaning of its own here; put the text in 'single quotes'",
            id="backslash",
        ),
        pytest.param(
            "a: [b\n",
            f"1:4: error: a bracket opens here and is not closed as it should be; {IN_QUOTES}",
            id="open bracket",
        ),
        pytest.param(
            'a: "b" and c\n',
            "1:8: error: this does not fit what stands before it; "
            "look at the indentation, and whether every quotation mark is closed",
            id="text behind quotes",
        ),
        pytest.param(
            "a: 'It's'\n",
            "1:8: error: this does not fit what stands before it; "
            "look at the indentation, and whether every quotation mark is closed",
            id="apostrophe in single quotes",
        ),
        pytest.param(
            "a:\n    b: 1\n  c: 2\n",
            "3:3: error: this does not fit what stands before it; "
            "look at the indentation, and whether every quotation mark is closed",
            id="indentation",
        ),
    ],
)
def test_a_breach_is_said_in_one_sentence(desk: Desk, content: str, problem: str) -> None:
    document = desk.document(content)

    assert document is None
    assert desk.said == [f"file.yaml:{problem}"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(
            "a: 1\nb: Bibliothèque\n".encode("latin-1"),
            "2:12: error: this file is not saved as UTF-8; save it as UTF-8",
            id="Latin-1",
        ),
        pytest.param(
            PLAIN.encode("utf-16"), "1:1: error: this file is saved as UTF-16; save it as UTF-8", id="UTF-16"
        ),
        pytest.param(
            PLAIN.encode("utf-16-le"),
            "1:2: error: there is an invisible control character (U+0000) here; delete it",
            id="UTF-16 without its mark",
        ),
    ],
)
def test_another_encoding_is_named(desk: Desk, content: bytes, problem: str) -> None:
    document = desk.document(content)

    assert document is None
    assert desk.said == [f"file.yaml:{problem}"]


@pytest.mark.parametrize(
    "sign",
    [
        "\x00",
        "\x07",
        "\x0b",
        "\x1b",
        "\x7f",
        "\x85",
        "\u2028",
        "\u2029",
        "\ue000",
        "\ue001",
        "\ufffe",
        "\uffff",
    ],
)
def test_a_control_character_is_named_with_its_place(desk: Desk, sign: str) -> None:
    document = desk.document(f"a: 1\nb: Li{sign}braries\n")

    assert document is None
    assert desk.said == [
        f"file.yaml:2:6: error: there is an invisible control character (U+{ord(sign):04X}) here; delete it"
    ]


@pytest.mark.parametrize(
    "escape", [r"\0", r"\x1b", r"\e", r"\N", r"\L", r"\P", r"\u2028", r"\ue000", r"\uffff"]
)
def test_a_control_character_cannot_be_written_as_an_escape(desk: Desk, escape: str) -> None:
    """In double quotes YAML makes the sign itself of it, behind the back of any look at the file."""
    document = desk.document(f'a: "Li{escape}braries"\n')

    assert document is None
    assert "invisible control character" in desk.said[0]


@pytest.mark.parametrize(
    "content",
    [
        'a: &a ["x", "x"]\nb: &b [*a, *a]\nc: [*b, *b]\n',
        "[" * 100_000,
        "{a: " * 100_000,
        "- " * 100_000,
        "? " * 100_000,
        "x" * 50_000_000,
        "!!python/object/apply:os.system [id]",
    ],
    ids=["alias bomb", "lists", "mappings", "dashes", "question marks", "50 MB", "python tag"],
)
def test_a_bomb_is_left_at_the_first_breach(desk: Desk, content: str) -> None:
    """One sentence, and no memory of note beyond the file itself."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    document = desk.document(content)

    assert document is None
    assert len(desk.said) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000 + len(content) / 500


def test_a_depth_that_nobody_writes_is_refused(desk: Desk) -> None:
    desk.document("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)

    assert desk.said == [
        "file.yaml:1:67: error: this is nested more than 64 levels deep; look for a stray [ or {"
    ]


def test_a_file_of_a_million_bytes_is_read(desk: Desk) -> None:
    document = desk.document("a: 1\n" + "#" * (MAX_YAML_BYTES - 5))

    assert document is not None


def test_a_file_of_more_than_a_million_bytes_is_refused(desk: Desk) -> None:
    desk.document("a: 1\n" + "#" * (MAX_YAML_BYTES - 4))

    assert desk.said == ["file.yaml:1:1: error: this file is larger than 1,000,000 bytes; split it"]


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    problems = Problems()

    assert read_document(tmp_path / "none.yaml", problems) is None
    assert [str(problem) for problem in problems.in_order()] == [
        f"{tmp_path}/none.yaml:1:1: error: this file is missing"
    ]


def test_a_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    problems = Problems()
    (tmp_path / "folder.yaml").mkdir()

    assert read_document(tmp_path / "folder.yaml", problems) is None
    assert "this is no ordinary file" in str(problems.in_order()[0])


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    problems = Problems()
    os.mkfifo(tmp_path / "pipe.yaml")

    assert read_document(tmp_path / "pipe.yaml", problems) is None
    assert "this is no ordinary file" in str(problems.in_order()[0])


def test_a_file_name_that_cannot_be_printed_is_said_so_that_it_can(tmp_path: Path) -> None:
    """A name in Latin-1, as an archive of another system leaves it."""
    problems = Problems()

    read_document(tmp_path / "s\udce9rie\n.yaml", problems)

    assert str(problems.in_order()[0]).startswith(f"{tmp_path}/s<U+DCE9>rie .yaml:1:1: error: ")


@given(
    content=st.one_of(
        st.binary(max_size=300), st.text(alphabet="ab:-[]{}\"'#&*!|>%@\\ \n\t\r", max_size=60).map(str.encode)
    )
)
def test_no_file_whatever_is_in_it_raises(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    desk = Desk(tmp_path_factory.getbasetemp(), [])

    document = desk.document(content)

    assert (document is None) is (len(desk.said) == 1)
    assert all("\n" not in sentence for sentence in desk.said)
