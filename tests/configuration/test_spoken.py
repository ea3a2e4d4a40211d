"""Problems as they are printed: for people, for programs, for the checks of GitHub."""

from __future__ import annotations

import json

from scheduler.configuration.problems import Place, Problem, Severity
from scheduler.configuration.spoken import as_github, as_json, as_text

TEXTS = {"a.yaml": "zone: Berlin\nstart: 25:00\n"}
WRONG = Problem(Place("a.yaml", 1, 7), Severity.ERROR, 'the zone "Berlin" is unknown', "write Europe/Berlin")
ODD = Problem(Place("a.yaml", 1, 7), Severity.WARNING, "100% odd:\nlook, again")
SMALL = Problem(Place("b,c:d.yaml", 3, 1), Severity.NOTE, "two sessions on one day")


def test_two_problems_of_one_place_share_their_line() -> None:
    assert list(as_text([WRONG, WRONG], TEXTS)) == [
        'a.yaml:1:7: error: the zone "Berlin" is unknown; write Europe/Berlin',
        'a.yaml:1:7: error: the zone "Berlin" is unknown; write Europe/Berlin',
        "    zone: Berlin",
        "          ^",
    ]


def test_a_note_is_one_line() -> None:
    note = Problem(Place("a.yaml", 1, 7), Severity.NOTE, "a holiday in Peru")

    assert list(as_text([note], TEXTS)) == ["a.yaml:1:7: note: a holiday in Peru"]


def test_github_shows_them_beside_the_lines_of_a_change() -> None:
    assert list(as_github([WRONG, ODD, SMALL])) == [
        "::error file=a.yaml,line=1,col=7,title=scheduler check%3A error"
        '::the zone "Berlin" is unknown; write Europe/Berlin',
        "::warning file=a.yaml,line=1,col=7,title=scheduler check%3A warning::100%25 odd:%0Alook, again",
        "::notice file=b%2Cc%3Ad.yaml,line=3,col=1,title=scheduler check%3A note::two sessions on one day",
    ]


def test_programs_get_one_object() -> None:
    found = json.loads(as_json([WRONG, SMALL], usable=False))

    assert found["usable"] is False
    assert found["counts"] == {"error": 1, "warning": 0, "note": 1}
    assert found["problems"][0] == {
        "file": "a.yaml",
        "line": 1,
        "column": 7,
        "severity": "error",
        "what": 'the zone "Berlin" is unknown',
        "instead": "write Europe/Berlin",
    }


def test_of_many_of_one_kind_fifty_are_printed() -> None:
    many = [
        Problem(Place("m.csv", n), Severity.ERROR, f'the slug "c{n}" stands twice') for n in range(2, 1002)
    ]

    said = list(as_text(many, {}))

    assert len(said) == 51
    assert said[-1] == "m.csv: … and 950 more errors of this kind: the slug … stands twice"


def test_another_kind_is_not_hidden_by_many_of_one() -> None:
    many = [Problem(Place("m.csv", n), Severity.ERROR, "a row") for n in range(2, 1002)]

    said = list(as_text([*many, WRONG], TEXTS))

    assert str(WRONG) in said
