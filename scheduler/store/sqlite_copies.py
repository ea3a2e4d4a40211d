"""Copies of an SQLite database, made by the library's own backup while others write, and put in its place."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from scheduler.errors import DatabaseInUse, DatabaseUnusable, SchedulerError
from scheduler.store.tables import OURS
from scheduler.store.whole_files import SIDES, SQLITE, first_octets, put, side

#: Seconds that we wait for another process on the same file.
_PATIENCE = 10
#: So much is repeated of what SQLite says.
_MOST_SAID = 400


def copy_held(source: Path, partial: Path) -> None:
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


def copy_back(file: Path, staged: Path) -> None:
    # nobody has it open without a -wal: then nothing is locked or made in its folder, which may be read-only
    how = "mode=ro" if side(file, "-wal").exists() else "mode=ro&immutable=1"
    with _copying(file, how, staged):
        pass


def _connect(file: Path, how: str) -> sqlite3.Connection:
    address = f"{file.resolve().as_uri()}?{how}"
    return sqlite3.connect(address, uri=True, timeout=_PATIENCE, isolation_level=None)


def _refuse_foreign_tables(file: Path, connection: sqlite3.Connection) -> None:
    if not _tables_in(connection) >= OURS:
        why = "it has none of our tables, as a copy made by hand without its -wal has none"
        raise DatabaseUnusable(f"{file} is no database of this program ({why}); nothing was changed")


def _tables_in(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(name for (name,) in connection.execute("SELECT name FROM sqlite_master"))


def swap(staged: Path, target: Path, now: datetime) -> Path | None:
    """At no moment is there no database: a service would begin a new one, and invite everybody again."""
    for end in SIDES:
        if side(staged, end).exists():
            raise DatabaseUnusable(f"{staged.name}{end} did not end; nothing was changed")
    kept = target.with_name(f"{target.name}.before-restore-{now:%Y%m%dT%H%M%SZ}")
    if kept.exists():
        raise SchedulerError(f"{kept} is there already; wait a second, and do it again")
    there = target if target.exists() else target.parent
    _give_to_owner_of(there, staged)
    _close_books(target)
    for end in SIDES:
        if side(target, end).exists():
            side(target, end).rename(side(kept, end))
    if target.exists():
        _give_second_name(target, kept)
    put(staged, target)
    return kept if kept.exists() else None


def _close_books(target: Path) -> None:
    """Writes what lies in -wal into the database, and removes what is beside it.

    A damaged one is left as it is. Raises DatabaseInUse when any other program has it open.
    """
    if not target.exists() or first_octets(target) != SQLITE:
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
