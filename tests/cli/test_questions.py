"""What is missing is asked of a person, and named in a pipe."""

from __future__ import annotations

import pytest

from scheduler.cli.questions import Missing, Question, answers_to
from scheduler.configuration.schema import read_id, read_words

NAME = Question("name", "What is its name?", lambda text, _: read_id(text))
ZONE = Question("zone", "In which zone?", lambda text, _: read_words(text), otherwise=lambda _: "Berlin")
NEXT = Question(
    "until",
    "Until when?",
    lambda text, answers: f"{answers['name']} until {text}",
    applies=lambda answers: answers.get("name") == "long",
)


class Typist:
    """Types one answer after the other, and keeps what is shown."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.shown: list[str] = []

    def ask(self, words: str, proposed: str) -> str:
        self.shown.append(f"{words} [{proposed}]")
        return self.answers.pop(0) or proposed


def test_what_is_given_is_not_asked() -> None:
    typist = Typist("")

    answers = answers_to([NAME, ZONE], {"name": "short"}, typist.ask, typist.shown.append)

    assert answers == {"name": "short", "zone": "Berlin"}
    assert typist.shown == ["In which zone? [Berlin]"]


def test_a_wrong_answer_is_explained_and_asked_again() -> None:
    typist = Typist("No Name", "short")

    answers = answers_to([NAME], {}, typist.ask, typist.shown.append)

    assert answers == {"name": "short"}
    assert typist.shown[1].startswith('"No Name" is no id; use small letters')


def test_a_question_may_rest_on_an_answer() -> None:
    typist = Typist("long", "May")

    assert answers_to([NAME, NEXT], {}, typist.ask, print)["until"] == "long until May"


def test_an_option_that_does_not_fit_the_answers_is_named() -> None:
    typist = Typist("short")

    answers = answers_to([NAME, NEXT], {"until": "May"}, typist.ask, typist.shown.append)

    assert answers == {"name": "short"}
    assert typist.shown[-1] == "--until is left out: it does not fit the other answers"


def test_a_wrong_option_is_said_before_anything_is_asked() -> None:
    with pytest.raises(Missing) as refused:
        answers_to([ZONE, NAME], {"name": "No Name"}, Typist().ask, print)

    assert [sentence.partition(";")[0] for sentence in refused.value.sentences] == [
        '--name: "No Name" is no id'
    ]


def test_in_a_pipe_a_default_counts_and_the_rest_is_missing() -> None:
    with pytest.raises(Missing) as refused:
        answers_to([NAME, ZONE], {}, None, print)

    assert refused.value.sentences == ("missing: --name",)


def test_in_a_pipe_an_option_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Missing) as refused:
        answers_to([NAME, NEXT], {"name": "short", "until": "May"}, None, print)

    assert refused.value.sentences == ("--until does not fit the other options",)
