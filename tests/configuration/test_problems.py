"""How a problem is said: where, what, and what to write instead."""

from __future__ import annotations

import pytest

from scheduler.configuration.problems import Place, Problems, did_you_mean, listed, printable, quoted

HERE = Place("series/talks.yaml", 14, 9)
LABELS = ["World", "Arab countries", "Francophone countries"]


def test_a_problem_is_one_line_that_editors_can_jump_to() -> None:
    problems = Problems()

    problems.error(HERE, 'zone "Europe/Berln" is unknown', 'did you mean "Europe/Berlin"?')

    assert [str(problem) for problem in problems.in_order()] == [
        'series/talks.yaml:14:9: error: zone "Europe/Berln" is unknown; did you mean "Europe/Berlin"?'
    ]


def test_the_same_thing_said_twice_is_kept_once() -> None:
    problems = Problems()

    for _ in range(2):
        problems.error(HERE, "this file is empty")

    assert problems.errors() == len(problems.in_order()) == 1


def test_problems_are_in_the_order_of_the_files() -> None:
    problems = Problems()
    for line in (20, 3, 100):
        problems.warning(Place("b.yaml", line), "first")
    problems.error(Place("a.yaml", 50), "second")

    places = [(problem.place.file, problem.place.line) for problem in problems.in_order()]

    assert places == [("a.yaml", 50), ("b.yaml", 3), ("b.yaml", 20), ("b.yaml", 100)]


def test_warnings_are_no_errors() -> None:
    problems = Problems()

    problems.warning(HERE, "this is a summer date")

    assert problems.errors() == 0


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Arab contries", 'did you mean "Arab countries"?'),
        ("arab countries", 'did you mean "Arab countries"?'),
        ("Brazil", "look elsewhere"),
        ("", "look elsewhere"),
    ],
)
def test_a_near_word_is_suggested(word: str, expected: str) -> None:
    assert did_you_mean(word, LABELS, "look elsewhere") == expected


def test_a_long_list_is_cut() -> None:
    assert listed(["a", "b", "c", "d"], most=2) == "a, b and 2 more"


def test_a_long_text_is_cut() -> None:
    assert quoted("x" * 500) == f'"{"x" * 100}…"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\nlines", "two lines"),
        ("İzmir, Sa Đéc, 学习型城市, العربية", "İzmir, Sa Đéc, 学习型城市, العربية"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("right\u202eleft", "right<U+202E>left"),
        ("no\u00a0break", "no<U+00A0>break"),
        ("half\ud800", "half<U+D800>"),
        ("\x1b[31mred", "<U+001B>[31mred"),
    ],
)
def test_what_cannot_be_seen_is_named(text: str, expected: str) -> None:
    assert printable(text) == expected
