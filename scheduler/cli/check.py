"""`scheduler check`: reads every file, says every problem at once; touches nothing without --fix."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli.common import (
    ConfigOption,
    all_kept,
    contents,
    counted,
    database_there,
    erased_in_files,
    read_configuration,
)
from scheduler.configuration.advice.advisor import advise
from scheduler.configuration.advice.decided import find_decided
from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import Place, Problem, Severity
from scheduler.configuration.spoken import as_github, as_json, as_text, counts
from scheduler.errors import SchedulerError
from scheduler.model import times
from scheduler.model.cases import Case, Learnt
from scheduler.model.network import Configuration


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def check(
    config: ConfigOption = None,
    form: Annotated[
        Format, typer.Option("--format", help="For people, for programs, or for the checks of GitHub.")
    ] = Format.TEXT,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write into the files what was understood, in its canonical form.")
    ] = False,
) -> None:
    """Say all that is wrong in the configuration: file, line, column, what, and what to write instead.

    Errors must be mended before anything comes into force; warnings and notes are worth a look. Exit 0: no
    errors, 1: errors, 2: wrong usage.
    """
    with all_kept():
        loaded = read_configuration(config)
        written = _mend(loaded) if fix else None
        if written:
            loaded = read_configuration(config)
        problems = sorted([*loaded.problems, *_advice(loaded)], key=Problem.by_weight)
    # line by line would cost more than the check itself where there are thousands
    sys.stdout.write("".join(f"{line}\n" for line in _lines(loaded, problems, form, written)))
    if loaded.configuration is None:
        raise typer.Exit(1)


def _mend(loaded: Loaded) -> dict[str, int]:
    from scheduler.service.mending import mend

    return mend(loaded)


def _advice(loaded: Loaded) -> list[Problem]:
    if loaded.readable is None:
        return []
    now = datetime.now(UTC)
    today = times.local_date(now, _zone(loaded.readable))
    cases = _decided()
    learnt = Learnt.of(cases, loaded.readable, now)
    as_decided = replace(loaded, readable=learnt.applied_to(loaded.readable))
    return [*advise(as_decided, today, _in_force()), *find_decided(loaded, cases, now), *_erased(loaded)]


def _erased(loaded: Loaded) -> list[Problem]:
    """Who was erased and stands in members.csv again, where a database and the installation's key tell."""
    try:
        return erased_in_files(loaded)
    except SchedulerError as error:
        return [Problem(Place("members.csv"), Severity.WARNING, str(error))]


def _zone(configuration: Configuration) -> str:
    zone = configuration.network.zone
    return zone if times.is_zone(zone) else "UTC"


def _in_force() -> Configuration | None:
    """What the files would replace, where a database tells; without one there is nothing to say."""
    url = database_there()
    if url is None:
        return None
    from scheduler.configuration import normal
    from scheduler.store.peek import latest_content

    content = latest_content(url)
    try:
        return normal.from_text(content) if content else None
    except ValueError:
        return None  # written by another version of this program


def _decided() -> list[Case]:
    """What people decided of cases, where a database tells; it wins over the files."""
    url = database_there()
    if url is None:
        return []
    from scheduler.store.peek import decided

    return decided(url)


def _clocks() -> Iterator[str]:
    """What a new tz database moved is no problem of the files, but waits for the same people."""
    url = database_there()
    if url is None:
        return
    from scheduler.store.peek import waiting_clocks

    release = waiting_clocks(url)
    if release:
        yield f"! the clocks changed with tz database {release}; see it with: scheduler clocks"


def _lines(
    loaded: Loaded, problems: list[Problem], form: Format, written: Mapping[str, int] | None
) -> Iterator[str]:
    if form is Format.JSON:
        yield as_json(problems, usable=loaded.configuration is not None, written=written)
        return
    for file, number in (written or {}).items():
        yield f"{file}: {counted(number, 'place')} written"
    if written == {}:
        yield "Nothing was written: all that is understood stands there in its canonical form"
    if form is Format.GITHUB:
        yield from as_github([_from_here(problem) for problem in problems])
    else:
        yield from as_text(problems, loaded.texts)
        yield from _clocks()
    yield _last_line(loaded, problems)


def _from_here(problem: Problem) -> Problem:
    """GitHub knows files by their path in the repository, where its checks run."""
    file = Path(problem.place.file)
    if not file.is_relative_to(Path.cwd()):
        return problem
    return replace(problem, place=problem.place._replace(file=str(file.relative_to(Path.cwd()))))


def _last_line(loaded: Loaded, problems: list[Problem]) -> str:
    said = ", ".join(counted(number, severity) for severity, number in counts(problems).items() if number)
    if loaded.configuration is None:
        return f"Not usable: {said}"
    return f"OK: {contents(loaded.configuration)}" + (f"; {said}" if said else "")
