"""`scheduler plan`: what the files would change, and what would go out then. Sends and writes nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ConfigOption,
    accepted,
    counted,
    database_if_any,
    find_member,
    key_if_any,
    midnight,
    out,
    read_configuration,
    read_date,
)
from scheduler.configuration.advice.erased import find_erased
from scheduler.model import times
from scheduler.model.network import Configuration
from scheduler.model.programme import only
from scheduler.settings import read_settings

if TYPE_CHECKING:
    # the store is loaded where there is a database to look into
    from scheduler.service.planning import Ground, Plan

_YEAR = timedelta(days=365)


def plan(
    first: Annotated[
        str | None,
        typer.Option("--from", help="As if the files came into force on that day, in place of today."),
    ] = None,
    last: Annotated[
        str | None, typer.Option("--until", "--to", help="The day after the last one (default: a year).")
    ] = None,
    series: Annotated[list[str] | None, typer.Option(help="Only this series; may be repeated.")] = None,
    cycle: Annotated[list[str] | None, typer.Option(help="Only this report cycle; may be repeated.")] = None,
    member: Annotated[str | None, typer.Option(help="All that this member gets, in its own time.")] = None,
    daily: Annotated[bool, typer.Option("--daily", help="Also list what goes out day by day.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for programs.")] = False,
    picture: Annotated[Path | None, typer.Option(help="Draw the year into this file (.svg or .png).")] = None,
    config: ConfigOption = None,
) -> None:
    """Show what the files would change and whom it would be told, before anything happens."""
    from scheduler.cli.plan_json import member_json, plan_json
    from scheduler.cli.plan_picture import draw_year
    from scheduler.cli.plan_text import plan_lines, year_lines
    from scheduler.service.planning import of_parts

    if picture and (as_json or member is not None):
        raise typer.BadParameter("the picture is of all members, and no --json", param_hint="--picture")
    loaded = read_configuration(config)
    configuration = accepted(loaded)
    parts = [*(series or []), *(cycle or [])]
    only(configuration, parts)
    chosen = find_member(configuration, member) if member is not None else None
    begins, ends = _span(first, last, configuration.network.zone)
    drawn_up = of_parts(_drawn_up(configuration, chosen, begins, ends), parts)
    erased = find_erased(loaded, drawn_up.ground.erased.since)
    if picture:
        draw_year(drawn_up, picture)
        mails = counted(sum(mailing.mails for mailing in drawn_up.mailings), "mail")
        out.print(
            f"OK: {mails} until {times.local_date(ends, configuration.network.zone)}, drawn into {picture}"
        )
    elif as_json:
        found = member_json(drawn_up, chosen) if chosen else plan_json(drawn_up)
        found["erased"] = [str(one) for one in erased]
        # written piece by piece: the plan of a large network is tens of megabytes
        json.dump(found, sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        lines = year_lines(drawn_up) if chosen else plan_lines(drawn_up, daily=daily or bool(begins))
        for line in (*(f"! {one}" for one in erased), *lines):
            out.print(line)


def _span(first: str | None, last: str | None, zone: str) -> tuple[datetime | None, datetime]:
    """When it comes into force (None: now), and the end of what is looked at: midnights in Hamburg."""
    begins = midnight(read_date(first, "--from"), zone) if first else None
    start = begins or datetime.now(UTC)
    day = times.local_date(start, zone)
    ends = midnight(read_date(last, "--until"), zone) if last else midnight(_a_year_after(day), zone)
    if ends <= start:
        raise typer.BadParameter(f"{last} does not come after {day}", param_hint="--until")
    return begins, ends


def _a_year_after(day: date) -> date:
    return min(day + _YEAR, date(times.LAST_YEAR, 12, 31))


def _drawn_up(
    configuration: Configuration, member: str | None, begins: datetime | None, ends: datetime
) -> Plan:
    """Against what is in force now; where a day is named, of the files alone, as a rehearsal plays them."""
    from scheduler.service.planning import Ground, draw_up

    members = [member] if member else []
    if begins:
        drawn_up = draw_up(configuration, Ground(), now=begins, until=ends, members=members)
        return replace(drawn_up, hash="")
    now = datetime.now(UTC)
    return draw_up(
        configuration, asyncio.run(_ground(now, configuration)), now=now, until=ends, members=members
    )


async def _ground(now: datetime, configuration: Configuration) -> Ground:
    from scheduler.service.planning import Ground, read_ground

    async with database_if_any() as database:
        if database is None:
            return Ground()
        return await read_ground(database, now, configuration.network, key_if_any(read_settings()))
