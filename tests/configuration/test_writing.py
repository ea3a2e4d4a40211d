"""What we write is read back as it is, by us and by every other reader of YAML."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from scheduler.configuration.document import read_document
from scheduler.configuration.problems import Problems
from scheduler.configuration.schema import read_id
from scheduler.configuration.text import find_control
from scheduler.configuration.writing.drafts import id_of, unique_id
from scheduler.configuration.writing.scalars import WIDTH, Entry, lines_of, scalar
from tests.configuration.desk import Desk

#: What a person can get into a title: all signs that the reader of the files lets pass.
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(
    lambda text: not find_control(text)
)


def yaml_of(*entries: Entry) -> str:
    return "\n".join(line.text for line in lines_of(entries)) + "\n"


@given(TEXTS)
@example("yes")
@example('"Equity and inclusion"')
@example("'s-Hertogenbosch: what next?")
@example("- a list # with a comment")
@example("2027")
@example("13:00")
@example('a\\b"c')
@example("ends in a colon:")
@example("\N{RIGHT-TO-LEFT MARK}مدن")
def test_every_text_is_read_back_as_it_is(text: str) -> None:
    assert yaml.safe_load(f"title: {scalar(text)}") == {"title": text}


@pytest.mark.parametrize(
    "text",
    ["2027-03-17", "2020-09", "2027-11-30 23:59:59 Europe/Berlin", "L'Alcora", "https://a.example/b?c=d"],
)
def test_what_needs_no_quotes_has_none(text: str) -> None:
    assert scalar(text) == text


def test_a_title_with_quotation_marks_stays_readable() -> None:
    assert scalar('"Equity" and more') == "'\"Equity\" and more'"


def test_lists_and_keys_below_keys_are_read_back(desk: Desk) -> None:
    session = [
        Entry("id", "a", doubts=["is it?"]),
        Entry("join", [Entry("id", "599 801 634")]),
        Entry("n", 3),
    ]

    document = desk.document(yaml_of(Entry("names", ["A: B", "C"]), Entry("sessions", [session, session])))

    assert document
    parts = {"id": "a", "join": {"id": "599 801 634"}, "n": "3"}
    assert document.root.plain() == {"names": ["A: B", "C"], "sessions": [parts, parts]}


@given(TEXTS)
def test_a_doubt_stays_a_comment(doubt: str) -> None:
    text = yaml_of(Entry("sessions", [[Entry("id", "a", doubts=[doubt])]]))

    assert yaml.safe_load(text) == {"sessions": [{"id": "a"}]}


def test_a_long_doubt_is_broken_into_lines() -> None:
    lines = yaml_of(Entry("id", "a", doubts=["word " * 60])).splitlines()

    assert len(lines) > 2
    assert max(map(len, lines)) <= WIDTH


def test_a_doubt_about_a_missing_line_stands_alone() -> None:
    assert yaml_of(Entry("id", "a"), Entry("", None, doubts=["no link"])) == "id: a\n# no link\n"


@pytest.mark.parametrize(
    ("title", "made"),
    [
        ("Migrants and refugees: Measures taken", "migrants-and-refugees"),
        ("The challenge of Education for Sustainable Development", "challenge-of-education-for-sustainable"),
        ("Сеть городов", ""),
        ("İzmir'in yılı", "izmirin-yili"),
        ('"Equity and inclusion"', "equity-and-inclusion"),
    ],
)
def test_an_id_is_made_of_the_first_words(title: str, made: str) -> None:
    assert id_of(title) == made


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=8))
def test_ids_are_ids_and_different(titles: list[tuple[str, str]]) -> None:
    taken: list[str] = []
    for title, also in titles:
        taken.append(unique_id(title, also, taken, f"session-{len(taken) + 1}"))

    assert len(set(taken)) == len(taken)
    assert [read_id(name) for name in taken] == taken


def test_the_text_of_a_draft_is_no_other_document(desk: Desk) -> None:
    """A title that looks like YAML stays a title."""
    path = desk.write(yaml_of(Entry("title", "a\nid: b\n--- # x")))

    document = read_document(path, Problems())

    assert document
    assert document.root.plain() == {"title": "a\nid: b\n--- # x"}
