"""cycles/*.yaml -> reporting rounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from scheduler.configuration.cycle_form import CycleForm, WhoForm
from scheduler.configuration.document import Document
from scheduler.configuration.notices import NoticesForm, rules_of
from scheduler.configuration.problems import Problems
from scheduler.configuration.schema import fill_in
from scheduler.configuration.vocabulary import Vocabulary, intake_span
from scheduler.model.cycles import Cohort, Cycle, Deadline, Extension
from scheduler.model.network import Network


def read_cycle(
    document: Document,
    network: Network,
    vocabulary: Vocabulary,
    notices: NoticesForm | None,
    problems: Problems,
) -> Cycle | None:
    form = fill_in(CycleForm, document, problems)
    if form is None:
        return None
    before = problems.errors()
    if form.opens > form.deadline.on:
        what = f"this round opens on {form.opens}, after its deadline"
        problems.error(document.place("opens"), what, "write an earlier day")
    _check_extensions(form, document, problems)
    _check_afterwards(form, document, problems)
    _check_word_limits(form, document, problems)
    if form.period.first > form.period.last:
        problems.error(document.place("period"), "this period ends before it begins", "write from, then to")
    if not (form.who.joined_before or form.who.joined or form.who.also):
        problems.error(document.place("who"), "nobody must report", "write joined_before, joined or also")
    both = sorted(set(form.who.also) & set(form.who.exempt))
    if both:
        what = f'"{both[0]}" stands in also and in exempt'
        problems.error(document.place_of_key("who", "exempt", both[0]), what, "keep one of the two")
    rules = rules_of(notices.reports if notices else None, form.notices, document, network, problems)
    if problems.errors() > before:
        return None
    return Cycle(
        id=form.id,
        title=form.title,
        period=(form.period.first, form.period.last),
        opens=form.opens,
        deadline=form.deadline,
        submit_at=form.submit_at,
        who=_cohort(form.who, vocabulary),
        rules=rules,
        extensions=tuple(_extensions(form)),
        membership_ends=form.membership_ends,
        reapply=(form.reapply.first, form.reapply.last) if form.reapply else None,
        word_limits=tuple(
            sorted((number, words) for words, which in form.word_limits.items() for number in which)
        ),
    )


def _day(until: Deadline | date) -> date:
    return until.on if isinstance(until, Deadline) else until


def _extensions(form: CycleForm) -> Iterator[Extension]:
    for one in form.extensions:
        yield Extension(_day(one.until), one.because, tuple(one.members), tuple(one.countries))


def _check_extensions(form: CycleForm, document: Document, problems: Problems) -> None:
    for number, one in enumerate(form.extensions):
        here, announced = ("extensions", number), form.deadline
        day, place = _day(one.until), document.place(*here, "until")
        if isinstance(one.until, Deadline) and (one.until.at, one.until.zone) != (
            announced.at,
            announced.zone,
        ):
            what = "this extension has another hour or zone than the deadline: one round has one policy"
            problems.error(place, what, f"write the date alone: {day}")
        if day <= announced.on:
            what = f"this extension ends on {day}, which is not after the deadline on {announced.on}"
            problems.error(place, what, "write a later day")
        for key, named in (("members", one.members), ("countries", one.countries)):
            if document.has(*here, key) and not named:
                where = document.place_of_key(*here, key)
                problems.error(
                    where, f'nobody stands in "{key}"', "write who, or remove the line: then it is for all"
                )


def _check_afterwards(form: CycleForm, document: Document, problems: Problems) -> None:
    """What follows a round follows all the time that anybody has for it."""
    last = max([form.deadline.on, *(_day(one.until) for one in form.extensions)])
    if form.membership_ends and form.membership_ends <= last:
        what = f"memberships would end on {form.membership_ends}, but cities can report until {last}"
        problems.error(document.place("membership_ends"), what, "write a later day")
    if form.reapply and form.reapply.first <= form.deadline.on:
        what = f"cities could apply again from {form.reapply.first} on, which is not after the deadline"
        problems.error(document.place("reapply", "from"), what, "write a later day")
    if form.reapply and form.reapply.last < form.reapply.first:
        what = "this window ends before it begins"
        problems.error(document.place("reapply"), what, "write from, then to")


def _check_word_limits(form: CycleForm, document: Document, problems: Problems) -> None:
    seen: dict[int, int] = {}
    for words, questions in form.word_limits.items():
        for position, question in enumerate(questions):
            if question in seen:
                limits = (
                    f"{seen[question]} and {words} words"
                    if seen[question] != words
                    else f"{words} words twice"
                )
                what = f"question {question} has a limit of {limits}"
                problems.error(
                    document.place("word_limits", str(words), position), what, "keep one of the two"
                )
            seen.setdefault(question, words)


def _cohort(form: WhoForm, vocabulary: Vocabulary) -> Cohort:
    """Joined before 2020-09: before the intake announced in that month, else before its first day."""
    before = form.joined_before
    first = vocabulary.intake_of(before) or date.fromisoformat(f"{before}-01") if before else None
    return Cohort(
        joined_before=first,
        joined=tuple(intake_span(month) for month in form.joined),
        excepted=tuple(intake_span(month) for month in form.excepted),
        also=tuple(form.also),
        exempt=tuple(form.exempt.items()),
        also_because=tuple(form.also.items()) if isinstance(form.also, dict) else (),
    )
