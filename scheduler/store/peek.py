"""What is in force, read in passing: without engine, migrations, locks, or a word where there is nothing.

For commands that are useful without a database and a little more so with one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from sqlalchemy import make_url, select

from scheduler.errors import SchedulerError
from scheduler.store.lock import sqlite_file
from scheduler.store.tables import clock_changes, configurations

#: Nobody waits longer than this for something that is just good to know.
_SECONDS = 2


def latest_content(url: str) -> str | None:
    """The text of the configuration in force; None where there is none, or nobody who could tell."""
    return _look(url, str(select(configurations.c.content).order_by(configurations.c.id.desc())))


def waiting_clocks(url: str) -> str | None:
    """The release of the tz database whose changes wait for a person; None where nothing does."""
    waits = select(clock_changes.c.tzdata_now).where(clock_changes.c.decision.is_(None))
    return _look(url, str(waits.order_by(clock_changes.c.id.desc())))


def _look(url: str, query: str) -> str | None:
    """The first column of the first row."""
    try:
        file = sqlite_file(url)
        return _from_sqlite(file, query) if file else _from_postgresql(url, query)
    except (sqlite3.Error, psycopg.Error, SchedulerError, OSError):
        return None


def _from_sqlite(file: Path, query: str) -> str | None:
    if not file.is_file():
        return None
    # nothing is made beside a file at rest; while somebody writes, what it wrote stands in the -wal file
    at_rest = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
    place = f"{file.resolve().as_uri()}?mode=ro{at_rest}"
    with closing(sqlite3.connect(place, uri=True, timeout=_SECONDS)) as connection:
        return _text(connection.execute(query).fetchone())


def _from_postgresql(url: str, query: str) -> str | None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={_SECONDS}s -c default_transaction_read_only=on"
    with psycopg.connect(plain, connect_timeout=_SECONDS, options=options) as connection:
        return _text(connection.execute(query.encode()).fetchone())


def _text(row: tuple[object, ...] | None) -> str | None:
    return str(row[0]) if row else None
