"""The line that a problem stands in, and the caret below the sign that is meant."""

from __future__ import annotations

import pytest

from scheduler.configuration.excerpt import WIDTH, Excerpts
from scheduler.configuration.problems import Place


def shown(text: str, line: int, column: int) -> list[str]:
    return Excerpts({"a.yaml": text}).of(Place("a.yaml", line, column))


@pytest.mark.parametrize(
    ("text", "column", "expected"),
    [
        ("zone: Berlin", 7, ["    zone: Berlin", "          ^"]),
        ("\tzone: Berlin", 8, ["        zone: Berlin", "              ^"]),
        ("学习: x", 5, ["    学习: x", "          ^"]),
        ("e\u0301t: x", 6, ["    e\u0301t: x", "        ^"]),
        ("a\u202eb: x", 5, ["    a<U+202E>b: x", "               ^"]),
        ("a\u00a0b: x", 5, ["    a b: x", "        ^"]),
        ("\x1b[31m: x", 7, ["    <U+001B>[31m: x", "                 ^"]),
        ("id", 40, ["    id", "      ^"]),
    ],
    ids=["plain", "tab", "wide", "accent of its own", "direction", "no-break", "escape", "behind the end"],
)
def test_the_caret_stands_below_the_sign(text: str, column: int, expected: list[str]) -> None:
    assert shown(text, 1, column) == expected


@pytest.mark.parametrize("column", [1, 60, 5_000, 999_999, 1_000_001])
def test_of_a_very_long_line_a_window_is_shown(column: int) -> None:
    text = "x" * (column - 1) + "!" + "y" * (1_000_000 - column)

    line, caret = shown(text, 1, column)

    assert len(line) <= WIDTH
    assert line[caret.index("^")] == "!"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_editors_count_them(end: str) -> None:
    assert shown(f"a: 1{end}b: 2{end}c: 3", 2, 4) == ["    b: 2", "       ^"]


@pytest.mark.parametrize("place", [Place("a.yaml", 2), Place("a.yaml", 9), Place("b.yaml")])
def test_where_nothing_stands_nothing_is_shown(place: Place) -> None:
    assert Excerpts({"a.yaml": "a: 1\n   \n"}).of(place) == []
