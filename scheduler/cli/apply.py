"""`scheduler apply`: what the files say becomes what is in force."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ConfigOption,
    accepted,
    contents,
    opened_database,
    out,
    read_configuration,
    who_decides,
)
from scheduler.configuration.load import Loaded
from scheduler.errors import PlanOutdated

if TYPE_CHECKING:
    from scheduler.service.proposals import Comparison


def apply(
    plan: Annotated[
        str | None, typer.Option(help="Only if this is still what `scheduler plan` showed: its hash.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
    config: ConfigOption = None,
) -> None:
    """Put the files in force: from now on mails and feeds go by them."""
    loaded = read_configuration(config)
    configuration = accepted(loaded)
    is_new, held = asyncio.run(_apply(loaded, who_decides(by), plan))
    for name in held:
        out.print(f"held: {name} vanished from the files; cancel it with status: cancelled, or put it back")
    said = "in force now" if is_new else "in force already; nothing was changed"
    out.print(f"OK: {said}: {contents(configuration)}")


async def _apply(loaded: Loaded, by: str, plan: str | None) -> tuple[bool, list[str]]:
    """Whether something was changed, and what vanished and is held."""
    from scheduler.service.apply import put_in_force
    from scheduler.service.in_force import Memory
    from scheduler.service.proposals import compare
    from scheduler.store.migrate import migrate

    now = datetime.now(UTC)
    async with opened_database() as database:
        await migrate(database)
        compared = await compare(database, Memory(), loaded, now=now)
        if compared.proposal is None:
            return False, []
        _check_plan(compared, plan)
        return True, await put_in_force(
            database, compared.proposal, now=now, by=by, replaces=compared.replaces
        )


def _check_plan(compared: Comparison, plan: str | None) -> None:
    """What a person saw in the plan, or nothing."""
    if plan is not None and plan != compared.plan:
        raise PlanOutdated(f"{PlanOutdated.__doc__} Look at the new plan, {compared.plan}: scheduler plan")
