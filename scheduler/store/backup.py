"""Copies of a database, and the way back. A copy is born held: it is made without the row that lets it send.

SQLite: one file, made by the library's own backup, safe while a service writes. PostgreSQL: what `pg_dump`
writes and `pg_restore` reads. Both are made under another name and put into their place whole.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile, mkstemp

from alembic.runtime.migration import MigrationContext
from psycopg.conninfo import make_conninfo
from sqlalchemy import Connection, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from scheduler.errors import DatabaseInUse, DatabaseTooNew, DatabaseUnusable, SchedulerError
from scheduler.store import installation, ledger
from scheduler.store.database import Database, open_database
from scheduler.store.lock import alone, sqlite_file
from scheduler.store.migrate import is_known, migrate, scripts

#: What a backup begins with.
_SQLITE, _POSTGRES = b"SQLite format 3\0", b"PGDMP"
#: Tables that every version of this program has.
_OURS = frozenset({"alembic_version", "configurations", "outbox", "state"})
#: What SQLite keeps beside a database: left beside another file, it would spoil that one.
_SIDES = ("-wal", "-shm", "-journal")
#: A line in the table of contents of a dump.
_SAYS_IT_MAY_SEND = re.compile(r" TABLE DATA \S+ installation ")
#: Seconds that we wait for another process on the same file, or for a server to answer.
_PATIENCE = 10
#: So much is repeated of what other programs say.
_MOST_SAID = 400


@dataclass(frozen=True)
class Restored:
    #: of the tables, after bringing them up to this program
    version: str
    #: where the replaced database lies now; None: there was none
    kept: Path | None


async def back_up(url: str, file: Path, *, overwrite: bool = False) -> int:
    """Writes a checked, held copy to `file`, for its owner's eyes only; gives its size in octets.

    Safe while a service runs. Raises SchedulerError where it cannot be done: what was at `file` stays.
    """
    source = existing_file(url)
    _refuse_place(file, source, overwrite)
    if source is None:
        await _refuse_foreign(url)
    with _in_words(f"the backup {file} cannot be written"), _beside(file) as partial:
        if source:
            await asyncio.to_thread(_copy_held, source, partial)
        else:
            await asyncio.to_thread(_dump, url, partial)
        size = partial.stat().st_size
        _put(partial, file)
    return size


async def restore(url: str, file: Path, *, keep_in: Path, now: datetime, by: str) -> Restored:
    """Puts a backup in the place of the database: held, whatever the file said, and with the tables of
    this program. What was there is kept: an SQLite file beside the new one, a dump of PostgreSQL in
    `keep_in`.

    Raises DatabaseInUse while a service runs, SchedulerError where it cannot be done; what was there stays.
    """
    target = sqlite_target(url)
    _refuse_other_kind(file, target)
    if target:
        target = _apart(target, file)
    with _in_words("the backup cannot be put in place"):
        database = open_database(url)
        try:
            if target is None:
                await _tables_of(database)  # a server that is away is said in a sentence here
            async with alone(database, url):
                if target:
                    return await _restore_file(url, target, file, now, by)
                return await _restore_dump(url, database, file, keep_in, now, by)
        finally:
            await database.close()


def existing_file(url: str) -> Path | None:
    """The file of an SQLite database, which is there; None for PostgreSQL. Raises DatabaseUnusable."""
    file = sqlite_target(url)
    if file and not file.is_file():
        raise DatabaseUnusable(f"there is no database {file}; see SCHEDULER_DATABASE_URL and SCHEDULER_DATA")
    return file


def sqlite_target(url: str) -> Path | None:
    """The file of an SQLite database, there or not; None for PostgreSQL. Raises DatabaseUnusable."""
    try:
        backend = make_url(url).get_backend_name()
    except ArgumentError:
        backend = ""  # the address may hold a password
    if backend not in ("sqlite", "postgresql") or (backend == "sqlite" and not sqlite_file(url)):
        raise DatabaseUnusable(
            "SCHEDULER_DATABASE_URL names no database that can be had; write "
            "sqlite:///path/to/file or postgresql://user:password@host/name"
        )
    return sqlite_file(url)


# files


def _refuse_place(file: Path, source: Path | None, overwrite: bool) -> None:
    if file.is_dir():
        raise SchedulerError(f"{file} is a folder; name a file in it, such as {file / 'scheduler.backup'}")
    if not file.parent.is_dir():
        raise SchedulerError(f"there is no folder {file.parent}; make it first")
    if not file.exists():
        return
    if source and file.samefile(source):
        raise SchedulerError(f"{file} is the database itself; name another file")
    if not overwrite:
        raise SchedulerError(f"{file} is there already; name another file, or write --overwrite")
    if any(_side(file, end).exists() for end in _SIDES):
        raise SchedulerError(
            f"{file} is a database at work, for {file.name}-wal lies beside it; name another"
        )


def _refuse_other_kind(file: Path, target: Path | None) -> None:
    try:
        first = _first_octets(file)
    except OSError as error:
        raise SchedulerError(f"the backup {file} cannot be read ({error.strerror})") from None
    names = {True: "an SQLite", False: "a PostgreSQL"}
    is_sqlite = first == _SQLITE
    if not is_sqlite and not first.startswith(_POSTGRES):
        raise DatabaseUnusable(f"{file} is no backup of this program; nothing was changed")
    if is_sqlite is not bool(target):
        raise DatabaseUnusable(
            f"{file} is a backup of {names[is_sqlite]} database, but SCHEDULER_DATABASE_URL names "
            f"{names[bool(target)]} one; nothing was changed"
        )


def _apart(target: Path, file: Path) -> Path:
    """The target itself, behind all links: what is put in its place must not replace a link."""
    if target.exists() and target.samefile(file):
        raise SchedulerError(f"{file} is the database itself; nothing was changed")
    return target.resolve()


def _first_octets(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_SQLITE))


@contextmanager
def _in_words(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SchedulerError(f"{what} ({error.strerror or error}); nothing was changed") from error


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    """A new file in the same folder, readable by its owner only; gone at the end, unless it was moved."""
    handle, name = mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
    finally:
        for path in (partial, *(_side(partial, end) for end in _SIDES)):
            path.unlink(missing_ok=True)


def _put(partial: Path, file: Path) -> None:
    """Gives it its name once it is safe on the disk, in one step."""
    _sync(partial)
    partial.replace(file)
    _sync(file.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _side(file: Path, end: str) -> Path:
    return file.with_name(file.name + end)


# SQLite


def _copy_held(source: Path, partial: Path) -> None:
    with _copying(source, "mode=rw", partial) as copy:
        if "installation" in _tables_in(copy):
            copy.execute("DELETE FROM installation")


@contextmanager
def _copying(source: Path, how: str, partial: Path) -> Iterator[sqlite3.Connection]:
    """The copy, to be changed; checked at the end, and one file without others beside it."""
    try:
        with closing(_connect(source, how)) as original, closing(_connect(partial, "mode=rw")) as copy:
            _refuse_foreign_tables(source, original)
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            copy.execute("PRAGMA synchronous=OFF")  # the whole file is written through before it counts
            yield copy
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{source} cannot be copied ({error}); nothing was changed") from error
    if found != "ok":
        said = " ".join(str(found).split())[:_MOST_SAID]
        raise DatabaseUnusable(f"{source} is damaged ({said}); nothing was changed")


def _connect(file: Path, how: str) -> sqlite3.Connection:
    address = f"{file.resolve().as_uri()}?{how}"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)


def _refuse_foreign_tables(file: Path, connection: sqlite3.Connection) -> None:
    if not _tables_in(connection) >= _OURS:
        why = "it has none of our tables, as a copy made by hand without its -wal has none"
        raise DatabaseUnusable(f"{file} is no database of this program ({why}); nothing was changed")


def _tables_in(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))


async def _restore_file(url: str, target: Path, file: Path, now: datetime, by: str) -> Restored:
    """The copy is held and has all tables before it gets the name that a service opens."""
    with _beside(target) as staged:
        await asyncio.to_thread(_copy_back, file, staged)
        opened = open_database(make_url(url).set(database=str(staged)).render_as_string(hide_password=False))
        try:
            version = await _bring_up(opened, file, now, by)
        finally:
            await opened.close()
        return Restored(version, await asyncio.to_thread(_swap, staged, target, now))


def _copy_back(file: Path, staged: Path) -> None:
    # nobody has it open without a -wal: then nothing is locked or made in its folder, which may be read-only
    how = "mode=ro" if _side(file, "-wal").exists() else "mode=ro&immutable=1"
    with _copying(file, how, staged):
        pass


async def _bring_up(opened: Database, file: Path, now: datetime, by: str) -> str:
    """All tables of this program, and held; gives their version."""
    try:
        version = await migrate(opened)
    except DatabaseTooNew:
        said = f"{file} was written by a newer program than this one; install that version or newer"
        raise DatabaseTooNew(f"{said}; nothing was changed") from None
    async with opened.write() as connection:
        await installation.hold(connection)
        await ledger.note(connection, now, by, "restore", file.name[:200])
        await ledger.raise_generation(connection)
    return version


def _swap(staged: Path, target: Path, now: datetime) -> Path | None:
    """At no moment is there no database: a service would begin a new one, and invite everybody again."""
    for end in _SIDES:
        if _side(staged, end).exists():
            raise DatabaseUnusable(f"{staged.name}{end} did not end; nothing was changed")
    kept = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise SchedulerError(f"{kept} is there already; wait a second, and do it again")
    there = target if target.exists() else target.parent
    _give_to_owner_of(there, staged)
    _close_books(target)
    for end in _SIDES:
        if _side(target, end).exists():
            _side(target, end).rename(_side(kept, end))
    if target.exists():
        _give_second_name(target, kept)
    _put(staged, target)
    return kept if kept.exists() else None


def _close_books(target: Path) -> None:
    """Writes what lies in -wal into the database, and removes what is beside it.

    A damaged one is left as it is. Raises DatabaseInUse when any other program has it open.
    """
    if not target.exists() or _first_octets(target) != _SQLITE:
        return  # opened, it would lose its -wal
    try:
        with closing(_connect(target, "mode=rw")) as connection:
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest says why it is busy
        mode = "wal" if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) else "damaged"
    if mode == "wal":
        raise DatabaseInUse(f"another program has {target} open; end it first. Nothing was changed")


def _give_to_owner_of(there: Path, staged: Path) -> None:
    """Root may restore what another user serves."""
    found = there.stat()
    with suppress(PermissionError):
        os.chown(staged, found.st_uid, found.st_gid)
    if there.is_file():
        staged.chmod(found.st_mode & 0o777)


def _give_second_name(target: Path, kept: Path) -> None:
    try:
        os.link(target, kept)
    except OSError:  # a file system without links
        target.rename(kept)


# PostgreSQL


async def _refuse_foreign(url: str) -> None:
    database = open_database(url)
    try:
        tables, _ = await _tables_of(database)
    finally:
        await database.close()
    if not tables >= _OURS:
        raise DatabaseUnusable("the database has none of our tables yet; there is nothing to back up")


async def _tables_of(database: Database) -> tuple[frozenset[str], str | None]:
    """Their names, and the version of ours. Raises DatabaseAway."""

    def look(connection: Connection) -> tuple[frozenset[str], str | None]:
        tables = frozenset(inspect(connection).get_table_names())
        return tables, MigrationContext.configure(connection).get_current_revision()

    async with database.read() as connection:
        return await connection.run_sync(look)


def _dump(url: str, partial: Path) -> None:
    """Without the data of `installation`: what any pg_restore makes of it is held, too."""
    options = ("--format=custom", "--no-owner", "--no-privileges", "--exclude-table-data=installation")
    _run("pg_dump", *options, f"--file={partial}", url=url)
    if not _contents(partial) >= _OURS:
        raise DatabaseUnusable("pg_dump left out our tables; is this user their owner?")


def _contents(file: Path) -> frozenset[str]:
    """The tables in a dump."""
    return frozenset(re.findall(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ", _listed(file), re.MULTILINE))


def _listed(file: Path) -> str:
    return _run("pg_restore", "--list", str(file))


async def _restore_dump(
    url: str, database: Database, file: Path, keep_in: Path, now: datetime, by: str
) -> Restored:
    inside, version = await asyncio.to_thread(_contents, file), await asyncio.to_thread(_version_in, file)
    if not inside >= _OURS:
        raise DatabaseUnusable(f"{file} is no backup of this program; nothing was changed")
    if not is_known(scripts(), version):
        said = f"{file} was written by a newer program than this one; install that version or newer"
        raise DatabaseTooNew(f"{said}; nothing was changed")
    there, version_there = await _tables_of(database)
    more = sorted(there - inside)
    if more and version_there != version:
        # pg_restore replaces what it knows; these would stay in the way of the next migration
        raise DatabaseUnusable(
            f"the database has tables that {file} does not have ({', '.join(more)}); make an empty database, "
            "name it in SCHEDULER_DATABASE_URL and restore into that. Nothing was changed"
        )
    kept = None
    if there >= _OURS:
        kept = keep_in / f"before-restore-{now:%Y%m%dT%H%M%SZ}.dump"
        await asyncio.to_thread(keep_in.mkdir, parents=True, exist_ok=True)
        await back_up(url, kept)
    await asyncio.to_thread(_load, url, file)
    return Restored(await _bring_up(database, file, now, by), kept)


def _version_in(file: Path) -> str:
    said = _run("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
    found = re.search(r"^COPY \S+ \(version_num\) FROM stdin;\n(\S+)\n", said, re.MULTILINE)
    return found[1] if found else ""


def _load(url: str, file: Path) -> None:
    """Replaces the tables in one transaction. A dump of another making may say that it may send: left out."""
    wanted = [line for line in _listed(file).splitlines() if not _SAYS_IT_MAY_SEND.search(line)]
    bare = ("--no-owner", "--no-privileges")
    whole = ("--clean", "--if-exists", "--single-transaction", "--exit-on-error")
    with NamedTemporaryFile("w", encoding="utf-8") as chosen:
        chosen.write("\n".join(wanted))
        chosen.flush()
        _run("pg_restore", *bare, *whole, f"--use-list={chosen.name}", str(file), url=url)


def _run(program: str, *words: str, url: str = "") -> str:
    """What it says on standard output. The password goes by the environment, where others cannot read it."""
    found = shutil.which(program)
    if not found:
        said = f"{program} is not installed here; install the client programs of PostgreSQL"
        raise SchedulerError(f"{said} (postgresql-client), of the server's version")
    where, environment = _whereabouts(url) if url else ([], dict(os.environ))
    done = subprocess.run(  # noqa: S603 - no shell, and no word of it comes from outside but names of files
        [found, *where, *words],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**environment, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        bare = re.sub(rf"{program}: (error: |detail: |hint: )?", "", done.stderr)
        said = " ".join(bare.split())[:_MOST_SAID]
        raise SchedulerError(f"{program} gave up ({said}); nothing was changed")
    return done.stdout


def _whereabouts(url: str) -> tuple[list[str], dict[str, str]]:
    """The same words that our own connections use, without what is secret."""
    parsed = make_url(url).set(drivername="postgresql+psycopg")
    words = parsed.get_dialect()().create_connect_args(parsed)[1]
    if "sslpassword" in words:
        raise DatabaseUnusable("sslpassword cannot be handed on in secret; use a key file without a password")
    password = words.pop("password", None)
    environment = {**os.environ, "PGCONNECT_TIMEOUT": str(_PATIENCE)}
    if password:
        environment["PGPASSWORD"] = str(password)
    return [f"--dbname={make_conninfo('', **words)}", "--no-password"], environment
