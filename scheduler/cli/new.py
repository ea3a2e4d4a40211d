"""`scheduler new`: a commented file to begin with, for a series or a reporting round."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from datetime import date as Day
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn

import typer

from scheduler.cli.common import ConfigOption, counted, err, out
from scheduler.cli.new_answers import (
    Desk,
    cycle_of,
    cycle_questions,
    list_questions,
    series_of,
    series_questions,
    whole_of,
    with_titles,
)
from scheduler.cli.questions import Ask, Missing, Question, answers_to
from scheduler.configuration.cycles import read_cycle
from scheduler.configuration.document import read_document
from scheduler.configuration.lists.webinar_list import (
    Given,
    WebinarList,
    as_draft,
    read_list,
    take_doubts,
    take_what_it_means,
)
from scheduler.configuration.members import read_countries, read_members
from scheduler.configuration.network import read_network
from scheduler.configuration.notices import read_notices
from scheduler.configuration.problems import Place, Problem, Problems, Severity, printable, quoted
from scheduler.configuration.series import read_series
from scheduler.configuration.spoken import as_text
from scheduler.configuration.writing.drafts import Draft
from scheduler.configuration.writing.kinds import CYCLE, SCHEMAS, SERIES
from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.series import Series
from scheduler.settings import read_settings
from scheduler.store.whole_files import in_words, write_text

app = typer.Typer(
    help="Write a commented file to begin with: a webinar series, or a reporting round.",
    no_args_is_help=True,
    add_completion=False,
)

Text = str | None


@app.command("series")
def series(
    title: Annotated[Text, typer.Option(help="Its title, as the mails print it.")] = None,
    id: Annotated[
        Text, typer.Option("--id", help="Its id, and the name of the file (default: of the title).")
    ] = None,
    audience: Annotated[Text, typer.Option(help="Who is invited: a label of network.yaml.")] = None,
    every: Annotated[Text, typer.Option(help="A rule for the days, such as: third wednesday.")] = None,
    date: Annotated[
        list[str] | None,
        typer.Option(help="A date, if you like with its title: 2027-03-17 Green skills. As often as needed."),
    ] = None,
    first: Annotated[
        Text,
        typer.Option(
            "--from",
            help="First day for the rule, or a list of webinars: --from 2027-01-01 or --from LIST.csv.",
        ),
    ] = None,
    last: Annotated[Text, typer.Option("--until", help="Last day for the rule.")] = None,
    start: Annotated[Text, typer.Option(help="13:00, or: to be announced.")] = None,
    end: Annotated[Text, typer.Option(help="14:30 (default: after the usual length).")] = None,
    zone: Annotated[Text, typer.Option(help="Zone of these hours (default: that of network.yaml).")] = None,
    organiser: Annotated[
        list[str] | None,
        typer.Option(help="Who holds it (default: that of network.yaml). As often as needed."),
    ] = None,
    announced: Annotated[Text, typer.Option(help="Day on which the cities hear of the whole series.")] = None,
    config: ConfigOption = None,
) -> None:
    """Write series/ID.yaml, with what you say here; what is missing is asked for.

    With --from LIST.csv the webinars are read from a list, one a row. What is doubtful in it is said, and \
stands as a comment beside the line; nothing is guessed.
    """
    given: dict[str, Text] = {
        "title": title,
        "id": id,
        "audience": audience,
        "days": _days_given(every, date),
        "from": first,
        "until": last,
        "start": start,
        "end": end,
        "zone": zone,
        "organiser": "; ".join(organiser) if organiser else None,
        "announced": announced,
    }
    desk = _desk(config)
    if first and (Path(first).suffix or Path(first).is_file()):
        _from_list(desk, Path(first), given)
        return
    ask = _asking()
    answers = _answers(series_questions(desk, _today(desk)), given, ask)
    days = with_titles(answers, ask) if date is None else answers["days"]
    _finish(desk, series_of(answers, days))


@app.command("cycle")
def cycle(
    title: Annotated[Text, typer.Option(help="Its title, as the mails print it.")] = None,
    id: Annotated[
        Text, typer.Option("--id", help="Its id, and the name of the file (default: of the title).")
    ] = None,
    first: Annotated[
        Text, typer.Option("--from", help="First month that the report is about: 2025-01.")
    ] = None,
    last: Annotated[Text, typer.Option("--to", help="Last month that the report is about.")] = None,
    opens: Annotated[Text, typer.Option(help="Day on which the round begins.")] = None,
    deadline: Annotated[
        Text,
        typer.Option(
            help='Date, hour and zone: "2027-11-30 23:59:59 Europe/Berlin"; or "2027-11-30 end of day in the '
            'city", or "2027-11-30 anywhere on Earth".'
        ),
    ] = None,
    submit_at: Annotated[
        Text,
        typer.Option(help="Address where the report is handed in; {code} in it is the city's own code."),
    ] = None,
    joined_before: Annotated[
        Text, typer.Option(help="Who must report: members that joined before the intake of this month.")
    ] = None,
    joined: Annotated[
        list[str] | None, typer.Option(help="Or: members of the intake of this month. As often as needed.")
    ] = None,
    excepted: Annotated[
        list[str] | None, typer.Option(help="Month of an intake that is left out. As often as needed.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write cycles/ID.yaml, a reporting round, with what you say here; what is missing is asked for."""
    given: dict[str, Text] = {
        "title": title,
        "id": id,
        "from": first,
        "to": last,
        "opens": opens,
        "deadline": deadline,
        "submit_at": submit_at,
        "who": _who_given(joined_before, joined),
        "excepted": ", ".join(excepted) if excepted else None,
    }
    desk = _desk(config)
    answers = _answers(cycle_questions(desk), given, _asking())
    _finish(desk, cycle_of(answers))


def _days_given(every: Text, dates: list[str] | None) -> Text:
    if every is not None and dates:
        _refuse(["--every and --date do not go together; keep one of the two"])
    return "\n".join(dates) if dates else every


def _who_given(joined_before: Text, joined: list[str] | None) -> Text:
    if joined_before is not None and joined:
        _refuse(["--joined-before and --joined do not go together; keep one of the two"])
    return ", ".join(joined) if joined else joined_before and f"before {joined_before}"


# the desk


def _desk(folder: Path | None) -> Desk:
    """What the other files say. Raises SchedulerError while network.yaml itself has errors."""
    folder = folder or read_settings().config
    problems = Problems()
    document = read_document(folder / "network.yaml", problems)
    found = read_network(document, problems) if document else None
    if found is None or problems.errors():
        for problem in problems.in_order():
            err.print(str(problem))
        raise SchedulerError("network.yaml must be mended first; nothing was written")
    notices_file = read_document(folder / "notices.yaml", problems)
    notices = read_notices(notices_file, found[0], problems) if notices_file else None
    countries = read_countries(folder / "countries.csv", Problems())
    cities = read_members(folder / "members.csv", *found, countries, Problems())
    return Desk(folder, found[0], found[1].with_members(cities), notices, dict(_ids(folder)))


def _ids(folder: Path) -> Iterator[tuple[str, Path]]:
    """The ids that series and rounds have, as far as their files can be read."""
    for kind in (SERIES, CYCLE):
        for path in kind.files(folder):
            document = read_document(path, Problems())
            node = document.node("id") if document else None
            yield path.stem, path
            if node and node.text:
                yield node.text.strip(), path


def _today(desk: Desk) -> Day:
    return times.local_date(datetime.now(UTC), desk.network.zone)


def _asking() -> Ask | None:
    """Asks a person; None in a pipe."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    has_begun: list[bool] = []

    def ask(words: str, proposed: str) -> str:
        if not has_begun:
            out.print(
                "Enter takes what stands in brackets. Nothing is written before the end; Ctrl-C leaves."
            )
            has_begun.append(True)
        return str(typer.prompt(words, default=proposed, show_default=bool(proposed)))

    return ask


def _answers(questions: Iterable[Question], given: Mapping[str, Text], ask: Ask | None) -> dict[str, str]:
    try:
        return answers_to(questions, given, ask, out.print)
    except Missing as missing:
        _refuse(missing.sentences)


def _refuse(sentences: Iterable[str]) -> NoReturn:
    """Wrong usage: all of it at once, exit 2."""
    for sentence in sentences:
        err.print(f"error: {sentence}")
    raise typer.Exit(2)


# what is written


def _finish(desk: Desk, draft: Draft) -> None:
    """Writes the file, once the reader of the files has no error to say of it."""
    path = _path_of(desk, draft)
    said, part = _read_back(desk, draft, path)
    errors = [problem for problem in said if problem.severity is Severity.ERROR]
    for problem in errors or said:
        (err if errors else out).print(str(problem))
    if errors or part is None:
        raise SchedulerError("nothing was written")
    _write(desk, draft, path, part)


def _path_of(desk: Desk, draft: Draft) -> Path:
    path = desk.folder / draft.kind.folder / f"{draft.id}.yaml"
    if path.exists():
        raise SchedulerError(f"{path} is there already; nothing was written. Say another id with --id")
    return path


def _read_back(desk: Desk, draft: Draft, path: Path) -> tuple[list[Problem], Series | Cycle | None]:
    """What check will say of the file, and what it will make of it."""
    problems = Problems()
    with TemporaryDirectory() as folder:
        file = Path(folder) / path.name
        file.write_text(draft.text(), "utf-8")
        document = read_document(file, problems)
    words = (desk.network, desk.vocabulary, desk.notices, problems)
    part: Series | Cycle | None = None
    if document:
        part = read_series(document, *words) if draft.kind is SERIES else read_cycle(document, *words)
    return [_said_of(path, problem) for problem in problems.in_order()], part


def _said_of(path: Path, problem: Problem) -> Problem:
    """The problem of a draft, as one of the file that it would become."""
    place = Place(printable(path), problem.place.line, problem.place.column)
    return Problem(place, problem.severity, problem.what, problem.instead)


def _write(desk: Desk, draft: Draft, path: Path, part: Series | Cycle) -> None:
    with in_words(f"{path} cannot be written"):
        path.parent.mkdir(exist_ok=True)
        write_text(path, draft.text())
    out.print(f"Written: {path}: {_summary(part)}")
    for line in _next_steps(desk, part):
        out.print(line)


def _summary(part: Series | Cycle) -> str:
    if isinstance(part, Cycle):
        return f"a reporting round from {part.opens} until {part.deadline.on}"
    days = [session.on for session in part.sessions]
    span = f"from {min(days)} to {max(days)}" if len(days) > 1 else f"on {days[0]}"
    return f"a series of {counted(len(days), 'session')}, {span}"


def _next_steps(desk: Desk, part: Series | Cycle) -> Iterator[str]:
    if isinstance(part, Series):
        missing, mail = "links, speakers, a description", f"invitation {part.sessions[0].id}.{part.id}"
    else:
        missing, mail = "cities that report besides, or need not", f"report-opened {part.id}"
    where = f" --config {desk.folder}" if desk.folder != read_settings().config else ""
    yield "Next:"
    yield f"  1. Open the file in an editor and fill in what is missing: {missing}."
    yield f"  2. scheduler check{where}   says what is wrong or doubtful, in all files"
    yield f"  3. scheduler plan{where}    shows which mails would go out, to whom, and when"
    yield f"  4. scheduler preview {mail} --member CITY{where}   shows one mail as a city would see it"
    if desk.network.apply == "auto":
        yield "network.yaml says apply: auto, so a service that is running takes the file in by itself."
    else:
        yield f"  5. scheduler apply{where}   puts it in force. Until then no mail goes out because of it."
    if not (desk.folder / SCHEMAS).is_dir():
        yield f"For an editor that explains each key: scheduler schema --into {desk.folder / SCHEMAS}"


# from a list


def _from_list(desk: Desk, file: Path, given: Mapping[str, Text]) -> None:
    """A series as a list has it. All doubts are said; with an error nothing is written."""
    if given["days"] or given["until"]:
        _refuse(["--every, --date and --until do not go with a list: its rows are the dates"])
    problems = Problems()
    found = read_list(file, problems)
    if found is None:
        _refuse_list(problems)
    whole = _whole_of_list(desk, found, given, problems)
    draft = as_draft(found, whole, desk.vocabulary, problems)
    path = _path_of(desk, draft)
    said, part = _read_back(desk, draft, path)
    take_doubts(draft, said, found, problems)
    if problems.errors() or not isinstance(part, Series):
        _refuse_list(problems)
    take_what_it_means(draft, part, found, desk.vocabulary, problems)
    for line in as_text(problems.in_order(), {}):
        out.print(line)
    doubts = sum(problem.severity is Severity.WARNING for problem in problems.in_order())
    out.print(f"{counted(doubts, 'doubt')}; each stands as a comment in the file too, beside its line")
    _write(desk, draft, path, part)


def _whole_of_list(desk: Desk, found: WebinarList, given: Mapping[str, Text], problems: Problems) -> Given:
    ask = _asking()
    says_audience = found.has("audience") or ask is None  # in a pipe it is one error among others
    answers = _answers(list_questions(desk, Path(found.file), says_audience=says_audience), given, ask)
    if given["title"] is None and ask is None:
        what = f"the series is called {quoted(answers['title'])}, after the file"
        problems.warning(Place(found.file), what, "say its title with --title")
    return Given(answers["title"], answers["id"], whole_of(answers))


def _refuse_list(problems: Problems) -> NoReturn:
    for line in as_text(problems.in_order(), {}):
        err.print(line)
    raise SchedulerError(
        f"{counted(problems.errors(), 'error')} in the list; mend it and run this again. Nothing was written"
    )
