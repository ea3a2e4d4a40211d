"""`scheduler status`: what is in force, how the files stand to it, what waits and what failed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import typer

from scheduler.cli.common import ConfigOption, counted, opened_database, out, read_configuration
from scheduler.languages import language
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.configuration.load import Loaded
    from scheduler.model.network import Network
    from scheduler.service.proposals import Seen
    from scheduler.store.configurations import Applied

#: A service that runs looks every half minute.
_QUIET_AFTER = timedelta(minutes=3)


@dataclass(frozen=True)
class _Status:
    applied: Applied
    network: Network
    seen: Seen
    looked_at: datetime
    may_send: bool
    #: (kind, state) -> rows
    rows: dict[tuple[str, str], int]
    oldest_due: datetime | None
    #: why mails failed, with how many each
    failures: Counter[str]
    #: what the mail server said of mails that should have gone long ago
    stuck: Counter[str]
    #: what vanished from the files
    held: tuple[str, ...]


def status(config: ConfigOption = None) -> None:
    """Say what is in force, how the files differ from it, what waits to be sent and what failed."""
    now = datetime.now(UTC)
    found = asyncio.run(_read(read_configuration(config), now))
    if found is None:
        out.print("Nothing is in force yet. Put the files in force with: scheduler apply")
        raise typer.Exit(1)
    for name, said in _lines(found):
        out.print(f"{name:<10} {said}")
    problems = list(_problems(found, now))
    for problem in problems:
        out.print(f"! {problem}")
    if problems:
        raise typer.Exit(1)
    out.print("OK: nothing waits for a person")


async def _read(loaded: Loaded, now: datetime) -> _Status | None:
    from scheduler.service.in_force import Memory
    from scheduler.service.proposals import compare
    from scheduler.store import configurations, installation, ledger, outbox
    from scheduler.store.backup import sqlite_target
    from scheduler.store.migrate import check_version

    file = sqlite_target(read_settings().database_url.get_secret_value())
    if file and not file.is_file():
        return None
    async with opened_database() as database:
        await check_version(database)
        memory = Memory()
        async with database.read() as connection:
            applied = await configurations.latest(connection)
            if applied is None:
                return None
            in_force = await memory.current(connection)
            looked_at = await ledger.settled_until(connection) or applied.applied_at
            may_send = await installation.may_send(connection)
            rows = await outbox.count_by_state(connection)
            oldest = await outbox.oldest_due(connection, now)
            failures = await outbox.failures(connection)
            stuck = await outbox.stuck(connection, now)
        seen = (await compare(database, memory, loaded, now=now)).seen
    return _Status(
        applied,
        in_force.network,
        seen,
        looked_at,
        may_send,
        rows,
        oldest,
        failures,
        stuck,
        in_force.held(now),
    )


def _lines(found: _Status) -> Iterator[tuple[str, str]]:
    from scheduler.store.outbox import UNSENT

    network, applied = found.network, found.applied
    yield (
        "In force",
        f"since {_at(applied.applied_at, network)}, by {applied.applied_by} ({applied.hash[:12]})",
    )
    yield "Files", str(found.seen)
    yield "Last look", _at(found.looked_at, network)
    waiting = sum(number for (_, state), number in found.rows.items() if state in UNSENT)
    since = f", the oldest due since {_at(found.oldest_due, network)}" if found.oldest_due else ""
    yield "Waiting", f"{counted(waiting, 'mail')}{since}"
    by_state = Counter[str]()
    for (_, state), number in found.rows.items():
        by_state[state] += number
    for state in ("sent", "missed", "withdrawn", "failed"):
        yield state.capitalize(), f"{by_state[state]:,}"


def _problems(found: _Status, now: datetime) -> Iterator[str]:
    """What waits for a person."""
    from scheduler.service.proposals import Standing
    from scheduler.store.installation import HELD

    if found.seen.standing is Standing.BROKEN:
        yield f"{found.seen}; see all with: scheduler check"
    elif found.seen.standing is not Standing.SAME:
        yield str(found.seen)
    if not found.may_send:
        yield HELD
    if now - found.looked_at > _QUIET_AFTER and found.may_send:
        yield "nobody has looked at what is due lately: is `scheduler serve` running?"
    for name in found.held:
        yield f"held: {name} vanished from the files; cancel it with status: cancelled, or put it back"
    for said, number in found.stuck.most_common(5):
        yield f"{counted(number, 'mail')} overdue; the mail server said: {said or 'nothing yet'}"
    for reason, number in found.failures.most_common(5):
        yield f"{counted(number, 'mail')} failed: {reason}"


def _at(instant: datetime, network: Network) -> str:
    """Gives "Sunday 22 November 2026, 14:05 Hamburg time (CET, UTC+1)"."""
    words = language("en")
    return f"{words.span(instant, None, network.zone)} {words.home_clock(instant, network)}"
