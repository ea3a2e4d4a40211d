"""What is in force, read in passing: without engine, migrations, locks, or a word where there is nothing.

For commands that are useful without a database and a little more so with one.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
from sqlalchemy import make_url, or_, select

from scheduler.errors import SchedulerError
from scheduler.model.cases import Case, State
from scheduler.model.cycles import Duty
from scheduler.store import tables
from scheduler.store.lock import sqlite_file
from scheduler.store.tables import cases, clock_changes, configurations, members

#: Nobody waits longer than this for something that is just good to know.
_SECONDS = 2


def latest_content(url: str) -> str | None:
    """The text of the configuration in force; None where there is none, or nobody who could tell."""
    return _look(url, str(select(configurations.c.content).order_by(configurations.c.id.desc())))


def waiting_clocks(url: str) -> str | None:
    """The release of the tz database whose changes wait for a person; None where nothing does."""
    waits = select(clock_changes.c.tzdata_now).where(clock_changes.c.decision.is_(None))
    return _look(url, str(waits.order_by(clock_changes.c.id.desc())))


def erasures(url: str) -> dict[str, datetime]:
    """Digests of the addresses of people who were erased, and when that was; empty where nobody can tell."""
    rows = _rows(url, str(select(tables.erasures.c.digest, tables.erasures.c.erased_at)))
    return {str(digest): _instant(at) for digest, at in rows}


def decided(url: str) -> list[Case]:
    """The cases of which people decided what bears on the configuration; empty where nobody can tell."""
    columns = (cases.c.cycle, members.c.slug, cases.c.state, cases.c.deadline_at, cases.c.decision)
    query = select(*columns, cases.c.ends_on).join(members, members.c.id == cases.c.member_id)
    is_learnt = or_(cases.c.decision.is_not(None), cases.c.ends_on.is_not(None))
    rows = _rows(url, str(query.where(is_learnt).order_by(cases.c.cycle, members.c.slug)))
    try:
        return [_case(*row) for row in rows]
    except ValueError:
        return []  # written by another version of this program


def _case(
    cycle: object, slug: object, state: object, deadline: object, decision: object, ends_on: object
) -> Case:
    deadline_at = _instant(deadline)
    return Case(
        *(str(cycle), str(slug), State(str(state)), deadline_at, deadline_at, deadline_at),
        decision=Duty(str(decision)) if decision else None,
        ends_on=date.fromisoformat(str(ends_on)) if ends_on else None,
    )


def _instant(at: object) -> datetime:
    """As either kind of database gives it without our own type."""
    found = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _look(url: str, query: str) -> str | None:
    """The first column of the first row."""
    rows = _rows(url, f"{query} LIMIT 1")
    return str(rows[0][0]) if rows else None


def _rows(url: str, query: str) -> list[tuple[object, ...]]:
    """Nothing where nobody can tell."""
    try:
        file = sqlite_file(url)
        return _from_sqlite(file, query) if file else _from_postgresql(url, query)
    except (sqlite3.Error, psycopg.Error, SchedulerError, OSError):
        return []


def _from_sqlite(file: Path, query: str) -> list[tuple[object, ...]]:
    if not file.is_file():
        return []
    # nothing is made beside a file at rest; while somebody writes, what it wrote stands in the -wal file
    at_rest = "" if file.with_name(f"{file.name}-wal").exists() else "&immutable=1"
    place = f"{file.resolve().as_uri()}?mode=ro{at_rest}"
    with closing(sqlite3.connect(place, uri=True, timeout=_SECONDS)) as connection:
        return connection.execute(query).fetchall()


def _from_postgresql(url: str, query: str) -> list[tuple[object, ...]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    options = f"-c statement_timeout={_SECONDS}s -c default_transaction_read_only=on"
    with psycopg.connect(plain, connect_timeout=_SECONDS, options=options) as connection:
        return connection.execute(query.encode()).fetchall()
