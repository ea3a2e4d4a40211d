"""Asks a person at a terminal for what is missing, and in a pipe names all of it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from scheduler.configuration.schema import Refusal, sentence_of
from scheduler.configuration.schema import say as refuse
from scheduler.configuration.text import find_control, said_of

Answers = Mapping[str, str]
#: Shows a question with the answer that Enter gives, and returns what was typed.
Ask = Callable[[str, str], str]
#: Shows a sentence.
Show = Callable[[str], None]


def _nothing(answers: Answers) -> str:  # noqa: ARG001 - one of several that may stand there
    return ""


def _always(answers: Answers) -> bool:  # noqa: ARG001 - one of several that may stand there
    return True


@dataclass(frozen=True)
class Question:
    """One answer, as text. Its name is that of the option: "--until" is `until`."""

    name: str
    words: str
    #: what was typed and what is known -> the text that counts, or raises what `say` raises
    read: Callable[[str, Answers], str]
    #: what Enter gives a person, who sees it
    proposes: Callable[[Answers], str] = _nothing
    #: what counts where nobody can be asked; None: somebody must say it
    otherwise: Callable[[Answers], str] | None = None
    applies: Callable[[Answers], bool] = _always
    #: the options that answer it, where that is not the one of its name
    options: str = ""

    @property
    def option(self) -> str:
        return self.options or f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True)
class Missing(Exception):
    """What is missing or wrong among the options: a sentence each."""

    sentences: tuple[str, ...]


def answers_to(
    questions: Iterable[Question], given: Mapping[str, str | None], ask: Ask | None, show: Show
) -> dict[str, str]:
    """Every answer. Raises Missing with all that is wrong, before a person is asked anything.

    ask: None in a pipe.
    """
    questions = list(questions)
    wrong = _wrong(questions, given, is_asked=ask is not None)
    if wrong:
        raise Missing(tuple(wrong))
    answers: dict[str, str] = {}
    for question in questions:
        written = given.get(question.name)
        if not question.applies(answers):
            if written is not None:
                show(f"{question.option} is left out: it does not fit the other answers")
        elif written is not None:
            answers[question.name] = _read(question, written, answers)
        elif ask:
            answers[question.name] = _asked(question, answers, ask, show)
        elif question.otherwise:
            answers[question.name] = question.otherwise(answers)
    return answers


def _wrong(questions: Iterable[Question], given: Mapping[str, str | None], *, is_asked: bool) -> list[str]:
    answers: dict[str, str] = {}
    wrong, missing = [], []
    for question in questions:
        written = given.get(question.name)
        if not question.applies(answers):
            if written is not None and not is_asked:
                wrong.append(f"{question.option} does not fit the other options")
        elif written is not None:
            try:
                answers[question.name] = _read(question, written, answers)
            except Refusal as refusal:
                wrong.append(f"{question.option}: {sentence_of(refusal)}")
        elif question.otherwise:
            answers[question.name] = question.otherwise(answers)
        elif not is_asked:
            missing.append(question.option)
    return [*wrong, f"missing: {', '.join(missing)}"] if missing else wrong


def _read(question: Question, text: str, answers: Answers) -> str:
    if sign := find_control(text):
        refuse(*said_of(sign))
    return question.read(text, answers)


def _asked(question: Question, answers: Answers, ask: Ask, show: Show) -> str:
    """The same question until its answer can be read."""
    proposed = question.otherwise or question.proposes
    while True:
        typed = ask(question.words, proposed(answers))
        try:
            return _read(question, typed, answers)
        except Refusal as refusal:
            show(sentence_of(refusal) if typed.strip() else "An answer is needed here.")
