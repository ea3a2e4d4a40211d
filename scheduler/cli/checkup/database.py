"""What lies in the database, and whether it can be relied upon."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli.checkup.files import of_folder
from scheduler.cli.checkup.finding import Finding, Findings, Level, length, minute, unwell
from scheduler.cli.common import links_if_any
from scheduler.errors import DatabaseUnusable, SchedulerError
from scheduler.settings import Settings

if TYPE_CHECKING:
    from scheduler.store.configurations import Applied
    from scheduler.store.feed_addresses import Kept
    from scheduler.store.installation import Claim

#: Clocks that differ by less do no harm.
_ASTRAY = timedelta(minutes=1)
#: A write-ahead log needs memory that is shared with all who have the file open.
_NETWORK_FILES = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")


@dataclass(frozen=True)
class Look:
    """What was seen in a database with the tables of this program."""

    #: "SQLite var/scheduler.sqlite", "PostgreSQL 18.6"
    what: str
    #: what its clock says; None: it has none of its own
    server_now: datetime | None
    settled_until: datetime | None
    applied: Applied | None
    claim: Claim | None
    #: secret addresses that were renewed, added, ended or used
    addresses: tuple[Kept, ...] = ()


def of_database(settings: Settings, now: datetime) -> Findings:
    from scheduler.store.backup import sqlite_target

    url = settings.database_url.get_secret_value()
    try:
        file = sqlite_target(url)
    except DatabaseUnusable as error:
        yield Finding(Level.PROBLEM, "database", str(error))
        return
    if file and not file.exists():
        yield Finding(Level.OK, "database", f"SQLite {file} will be made at the first start")
        yield from unwell(of_folder("database", file.parent))
        return
    if file:
        ills = list(of_file(file))
        yield from ills
        if ills and ills[-1].is_the_end:
            return
    yield from _of_look(settings, file, now)


def _of_look(settings: Settings, file: Path | None, now: datetime) -> Findings:
    try:
        look = asyncio.run(_look(settings.database_url.get_secret_value(), file))
    except SchedulerError as error:
        do = "" if "scheduler db" in str(error) else "see SCHEDULER_DATABASE_URL, and whether the server runs"
        yield Finding(Level.PROBLEM, "database", str(error), do)
        return
    yield Finding(Level.OK, "database", look.what)
    yield from of_force(look)
    yield from of_clocks(look, now)
    yield from of_addresses(look, settings)
    if file is None:
        yield of_pg_dump(look.what)


def of_file(file: Path) -> Findings:
    """An SQLite file, before it is opened the usual way, which would set its mode."""
    if not os.access(file, os.R_OK | os.W_OK):
        what, do = f"{file} cannot be written", "give it to the user that runs the service"
        yield Finding(Level.PROBLEM, "database", what, do, is_the_end=True)
        return
    yield from unwell(of_folder("database", file.parent))
    kind = file_system_of(file.parent, Path("/proc/self/mounts"))
    if kind in _NETWORK_FILES:
        what = f"{file} is on a network file system ({kind}), where SQLite can lose what it wrote"
        yield Finding(Level.PROBLEM, "database", what, "use a local disk, or PostgreSQL")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=5)) as opened:
            mode = opened.execute("PRAGMA journal_mode").fetchone()[0]
    except sqlite3.Error as error:
        what = f"{file} cannot be read ({error})"
        do = "put a backup back: scheduler db restore FILE"
        yield Finding(Level.PROBLEM, "database", what, do, is_the_end=True)
        return
    if mode != "wal":
        what = f"{file} was copied here by hand and not opened since (journal mode {mode}, not wal)"
        do = "put it in place with: scheduler db restore FILE"
        yield Finding(Level.WARNING, "database", what, do, is_the_end=True)


def file_system_of(folder: Path, mounts: Path) -> str:
    """Such as "ext4"; empty where the system does not say."""
    try:
        lines = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    path = folder.resolve()
    kinds = {Path(line[1]): line[2] for line in lines if len(line) > 2}
    return next((kinds[place] for place in (path, *path.parents) if place in kinds), "")


async def _look(url: str, file: Path | None) -> Look:
    from scheduler.store import configurations, feed_addresses, installation, ledger
    from scheduler.store.database import open_database
    from scheduler.store.migrate import check_version

    database = open_database(url)
    try:
        await check_version(database)
        async with database.read() as connection:
            what, server_now = f"SQLite {file}", None
            if file is None:
                asked = await connection.exec_driver_sql("SELECT now() AS at, version() AS what")
                row = asked.mappings().one()
                what, server_now = " ".join(row["what"].split()[:2]), row["at"]
            return Look(
                f"{what}, with the tables of this program",
                server_now,
                await ledger.settled_until(connection),
                await configurations.latest(connection),
                await installation.claimed(connection),
                await feed_addresses.read(connection),
            )
    finally:
        await database.close()


def of_addresses(look: Look, settings: Settings) -> Findings:
    """Secret addresses that were given out, but signed with another key than that of now."""
    from scheduler.service.feed_addresses import void

    links = links_if_any(settings)
    number = len(void(look.addresses, links)) if links else 0
    if number:
        are = "address of a city's calendar is" if number == 1 else "addresses of cities' calendars are"
        what = (
            f"{number:,} {are} void: made with another secret key, and who subscribed sees no change any more"
        )
        do = "put the right key back; or see whom to tell with: scheduler feeds list"
        yield Finding(Level.WARNING, "secret key", what, do)


def of_force(look: Look) -> Findings:
    """What is in force, and whether it sends."""
    from scheduler.configuration import normal

    if look.applied is None:
        yield Finding(
            Level.WARNING, "in force", "no configuration yet", "scheduler apply, or scheduler serve"
        )
        return
    since = (
        f"since {minute(look.applied.applied_at)}, by {look.applied.applied_by} ({look.applied.hash[:12]})"
    )
    yield Finding(Level.OK, "in force", since)
    if look.claim is None:
        what = "held: this database is a copy, and sends nothing"
        yield Finding(Level.WARNING, "sending", what, "scheduler db claim --skip or --resend")
    only_to = normal.from_text(look.applied.content).network.only_to
    if only_to:
        what = f"only to addresses below {', '.join(only_to)}; all others are refused"
        yield Finding(Level.WARNING, "sending", what, "remove only_to in network.yaml when all is ready")
    elif look.claim:
        yield Finding(Level.OK, "sending", f"since {minute(look.claim.claimed_at)}, to all addresses")


def of_clocks(look: Look, now: datetime) -> Findings:
    ahead = look.settled_until - now if look.settled_until else timedelta(0)
    if ahead > _ASTRAY:
        what = f"this clock ({minute(now)}) is {length(ahead)} behind what the database has settled"
        do = "set the clock: until it has caught up, nothing falls due"
        yield Finding(Level.PROBLEM, "clock", what, do)
    apart = abs(look.server_now - now) if look.server_now else timedelta(0)
    if apart > _ASTRAY:
        what = f"this clock and that of the database server are {length(apart)} apart"
        yield Finding(Level.WARNING, "clock", what, "let both follow a time server")


def of_pg_dump(server: str) -> Finding:
    """It must not be older than the server."""
    found = shutil.which("pg_dump")
    if not found:
        do = "install postgresql-client, if backups are made on this machine"
        return Finding(Level.WARNING, "backup", "pg_dump is not installed; scheduler db backup needs it", do)
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    ours, theirs = (re.search(r"(\d+)[.\d]*", words) for words in (said, server))
    if ours and theirs and int(ours[1]) < int(theirs[1]):
        what = f"pg_dump {ours[0]} is older than the server ({theirs[0]}) and will refuse"
        return Finding(Level.WARNING, "backup", what, f"install postgresql-client-{theirs[1]}")
    return Finding(Level.OK, "backup", said.strip() or "pg_dump is there")
