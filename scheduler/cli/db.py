"""`scheduler db`: the database behind SCHEDULER_DATABASE_URL."""

from __future__ import annotations

import asyncio

import typer

from scheduler.cli.common import out
from scheduler.settings import read_settings

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """Look after the database."""


@app.command("upgrade")
def upgrade() -> None:
    """Bring the database to the tables of this program; a newer one is refused."""
    out.print(f"OK: the database is at version {asyncio.run(_upgrade())}")


async def _upgrade() -> str:
    # loaded here, so that commands without a database answer at once
    from scheduler.store.database import open_database
    from scheduler.store.migrate import migrate

    database = open_database(read_settings().database_url.get_secret_value())
    try:
        return await migrate(database)
    finally:
        await database.close()
