"""`scheduler plan`: what the files would change, and what would go out then. Sends and writes nothing."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ConfigOption,
    accepted,
    counted,
    database_if_any,
    find_member,
    out,
    read_configuration,
    read_date,
)
from scheduler.languages import Language, language
from scheduler.model import times
from scheduler.model.members import Member, Standing
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.programme import only

if TYPE_CHECKING:
    # the store is loaded where there is a database to look into
    from scheduler.model.plan import Mailing
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
    from scheduler.cli.plan_text import plan_lines
    from scheduler.service.planning import of_parts

    if picture and (as_json or member is not None):
        raise typer.BadParameter("the picture is of all members, and no --json", param_hint="--picture")
    configuration = accepted(read_configuration(config))
    parts = [*(series or []), *(cycle or [])]
    only(configuration, parts)
    chosen = find_member(configuration, member) if member is not None else None
    begins, ends = _span(first, last, configuration.network.zone)
    drawn_up = of_parts(_drawn_up(configuration, chosen, begins, ends), parts)
    if picture:
        draw_year(drawn_up, picture)
        mails = counted(sum(mailing.mails for mailing in drawn_up.mailings), "mail")
        out.print(
            f"OK: {mails} until {times.local_date(ends, configuration.network.zone)}, drawn into {picture}"
        )
    elif as_json:
        found = member_json(drawn_up, chosen) if chosen else plan_json(drawn_up)
        # written piece by piece: the plan of a large network is tens of megabytes
        json.dump(found, sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
    else:
        lines = _member_lines(drawn_up) if chosen else plan_lines(drawn_up, daily=daily or bool(begins))
        for line in lines:
            out.print(line)


def _span(first: str | None, last: str | None, zone: str) -> tuple[datetime | None, datetime]:
    """When it comes into force (None: now), and the end of what is looked at: midnights in Hamburg."""
    begins = _midnight(read_date(first, "--from"), zone) if first else None
    start = begins or datetime.now(UTC)
    day = times.local_date(start, zone)
    ends = _midnight(read_date(last, "--until"), zone) if last else _midnight(_a_year_after(day), zone)
    if ends <= start:
        raise typer.BadParameter(f"{last} does not come after {day}", param_hint="--until")
    return begins, ends


def _midnight(day: date, zone: str) -> datetime:
    return times.moment(day, time(), zone)


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
    return draw_up(configuration, asyncio.run(_ground(now)), now=now, until=ends, members=members)


async def _ground(now: datetime) -> Ground:
    from scheduler.service.planning import Ground, read_ground

    async with database_if_any() as database:
        return await read_ground(database, now) if database else Ground()


def _member_lines(plan: Plan) -> Iterator[str]:
    """Everything that one member gets, in its own time."""
    from scheduler.cli.plan_text import mailing_name

    member, words = plan.groups[0].like, language("en")
    yield f"{member.name} ({member.slug}), {member.zone}"
    for mailing in plan.mailings:
        arrives = times.local(mailing.due_at, member.zone)
        name = f"{mailing_name(mailing)}{_about(mailing, member, words)}"
        day, mails = words.full_date(arrives.date()), counted(mailing.mails, "mail")
        yield f"  {day}, {arrives:%H:%M}  {name}: {mails}"
    mails = counted(sum(mailing.mails for mailing in plan.mailings), "mail")
    span = (plan.window.start, plan.window.end)
    first, last = (times.local_date(at, plan.configuration.network.zone) for at in span)
    yield f"OK: {mails} to {member.name}; {first} until {last}"
    yield from _standing(plan, member, first)


def _about(mailing: Mailing, member: Member, words: Language) -> str:
    """When the session, or the deadline, is there."""
    occurrence = mailing.occurrence
    shown = occurrence.ends_at if occurrence.session is None else occurrence.starts_at
    if shown is None or mailing.rule.kind is Kind.ANNOUNCEMENT:
        return ""
    return f" ({words.span(shown, None, member.zone)})"


def _standing(plan: Plan, member: Member, day: date) -> Iterator[str]:
    standing = member.standing(day)
    if standing is not Standing.MEMBER:
        yield f"On {day}: {standing.value}"
    for cycle in plan.configuration.cycles:
        yield f"In {cycle.id}: {cycle.duty(member).value}"
