"""`scheduler db`: the database behind SCHEDULER_DATABASE_URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import counted, login_name, opened_database, out, who_decides
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.service.pruning import Pruned
    from scheduler.store.backup import Restored
    from scheduler.store.database import Database
    from scheduler.store.installation import Claim, Taken

app = typer.Typer(add_completion=False, help="Look after the database.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """Look after the database."""


@app.command("upgrade")
def upgrade() -> None:
    """Bring the database to the tables of this program; a newer one is refused."""
    out.print(f"OK: the database is at version {asyncio.run(_upgrade())}")


async def _upgrade() -> str:
    # loaded here, so that commands without a database answer at once
    from scheduler.store.migrate import migrate
    from scheduler.store.progress import forget_if_new

    async with opened_database() as database:
        version = await migrate(database)
        await forget_if_new(database)
        return version


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; its folder must be there.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it is there.")] = False,
) -> None:
    """Write a copy of the database into one file, also while the service runs.

    The file is whole or not there, and readable by its owner only: it holds names and addresses. It is \
born held: a database made of it sends nothing until: scheduler db claim
    """
    settings = read_settings()
    octets = asyncio.run(_back_up(settings, file, overwrite))
    out.print(_about_the_key(settings))
    out.print(f"OK: {file}, {_size(octets)}; put back with: scheduler db restore {file}")


async def _back_up(settings: Settings, file: Path, overwrite: bool) -> int:
    from scheduler.store.backup import back_up

    return await back_up(settings.database_url.get_secret_value(), file, overwrite=overwrite)


def _about_the_key(settings: Settings) -> str:
    from scheduler.service.bootstrap import key_file

    given = settings.secret_key.get_secret_value()
    where = "SCHEDULER_SECRET_KEY" if given else str(key_file(settings))
    return f"The secret key is not in it: keep {where} as well, for every city's feed address hangs on it."


@app.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `scheduler db backup` wrote.")],
) -> None:
    """Put a backup in the place of the database. Stop the service first.

    The database that was there is kept. The new one is held, whatever the file said: it sends nothing \
until: scheduler db claim
    """
    settings, now = read_settings(), datetime.now(UTC)
    done = asyncio.run(_restore(settings, file, now))
    if done.kept:
        out.print(f"The database that was there is kept as {done.kept}")
    out.print("Next: scheduler db claim --skip or --resend (see scheduler db claim --help); scheduler serve")
    out.print(f"OK: {file} is the database now, at version {done.version}; it is held and sends nothing")


async def _restore(settings: Settings, file: Path, now: datetime) -> Restored:
    from scheduler.store.backup import restore

    url = settings.database_url.get_secret_value()
    return await restore(url, file, keep_in=settings.data, now=now, by=login_name())


@app.command("claim")
def claim(
    resend: Annotated[
        bool,
        typer.Option("--resend", help="Send what waits and what fell due since the backup, if still useful."),
    ] = False,
    skip: Annotated[
        bool, typer.Option("--skip", help="Send nothing of what was due until now; begin with what comes.")
    ] = False,
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
) -> None:
    """Let a held copy send from now on, also while the service runs. \
First make sure that no other installation sends from the same data.

    A database is held where it was made of a backup, where an older one was put back by hand, and where it \
lies in another place, is reached at another SCHEDULER_BASE_URL or has another secret key than before: a \
copy made by hand, or the same installation moved. After a move --resend loses nothing and repeats nothing.

    Nothing in a copy tells that it is one where a whole volume or machine was copied, or set back, and all \
is called as before. Hold such a copy before its service starts: scheduler db hold

    --resend sends again what the lost database had sent after the backup: nobody misses anything, some \
mails come twice.

    --skip sends none of it, reminders and invitations alike: who heard nothing of a session hears nothing \
now. An invitation that waited in the backup stays missed until its session changes; one that fell due \
after the backup is made up for with the next change of the configuration, and may come twice then.
    """
    if resend == skip:
        raise typer.BadParameter("write one of the two", param_hint="--resend / --skip")
    settings = read_settings()
    done = asyncio.run(_claim(settings, skip, who_decides(by), datetime.now(UTC)))
    out.print(f"OK: {_said_of(done, skip, settings.base_url)}")


async def _claim(settings: Settings, skip: bool, by: str, now: datetime) -> Taken | Claim:
    from scheduler.service.bootstrap import identity
    from scheduler.store import progress
    from scheduler.store.installation import Taken, claim_copy

    async with _existing_database(settings) as database:
        await progress.hold_if_older(database, by, now)  # where no service has found it yet
        async with database.write() as connection:
            done = await claim_copy(connection, by, now, skip=skip, here=identity(settings))
            if isinstance(done, Taken):
                progress.forget(database)
        with suppress(OSError):  # the service writes it as well, and says so where it cannot
            await progress.keep(database)
        return done


@app.command("hold")
def hold(
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
) -> None:
    """Let this database send nothing until: scheduler db claim. It counts within a second, also while the \
service runs; what is on its way still leaves.

    For a copy that has all the names of the one it was made of, as that of a whole volume or machine: hold \
the copy before its service starts.
    """
    is_news = asyncio.run(_hold(read_settings(), who_decides(by), datetime.now(UTC)))
    said = "this database sends nothing until" if is_news else "this database is held already, until"
    out.print(f"OK: {said}: scheduler db claim")


async def _hold(settings: Settings, by: str, now: datetime) -> bool:
    from scheduler.store.installation import hold_by

    async with _existing_database(settings) as database, database.write() as connection:
        return await hold_by(connection, by, now)


@asynccontextmanager
async def _existing_database(settings: Settings) -> AsyncIterator[Database]:
    """It is there, with the tables of this program."""
    from scheduler.store.backup import existing_file
    from scheduler.store.migrate import check_version

    existing_file(settings.database_url.get_secret_value())
    async with opened_database() as database:
        await check_version(database)
        yield database


@app.command("prune")
def prune(
    by: Annotated[str | None, typer.Option(help="Who decides this (default: the login name).")] = None,
) -> None:
    """Forget now what is over for longer than SCHEDULER_KEEP_DAYS, also while the service runs; it does so \
by itself once a day.

    Mails that ended, and what cities were told and answered, are forgotten so long after their session, \
and never before a year; mails about reports after ten years. The journal stays. An SQLite file does not \
get smaller: the room is used again.
    """
    settings = read_settings()
    done = asyncio.run(_prune(settings, who_decides(by), datetime.now(UTC)))
    out.print(f"OK: forgotten: {done}")


async def _prune(settings: Settings, by: str, now: datetime) -> Pruned:
    from scheduler.service.pruning import prune

    async with _existing_database(settings) as database:
        return await prune(database, settings.keep_days, now, by)


def _said_of(done: Taken | Claim, skip: bool, base_url: str) -> str:
    from scheduler.store.installation import Claim

    if isinstance(done, Claim):
        since = f"since {_minute(done.claimed_at)}, by {done.claimed_by}"
        return f"this database sends already ({since}); nothing was changed"
    waited, since = counted(done.waited, "mail"), _minute(done.settled_until)
    becomes = (
        "that waited and all due since {} are skipped"
        if skip
        else "waited, and all due since {} is looked at"
    )
    return f"this database sends from now on; {waited} {becomes.format(since)}; it belongs to {base_url} now"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _size(octets: int) -> str:
    """Gives "812 kB", "1.4 MB"."""
    return f"{octets / 1_000_000:,.1f} MB" if octets >= 1_000_000 else f"{-(-octets // 1000)} kB"
