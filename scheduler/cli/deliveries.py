"""`scheduler deliveries`: single mails, what became of them and why; and what people decide on them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.common import (
    ByOption,
    at_home,
    columns,
    counted,
    database_in_force,
    find_member,
    midnight,
    out,
    read_date,
    who_decides,
)
from scheduler.configuration.problems import listed, printable, quoted
from scheduler.errors import SchedulerError
from scheduler.model import times

if TYPE_CHECKING:
    from scheduler.service.in_force import InForce
    from scheduler.store.database import Connection
    from scheduler.store.deliveries import Line

    Decide = Callable[[Connection, Sequence[Line], datetime], Awaitable[list[int]]]

app = typer.Typer(
    add_completion=False,
    help="Look at single mails; try them again, hold them, let them go.",
    no_args_is_help=True,
)

IdsArgument = Annotated[
    list[int], typer.Argument(help="Numbers of mails, as the list has them.", metavar="N...")
]

_STATES = ("queued", "sending", "sent", "deferred", "failed", "missed", "withdrawn", "held")
#: What a person may want to do something about.
_WORTH_A_LOOK = ("failed", "held", "deferred")
_COLUMNS = ("mail", "state", "due", "what", "of", "for", "why")


@app.command("list")
def list_deliveries(
    state: Annotated[
        list[str] | None,
        typer.Option(help=f"Only these: {', '.join(_STATES)}, or all; may be given more than once."),
    ] = None,
    city: Annotated[str | None, typer.Option(help="Only mails to this city, by name or slug.")] = None,
    of: Annotated[str, typer.Option(help="Only mails about this session, series or round.")] = "",
    since: Annotated[str | None, typer.Option(help="Only those due on this day or later.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="The latest so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List mails with their state and the reason; without options those that failed, are held or put off."""
    asyncio.run(_list(_known_states(state), city, of, since, most, as_json=as_json))


async def _list(
    states: Sequence[str], city: str | None, of: str, since: str | None, most: int, *, as_json: bool
) -> None:
    from scheduler.store.deliveries import Wanted, find

    async with database_in_force() as (database, in_force):
        member = find_member(in_force.configuration, city) if city else ""
        zone = in_force.network.zone
        start = midnight(read_date(since, "--since"), zone) if since else None
        async with database.read() as connection:
            lines, number = await find(connection, Wanted(states, member, of, start), most)
    if as_json:
        out.print(json.dumps({"of": number, "deliveries": [_as_json(line) for line in lines]}, indent=2))
        return
    for text in columns([_COLUMNS, *(_cells(line, in_force) for line in lines)]) if lines else ():
        out.print(text)
    shown = f"{len(lines):,} of {counted(number, 'mail')}" if number > len(lines) else counted(number, "mail")
    out.print(f"OK: {shown} {listed(states)}" if states else f"OK: {shown}")


def _known_states(wanted: Sequence[str] | None) -> tuple[str, ...]:
    if wanted is None or not wanted:
        return _WORTH_A_LOOK
    if "all" in wanted:
        return ()
    if unknown := [name for name in wanted if name not in _STATES]:
        said = f"there is no state {quoted(unknown[0])}; write one of {', '.join(_STATES)}, or all"
        raise typer.BadParameter(said, param_hint="--state")
    return tuple(wanted)


@app.command("show")
def show(number: Annotated[int, typer.Argument(help="A mail, as the list has it.", metavar="N")]) -> None:
    """Show all that is known of one mail: for whom, when, how often it was tried, the mail server's words."""
    asyncio.run(_show(number))


async def _show(number: int) -> None:
    async with database_in_force() as (database, in_force):
        async with database.read() as connection:
            line = (await _found(connection, [number]))[number]
        for name, value in _facts(line, in_force):
            out.print(f"{name:<12} {value}")


def _facts(line: Line, in_force: InForce) -> Iterator[tuple[str, str]]:
    def when(instant: datetime) -> str:
        there = in_force.members.get(line.member)
        home = at_home(instant, in_force.network)
        return f"{home}; {_local(instant, there.zone)} there" if there else home

    yield "mail", f"{line.id}, {_said(line)}"
    yield "for", f"{line.member} {line.role} <{printable(line.address)}>"
    calendar = f", {line.method} {line.sequence}" if line.method else ""
    yield "what", f"{line.kind.value} of {line.occurrence} (rule {line.rule}{calendar})"
    yield "due", when(line.due_at)
    yield "of use until", when(line.useful_by)
    if line.first_try_at:
        answers = f"; {counted(line.attempts, 'answer')} since" if line.attempts else ""
        yield "first tried", when(line.first_try_at) + answers
    if line.state == "deferred":
        yield "next try", when(line.next_at)
    if line.reply:
        yield "last words", printable(line.reply)
    if line.sent_at:
        yield "sent", when(line.sent_at)
        yield "taken with", printable(line.receipt or "")
    if line.is_uncertain and line.state != "sent":
        yield "in doubt", "a reply was lost: it may have arrived"
    if line.crashes:
        yield "deaths", f"the service died {line.crashes} times while it wrote it"
    yield "Message-ID", line.message_id


@app.command("retry")
def retry(numbers: IdsArgument, by: ByOption = None) -> None:
    """Try mails again now that failed, or that were put off; only while they are of use."""
    who = who_decides(by)

    async def decide(connection: Connection, lines: Sequence[Line], now: datetime) -> list[int]:
        from scheduler.store import deliveries

        wanted = [line.id for line in lines if not line.is_unwanted]
        return await deliveries.try_again(connection, wanted, who, now)

    asyncio.run(_decide(numbers, decide, "will be tried again now", _why_not_tried))


@app.command("hold")
def hold(
    numbers: IdsArgument,
    because: Annotated[str, typer.Option(help="Why, for the others.")] = "",
    by: ByOption = None,
) -> None:
    """Hold mails that wait; nothing else of their session is touched."""
    who = who_decides(by)
    if len(because) > 200 or "@" in because or (because and not because.isprintable()):
        said = "write one line of at most 200 letters, and no address"
        raise typer.BadParameter(said, param_hint="--because")

    async def decide(connection: Connection, lines: Sequence[Line], now: datetime) -> list[int]:
        from scheduler.store import deliveries

        ids = [line.id for line in lines]
        return await deliveries.hold(connection, ids, because, who, now)

    asyncio.run(_decide(numbers, decide, "held until: scheduler deliveries release", _why_not_held))


@app.command("release")
def release(numbers: IdsArgument, by: ByOption = None) -> None:
    """Let mails go that are held; they are sent if they still hold."""
    who = who_decides(by)

    async def decide(connection: Connection, lines: Sequence[Line], now: datetime) -> list[int]:
        from scheduler.store import deliveries

        ids = [line.id for line in lines]
        return await deliveries.release(connection, ids, who, now)

    asyncio.run(_decide(numbers, decide, "let go", lambda line, _: f"is {line.state}, not held"))


async def _decide(
    numbers: Sequence[int], decide: Decide, done: str, why_not: Callable[[Line, datetime], str]
) -> None:
    """Does what can be done, and says of each other one why not."""
    wanted, now = list(dict.fromkeys(numbers)), datetime.now(UTC)
    async with database_in_force() as (database, _), database.write() as connection:
        lines = await _found(connection, wanted)
        changed = await decide(connection, list(lines.values()), now)
    left = [line for number, line in lines.items() if number not in changed]
    for line in left:
        out.print(f"{line.id} {why_not(line, now)}")
    if left and not changed:
        raise SchedulerError("nothing was changed")
    out.print(f"OK: {counted(len(changed), 'mail')} {done}")


async def _found(connection: Connection, ids: Sequence[int]) -> dict[int, Line]:
    """Raises SchedulerError for a number that no mail has."""
    from scheduler.store.deliveries import Wanted, find

    lines, _ = await find(connection, Wanted(ids=ids), len(ids))
    known = {line.id: line for line in lines}
    if missing := [str(number) for number in ids if number not in known]:
        raise SchedulerError(
            f"there is no mail {listed(missing)}; see: scheduler deliveries list --state all"
        )
    return {number: known[number] for number in ids}


def _why_not_tried(line: Line, now: datetime) -> str:
    if line.state not in ("failed", "deferred"):
        return f"is {line.state}: only what failed or was put off is tried again"
    if line.useful_by <= now:
        return "is of no use any more: its moment has passed"
    if line.is_barred:
        return "goes to an address that nothing is sent to; first: scheduler bounces lift"
    if line.is_unwanted:
        return "goes to an address that ended these mails; first: scheduler members resubscribe"
    if line.gave_its_key_free:
        return "failed before it was tried; it is written anew as soon as it can be sent"
    return "has a newer mail in its place"


def _why_not_held(line: Line, now: datetime) -> str:  # noqa: ARG001 - of all reasons
    if line.state == "sending":
        return "is on its way; hold its session to stop what follows"
    return f"is {line.state}: only what waits can be held"


def _cells(line: Line, in_force: InForce) -> tuple[str, ...]:
    due = _local(line.due_at, in_force.network.zone)
    whom = f"{line.member} {line.role}"
    why = line.reason or (line.reply or "" if line.state == "deferred" else "")
    return (str(line.id), line.state, due, line.kind.value, line.occurrence, whom, printable(why))


def _said(line: Line) -> str:
    return f"{line.state}: {printable(line.reason)}" if line.reason else line.state


def _local(instant: datetime, zone: str) -> str:
    return f"{times.local(instant, zone):%Y-%m-%d %H:%M}"


def _as_json(line: Line) -> dict[str, Any]:
    """Without the address: `show` has it."""
    values = {name: value for name, value in asdict(line).items() if name != "address"}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
