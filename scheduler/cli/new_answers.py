"""What `scheduler new` asks, how each answer is read, and the draft that the answers become."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from scheduler.cli.questions import Answers, Ask, Question
from scheduler.configuration.cycle_form import POLICIES, read_deadline, read_submit_at
from scheduler.configuration.notices import NoticesForm
from scheduler.configuration.problems import Place, Problems, did_you_mean, listed, quoted
from scheduler.configuration.schema import (
    Refusal,
    one_line,
    read_clock,
    read_day,
    read_id,
    read_month,
    read_words,
)
from scheduler.configuration.schema import (
    say as refuse,
)
from scheduler.configuration.series_form import TO_BE_ANNOUNCED
from scheduler.configuration.vocabulary import Vocabulary, folded
from scheduler.configuration.writing.drafts import Draft, cycle_draft, series_draft, unique_id
from scheduler.configuration.writing.scalars import Entry
from scheduler.model.network import Network
from scheduler.model.recurrence import RULES, Recurrence, UnknownRecurrence, read_every


@dataclass(frozen=True)
class Desk:
    """The folder in which a file is to be written, and what its other files say."""

    folder: Path
    network: Network
    vocabulary: Vocabulary
    notices: NoticesForm | None
    #: id of a series or round -> the file it stands in
    taken: Mapping[str, Path]


# what is asked

_WHEN_IT_ENDS = "When does it end?"


def series_questions(desk: Desk, today: date) -> list[Question]:
    network = desk.network

    def is_rule(answers: Answers) -> bool:
        return "days" in answers and not answers["days"][:1].isdigit()

    def has_start(answers: Answers) -> bool:
        return answers.get("start", "").lower() not in TO_BE_ANNOUNCED

    def usual_end(answers: Answers) -> str:
        """After the usual length; none where that is the next day."""
        begins = datetime.combine(today, read_clock(answers.get("start", "13:00")))
        ends = begins + timedelta(minutes=network.default_length_minutes)
        return f"{ends:%H:%M}" if ends.date() == begins.date() else ""

    return [
        Question("title", "Title of the series, as the mails print it", _read(read_words)),
        _id_question(desk, "series"),
        Question(
            "audience",
            f"Who is invited? {_options(desk.vocabulary.audiences)}",
            lambda text, _: _audience(text, desk.vocabulary),
            proposes=lambda _: next(iter(desk.vocabulary.audiences)),
        ),
        Question(
            "days",
            "On which days? A rule such as third wednesday, or dates such as 2027-03-17, 2027-04-21",
            lambda text, _: _read_days(text),
            options="--every or --date",
        ),
        Question(
            "from",
            "First day for this rule",
            _read(read_day),
            proposes=lambda _: f"{_next_month(today)}",
            applies=is_rule,
        ),
        Question(
            "until",
            "Last day for this rule",
            _read_until,
            proposes=lambda answers: f"{answers['from'][:4]}-12-31",
            applies=is_rule,
        ),
        Question(
            "start",
            "When does it start? Hours and minutes, or: to be announced",
            lambda text, _: _read_start(text),
            proposes=lambda _: "13:00",
        ),
        Question(
            "end",
            f"{_WHEN_IT_ENDS} After {network.default_length_minutes} minutes, unless you say another hour",
            _optionally(_read_end),
            otherwise=usual_end,
            applies=has_start,
        ),
        Question(
            "zone",
            "In which zone? A place such as Europe/Berlin, or a label of network.yaml",
            lambda text, _: _zone(text, desk.vocabulary, today),
            otherwise=lambda _: network.zone,
        ),
        Question(
            "organiser",
            "Who holds it? Names with ; between them",
            _read(read_words),
            otherwise=lambda _: network.organiser,
        ),
        Question(
            "announced",
            "On which day do the cities hear of the whole series? (Enter: not announced; each webinar has "
            "its own invitation)",
            _optional(read_day),
            otherwise=lambda _: "",
        ),
    ]


def list_questions(desk: Desk, file: Path, *, says_audience: bool) -> list[Question]:
    """What a list of webinars leaves open; all of it may stay so, but not who is invited."""
    by_name = {question.name: question for question in series_questions(desk, date.min)}
    of_file = re.sub(r"[_\W]+", " ", file.stem).strip().capitalize() or "Webinars"
    silent = {
        name: replace(by_name[name], otherwise=lambda _: "", read=_optionally(by_name[name].read))
        for name in ("audience", "start", "end", "zone", "organiser")
    }
    silent["end"] = replace(silent["end"], words=_WHEN_IT_ENDS)
    asked = {
        name: replace(one, words=f"{one.words} (Enter: as the list says)") for name, one in silent.items()
    }
    if not says_audience:
        asked["audience"] = by_name["audience"]
    return [
        replace(by_name["title"], otherwise=lambda _: of_file),
        by_name["id"],
        *asked.values(),
        by_name["announced"],
    ]


def cycle_questions(desk: Desk) -> list[Question]:
    intakes = [f"{day:%Y-%m}" for day in desk.network.intakes]
    return [
        Question("title", "Title of the round, as the mails print it", _read(read_words)),
        _id_question(desk, "cycles"),
        Question("from", "First month that the report is about, such as 2025-01", _read(read_month)),
        Question("to", "Last month that the report is about", _read_last_month),
        Question("opens", "Day on which the round begins; no mail goes out before", _read(read_day)),
        Question(
            "deadline",
            f"Deadline: date, hour and zone, such as 2027-11-30 23:59:59 {desk.network.zone}; or the date "
            f"with the words: {' (or: '.join(POLICIES)})",
            _read_deadline,
        ),
        Question(
            "submit_at",
            "Address where the report is handed in (https://...); {code} in it stands for the city's code",
            _read(read_submit_at),
        ),
        Question(
            "who",
            "Who must report? The cities of some intakes, such as 2022-09, 2024-02; or all that joined "
            f"before one: before 2020-09. Intakes so far: {listed(intakes)}",
            lambda text, _: _read_who(text),
            options="--joined-before or --joined",
        ),
        Question(
            "excepted",
            "Intakes that do not report this time, such as 2020-09 (Enter: none)",
            lambda text, _: ", ".join(_months(text)) if text.strip() else "",
            otherwise=lambda _: "",
            applies=lambda answers: answers.get("who", "").startswith("before"),
        ),
    ]


def _id_question(desk: Desk, folder: str) -> Question:
    def read(text: str, _: Answers) -> str:
        name = read_id(text)
        if name in desk.taken:
            refuse(f'the id "{name}" is taken by {desk.taken[name]}', "ids are names for ever; write another")
        return name

    def of_title(answers: Answers) -> str:
        return unique_id(answers.get("title", ""), "", desk.taken, folder)

    words = f"Its id, and the name of the file in {folder}/; it stays for ever"
    return Question("id", words, read, otherwise=of_title)


def _read(reader: Callable[[str], object]) -> Callable[[str, Answers], str]:
    """A reader of the files that checks the text; the text itself is the answer."""

    def read(text: str, _: Answers) -> str:
        reader(text)
        return text.strip()

    return read


def _optional(reader: Callable[[str], object]) -> Callable[[str, Answers], str]:
    return lambda text, answers: _read(reader)(text, answers) if text.strip() else ""


def _optionally(read: Callable[[str, Answers], str]) -> Callable[[str, Answers], str]:
    return lambda text, answers: read(text, answers) if text.strip() else ""


def _options(labels: Iterable[str]) -> str:
    return f"One of: {listed(labels)}"


def _clock(text: str) -> time:
    """A time of day; on a command line nobody needs quotes."""
    try:
        return read_clock(text)
    except Refusal:
        refuse(f"{quoted(text.strip())} is no time of day", "write hours and minutes, such as 13:00")


def _audience(text: str, vocabulary: Vocabulary) -> str:
    label = read_words(text)
    found = next((known for known in vocabulary.audiences if folded(known) == folded(label)), None)
    if found is None:
        instead = did_you_mean(label, vocabulary.audiences, f"known: {listed(vocabulary.audiences)}")
        refuse(f"the audience {quoted(label)} is not defined in network.yaml", instead)
    return found


def _zone(text: str, vocabulary: Vocabulary, today: date) -> str:
    """A zone that means something today; what it means on each date is said in the end."""
    problems, nowhere = Problems(), Place("")
    word = read_words(text)
    if vocabulary.zone(word, today, None, nowhere, nowhere, problems) is None:
        problem = problems.in_order()[0]
        refuse(problem.what, problem.instead)
    return word


def _read_days(text: str) -> str:
    """A rule in its canonical words, or lines of a date and, if there is one, a title."""
    words = text.strip()
    if words[:1].isdigit():
        return "\n".join(_dated(part) for part in re.split(r"\n|[,;]\s*(?=\d{4}-)", words))
    try:
        return read_every(one_line(words))
    except UnknownRecurrence:
        refuse(f"{quoted(words)} is neither a rule nor a date", f"{RULES}, or dates such as 2027-03-17")


def _dated(text: str) -> str:
    day, _, title = text.strip().partition(" ")
    return f"{read_day(day.rstrip(','))} {one_line(title)}".strip()


def _read_until(text: str, answers: Answers) -> str:
    first, last = answers.get("from"), read_day(text)
    if first and last < read_day(first):
        refuse(f"{last} is before {first}", "write a later day")
    return last.isoformat()


def _read_start(text: str) -> str:
    if text.strip().lower() in TO_BE_ANNOUNCED:
        return TO_BE_ANNOUNCED[0]
    return f"{_clock(text):%H:%M}"


def _read_end(text: str, answers: Answers) -> str:
    start, end = answers.get("start"), _clock(text)
    if start and end <= read_clock(start):
        refuse(f"{end:%H:%M} is no end for a start at {start}", "write a later hour")
    return f"{end:%H:%M}"


def _read_last_month(text: str, answers: Answers) -> str:
    first, last = answers.get("from"), read_month(text)
    if first and last < first:
        refuse(f"{last} is before {first}", "write a later month")
    return last


def _read_deadline(text: str, answers: Answers) -> str:
    opens, deadline = answers.get("opens"), read_deadline(text)
    if opens and deadline.on < read_day(opens):
        refuse(f"this deadline is before {opens}, the day on which the round begins", "write a later day")
    words = " ".join(text.split())
    policy = next((one for one in POLICIES if words.casefold().endswith(f" {one.casefold()}")), None)
    return f"{deadline.on} {policy}" if policy else words


def _read_who(text: str) -> str:
    """Gives "before 2020-09" or "2022-09, 2024-02"."""
    words = one_line(text)
    before = words.lower().startswith("before")
    try:
        months = _months(words[len("before") :] if before else words)
    except Refusal:
        refuse(
            f"{quoted(words)} names no intake", "write months such as 2022-09, 2024-02, or: before 2020-09"
        )
    if before and len(months) > 1:
        refuse("before stands in front of one month only", "write for example: before 2020-09")
    return f"before {months[0]}" if before else ", ".join(months)


def _months(text: str) -> list[str]:
    return [read_month(part) for part in text.split(",")]


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def with_titles(answers: Answers, ask: Ask | None) -> str:
    """The dates that a person named, each with its title, asked for one by one."""
    days = answers["days"]
    if ask is None or not days[:1].isdigit():
        return days
    lines = []
    for line in days.split("\n"):
        day = read_day(line.split(" ")[0])
        title = one_line(ask(f"Title of the webinar on {day:%A} {day} (Enter: that of the series)", ""))
        lines.append(f"{day} {title}".strip())
    return "\n".join(lines)


# what becomes of the answers


def whole_of(answers: Answers) -> list[Entry]:
    """What is said of the whole series, as far as it is said."""
    names = [name.strip() for name in answers.get("organiser", "").split(";") if name.strip()]
    entries = [Entry("organisers", names)] if names else []
    keys = ("announced", "audience", "zone", "start", "end")
    return entries + [Entry(key, answers[key]) for key in keys if answers.get(key)]


def series_of(answers: Answers, days: str) -> Draft:
    entries = whole_of(answers)
    if not days[:1].isdigit():
        entries += [Entry("every", days), Entry("from", answers["from"]), Entry("until", answers["until"])]
        first, last = read_day(answers["from"]), read_day(answers["until"])
        example = next(iter(Recurrence(days, first, last).nominal_dates()), first)
        return series_draft(
            answers["title"], answers["id"], entries, first_session="", first_on=example.isoformat()
        )
    sessions: dict[str, list[Entry]] = {}
    for line in days.split("\n"):
        day, _, title = line.partition(" ")
        name = unique_id(title, "", sessions, f"session-{len(sessions) + 1}")
        sessions[name] = [Entry("id", name), *([Entry("title", title)] if title else []), Entry("date", day)]
    entries += [Entry("sessions", list(sessions.values()))]
    return series_draft(
        answers["title"], answers["id"], entries, first_session=next(iter(sessions)), first_on=days[:10]
    )


def cycle_of(answers: Answers) -> Draft:
    before = answers["who"].removeprefix("before ") if answers["who"].startswith("before ") else ""
    who = [Entry("joined_before", before)] if before else [Entry("joined", answers["who"].split(", "))]
    who += [Entry("excepted", answers["excepted"].split(", "))] if answers.get("excepted") else []
    entries = [
        Entry("period", [Entry("from", answers["from"]), Entry("to", answers["to"])]),
        *(Entry(key, answers[key]) for key in ("opens", "deadline", "submit_at")),
        Entry("who", who),
    ]
    return cycle_draft(answers["title"], answers["id"], entries)
