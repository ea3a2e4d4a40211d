"""`scheduler apply`: what the files say becomes what is in force."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ConfigOption,
    accepted,
    at_home,
    contents,
    erased_in_files,
    key_if_any,
    opened_database,
    out,
    read_configuration,
    who_decides,
)
from scheduler.configuration.load import Loaded
from scheduler.errors import PlanOutdated
from scheduler.model import times
from scheduler.model.network import Configuration
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.service.proposals import Comparison


def apply(
    plan: Annotated[
        str | None, typer.Option(help="Only if this is still what `scheduler plan` showed: its hash.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
    older_clocks: Annotated[
        bool, typer.Option("--older-clocks", help="Although what is in force has a newer tz database.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Put the files in force: from now on mails and feeds go by them."""
    loaded = read_configuration(config)
    configuration = accepted(loaded)
    said, held = asyncio.run(_apply(loaded, configuration, who_decides(by), plan, older_clocks))
    for problem in erased_in_files(loaded):
        out.print(f"! {problem}")
    for name in held:
        out.print(f"held: {name} vanished from the files; cancel it with status: cancelled, or put it back")
    out.print(f"OK: {said}: {contents(configuration)}")


async def _apply(
    loaded: Loaded, configuration: Configuration, by: str, plan: str | None, older_clocks: bool
) -> tuple[str, list[str]]:
    """What is to be said of it, and what vanished and is held."""
    from scheduler.service.apply import put_in_force
    from scheduler.service.bootstrap import key_file
    from scheduler.service.in_force import Memory
    from scheduler.service.proposals import compare
    from scheduler.store import configurations
    from scheduler.store.lock import refuse_if_gone
    from scheduler.store.migrate import migrate

    now, settings = datetime.now(UTC), read_settings()
    key = key_if_any(settings)
    put = partial(put_in_force, now=now, by=by, older_clocks=older_clocks, key=key)
    refuse_if_gone(settings.database_url.get_secret_value(), key_file(settings))
    async with opened_database() as database:
        await migrate(database)
        compared = await compare(database, Memory(), loaded, now=now, key=key)
        if compared.proposal is None:
            async with database.read() as connection:
                known = await configurations.latest(connection)
            if known and known.tzdata != (release := times.tzdata_version()):
                held = await put(database, configuration, replaces=known.hash)
                return f"in force now, computed with tz database {release}", held
            since = at_home(known.applied_at, configuration.network) if known else ""
            by_whom = known.applied_by if known else ""
            return f"in force already, since {since}, by {by_whom}; nothing was changed", []
        _check_plan(compared, plan)
        held = await put(database, compared.proposal, replaces=compared.replaces)
    return "in force now", held


def _check_plan(compared: Comparison, plan: str | None) -> None:
    """What a person saw in the plan, or nothing."""
    if plan is not None and plan != compared.plan:
        raise PlanOutdated(f"{PlanOutdated.__doc__} Look at the new plan, {compared.plan}: scheduler plan")
