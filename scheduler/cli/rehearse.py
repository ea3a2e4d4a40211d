"""`scheduler rehearse`: plays a span of time through the real engine into a folder."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli import progress
from scheduler.cli.common import (
    ConfigOption,
    accepted,
    counted,
    out,
    read_configuration,
    span,
    without_erased,
)
from scheduler.configuration.load import load
from scheduler.languages import language
from scheduler.model import times
from scheduler.model.network import Configuration
from scheduler.model.programme import only
from scheduler.settings import read_settings

if TYPE_CHECKING:
    # the service is loaded where it is used: `scheduler check` and `plan` answer without it
    from scheduler.service.rehearsal import Edit, Entry, Rehearsal

#: What the bar counts in.
_SECOND = timedelta(seconds=1)


def rehearse_command(
    first: Annotated[str, typer.Option("--from", help="First day, at midnight in Hamburg: 2020-05-15.")],
    last: Annotated[str, typer.Option("--to", help="The day after the last one: 2021-01-15.")],
    series: Annotated[list[str] | None, typer.Option(help="Only this series; may be repeated.")] = None,
    cycle: Annotated[list[str] | None, typer.Option(help="Only this report cycle; may be repeated.")] = None,
    into: Annotated[Path, typer.Option(help="Folder for the messages and feeds.")] = Path("var/rehearsal"),
    edit: Annotated[
        list[str] | None,
        typer.Option(help="Apply another configuration on the way: 2020-06-02T10:00=FOLDER (Hamburg time)."),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Play a span of time through the real engine, outbox and mailbox, on a virtual clock."""
    configuration = accepted(read_configuration(config))
    start, end = span(first, last, configuration.network.zone)
    parts = [*(series or []), *(cycle or [])]
    edits = [_read_edit(text, parts, configuration.network.zone) for text in edit or []]
    for one in edits:
        if not start <= one.at < end:
            raise typer.BadParameter(f"{one.at:%Y-%m-%d} lies outside the rehearsal", param_hint="--edit")
    rehearsal = play(only(configuration, parts), start, end, into, edits)
    for line in timeline_lines(rehearsal):
        out.print(line)
    out.print()
    for line in totals(rehearsal):
        out.print(line)


def play(
    configuration: Configuration,
    start: datetime,
    end: datetime,
    folder: Path,
    edits: Sequence[Edit] = (),
    *,
    show: bool = True,
) -> Rehearsal:
    """One rehearsal with its pages; a bar shows how far it is, on a terminal and if wanted."""
    from scheduler.service.reading import write_pages
    from scheduler.service.rehearsal import rehearse

    configuration = without_erased(configuration)
    edits = [replace(edit, configuration=without_erased(edit.configuration)) for edit in edits]
    with progress.shown(is_wanted=show) as tell_of:
        tell = tell_of(f"Playing into {folder}")

        def jumped(at: datetime) -> None:
            tell((at - start) // _SECOND, (end - start) // _SECOND)

        base_url = read_settings().base_url
        rehearsal = asyncio.run(rehearse(configuration, start, end, folder, base_url, edits, jumped))
        tell_of("Writing the pages")(0, 0)
        write_pages(rehearsal)
    return rehearsal


def _read_edit(text: str, parts: Sequence[str], zone: str) -> Edit:
    from scheduler.service.rehearsal import Edit

    moment, _, folder = text.partition("=")
    try:
        wall = datetime.fromisoformat(moment)
    except ValueError:
        wall = None
    if wall is None or wall.tzinfo or not folder:
        raise typer.BadParameter(f'"{text}" is no edit; write 2020-06-02T10:00=FOLDER', param_hint="--edit")
    configuration = accepted(load(Path(folder)))
    # what an edit no longer has is left out: that is the edit
    known = [part.id for part in configuration.parts if part.id in parts]
    chosen = (
        only(configuration, known) if known or not parts else replace(configuration, series=(), cycles=())
    )
    return Edit(times.moment(wall.date(), wall.time(), zone), chosen)


def timeline_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """Per day in Hamburg: what went out, to how many, at how many hours there."""
    zone, words = rehearsal.in_force.network.zone, language("en")
    for day, of_day in groupby(rehearsal.timeline, key=lambda entry: times.local_date(entry.instant, zone)):
        yield words.full_date(day)
        things = Counter[tuple[str, str, str]]()
        hours: dict[tuple[str, str, str], set[str]] = {}
        for entry in of_day:
            thing = (entry.kind, entry.occurrence, entry.rule)
            things[thing] += 1
            hours.setdefault(thing, set()).add(_hour_there(entry))
        for (kind, occurrence, rule), number in things.items():
            name = kind if rule == kind or rule == "opened" else f"{kind} {rule}"
            there = hours[kind, occurrence, rule]
            yield f"  {name}, {occurrence}: {counted(number, 'mail')}, {_hours(sorted(there))}"


def _hour_there(entry: Entry) -> str:
    """The hour that the mail shows; of an announcement, which shows many, the hour it arrived."""
    if entry.shown_local:
        return datetime.fromisoformat(entry.shown_local).strftime("%H:%M")
    return times.local(entry.instant, entry.zone).strftime("%H:%M")


def _hours(there: Sequence[str]) -> str:
    if len(there) == 1:
        return f"at {there[0]} there"
    return f"at {len(there)} local hours, {there[0]} to {there[-1]}"


def totals(rehearsal: Rehearsal) -> Iterator[str]:
    kinds = Counter(entry.kind for entry in rehearsal.timeline)
    for kind, number in kinds.items():
        yield f"  {kind:<18}{number:>8,}"
    for (kind, state), number in sorted(rehearsal.unsent.items()):
        yield f"  {kind:<18}{number:>8,}  {state}"
    for name in rehearsal.held:
        yield f"  held: {name} vanished from the files; cancel it with status: cancelled, or put it back"
    members = len({entry.member for entry in rehearsal.timeline})
    mails = counted(len(rehearsal.timeline), "mail")
    feeds = counted(len(rehearsal.feeds), "feed")
    yield f"OK: {mails} to {counted(members, 'member')}, {feeds}; open {rehearsal.folder}/index.html"
