"""What the service itself wrote down, read with the plain drivers: none of its code vouches for it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg

#: Not at the end of their way yet.
UNSENT = "(state IN ('queued', 'sending', 'deferred'))"


def ask(url: str, query: str) -> Sequence[tuple[Any, ...]]:
    """The rows of a query; none while there is no such table yet."""
    if url.startswith("postgresql"):
        with psycopg.connect(url) as connection:
            return connection.execute(query.encode()).fetchall()
    with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as file:
        return file.execute(query).fetchall()


def count(url: str, where: str) -> int:
    """How many rows of the outbox there are of this sort; -1 where it cannot be asked now."""
    try:
        return int(ask(url, f"SELECT count(*) FROM outbox WHERE {where}")[0][0])  # noqa: S608 - our own words
    except (sqlite3.Error, psycopg.Error):
        return -1


def states(url: str) -> dict[str, int]:
    rows = ask(url, "SELECT state, count(*) FROM outbox GROUP BY state")
    return {str(state): int(number) for state, number in rows}


def integrity(url: str) -> str:
    """ "ok" of a whole SQLite file; PostgreSQL looks after itself when it starts."""
    return str(ask(url, "PRAGMA integrity_check")[0][0]) if url.startswith("sqlite") else "ok"
