"""One database: SQLite in a file, or PostgreSQL. Writers and readers are apart, so that neither waits long.

SQLite: WAL, synchronous=FULL, one connection that writes (every transaction begins IMMEDIATE: one that
reads first and writes later would fail at once when another writer is there) and others that read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    Dialect,
    Integer,
    Result,
    Row,
    Select,
    Table,
    TypeDecorator,
    bindparam,
    cast,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    InterfaceError,
    InternalError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from scheduler.errors import DatabaseAway, DatabaseUnusable
from scheduler.store.tables import Instant
from scheduler.store.unbroken import connect

#: How long a writer waits for another process on the same SQLite file.
_BUSY_SECONDS = 10
#: How long a connection to PostgreSQL may take.
_CONNECT_SECONDS = 5
#: A server whose machine is gone is noticed within half a minute, not within hours.
_KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: Who is frozen in the middle of a transaction lets go of its rows after so long: the others wait for them.
_LONGEST_SILENCE_SECONDS = 3
#: How long a statement may wait for another's row, and how long it may take in all: a fan-out takes seconds.
_LONGEST_WAIT_SECONDS, _LONGEST_STATEMENT_SECONDS = 15, 120
#: SQLSTATE of a write to a server that takes none, such as a standby.
_READ_ONLY = "25006"
#: After so long without use a connection is asked whether it lives.
_RESTED_SECONDS, _USED_AT = 1.0, "used_at"
#: So many rows are taken from the driver in a fraction of a millisecond.
_SOME = 50
#: How long a task waits for one of our own connections.
_POOL_SECONDS = 10
_WRITE_A_URL = "write the database as sqlite:///path/to/file or postgresql://user:password@host/name"


#: What a transaction is written through; who stands outside of this room knows it by this name.
Connection = AsyncConnection


@dataclass(frozen=True)
class Database:
    """The two engines; `close` when done."""

    writer: AsyncEngine
    reader: AsyncEngine
    #: of an SQLite database
    file: Path | None = None

    @property
    def is_shared(self) -> bool:
        """Several services may work on it at once: PostgreSQL."""
        return self.writer.dialect.name != "sqlite"

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed at the end or not at all. Raises DatabaseAway."""
        with _away():
            async with self.writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Raises DatabaseAway."""
        with _away():
            # not rolled back: psycopg forgets at each ROLLBACK what the server has prepared
            async with self.reader.begin() as connection:
                yield connection

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[AsyncConnection]:
        """A connection without transactions, closed at the end and never used again. Raises DatabaseAway."""
        with _away():
            async with self.writer.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    yield connection
                finally:
                    await connection.invalidate()

    async def close(self) -> None:
        await self.reader.dispose()
        if self.writer is not self.reader:
            await self.writer.dispose()


@contextmanager
def _away() -> Iterator[None]:
    """Puts into one word what drivers say when a database is locked, gone, full or read-only."""
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        raise _as_away(error) from error
    except DatabaseError as error:
        if type(error) is not DatabaseError:  # something that we asked is wrong: a constraint, a statement
            raise
        # what SQLite says of a file that is damaged, or none
        raise _as_away(error, "cannot be used") from error


def _as_away(error: Exception, what: str = "does not answer") -> DatabaseAway:
    said = getattr(error, "orig", None) or error
    return DatabaseAway(f"the database {what} ({' '.join(str(said).split())})")


def open_database(url: str, *, durable: bool = True) -> Database:
    """url: sqlite:///path/to/file, or postgresql://user:password@host/name. The file's folder is made.

    durable: False leaves out the wait for the disk; for rehearsals, which can be played again.
    """
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        _make_room(parsed.database)
        parsed = parsed.set(drivername="sqlite+aiosqlite")
        writer = _sqlite(parsed, "BEGIN IMMEDIATE", "query_only=OFF", 1, durable)
        reader = _sqlite(parsed, "BEGIN", "query_only=ON", 4, durable)
        return Database(writer, reader, Path(str(parsed.database)))
    if parsed.get_backend_name() != "postgresql":
        raise DatabaseUnusable(_WRITE_A_URL)
    engine = create_async_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
        connect_args={"connect_timeout": _CONNECT_SECONDS, **_KEEPALIVE},
    )
    event.listen(engine.sync_engine, "connect", _limit)
    _ask_the_rested(engine)
    event.listen(engine.sync_engine, "handle_error", _give_up_read_only)
    return Database(engine, engine)


def _ask_the_rested(engine: AsyncEngine) -> None:
    """A connection that nobody used for a while may be dead. The pool's own `pre_ping` asks at every
    transaction, which takes as long as one of its statements."""
    dialect = engine.dialect

    def put_back(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[_USED_AT] = monotonic()

    def take(connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        if monotonic() - record.info.get(_USED_AT, inf) < _RESTED_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error:
            raise InvalidatePoolError() from None  # the others are no younger

    event.listen(engine.sync_engine, "checkin", put_back)
    event.listen(engine.sync_engine, "checkout", take)


def _give_up_read_only(context: ExceptionContext) -> None:
    """A connection that was made while the server was read-only stays so for ever: it is not kept."""
    if getattr(context.original_exception, "sqlstate", None) == _READ_ONLY:
        context.is_disconnect = True


def _limit(connection: Any, _record: Any) -> None:
    """No replica, frozen or slow, stops the others for long. Set here, for the URL may hold `options` of its
    own, and a pooler between us would refuse ours."""
    limits = {
        "idle_in_transaction_session_timeout": _LONGEST_SILENCE_SECONDS,
        "lock_timeout": _LONGEST_WAIT_SECONDS,
        "statement_timeout": _LONGEST_STATEMENT_SECONDS,
    }
    cursor = connection.cursor()
    for name, seconds in limits.items():
        cursor.execute(f"SET SESSION {name} = '{seconds}s'")
    # a plan that was made while the outbox was small would be kept when it is large
    cursor.execute("SET SESSION plan_cache_mode = 'force_custom_plan'")
    cursor.close()
    connection.commit()


def read_url(url: str) -> URL:
    """Raises DatabaseUnusable, which never quotes the address: it may hold a password."""
    try:
        return make_url(url)
    except ArgumentError:
        raise DatabaseUnusable(_WRITE_A_URL) from None


def _make_room(file: str | None) -> None:
    """The folder, and an empty file for its owner's eyes only: it will hold addresses."""
    if not file or file == ":memory:":
        raise DatabaseUnusable(_WRITE_A_URL)
    try:
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).touch(mode=0o600, exist_ok=True)
    except OSError as error:
        raise DatabaseUnusable(f"the database {file} cannot be opened or made ({error.strerror})") from None


@dataclass(frozen=True)
class Server:
    """What a PostgreSQL server says of itself."""

    #: its clock at this moment
    now: datetime
    #: it takes nothing: a standby, or somebody has told it so
    is_read_only: bool


_ASK_SERVER = select(
    func.clock_timestamp(type_=Instant), func.current_setting("transaction_read_only") == "on"
)


async def ask_server(connection: AsyncConnection) -> Server | None:
    """None of an SQLite file: its time is that of this machine."""
    if connection.dialect.name == "sqlite":
        return None
    now, is_read_only = (await connection.execute(_ASK_SERVER)).one()
    return Server(now, is_read_only)


def _sqlite(url: Any, begin: str, use: str, size: int, durable: bool) -> AsyncEngine:
    synchronous = "FULL" if durable else "OFF"
    engine = create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,  # they hold addresses, and errors are logged
        connect_args={"timeout": _BUSY_SECONDS, "isolation_level": None, "async_creator_fn": connect},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", use):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def some_at_a_time(result: Result[Any]) -> AsyncIterator[Row[Any]]:
    """The rows of many; others have their turns in the event loop meanwhile."""
    for part in result.partitions(_SOME):
        for row in part:
            yield row
        await asyncio.sleep(0)


def insert_into(connection: AsyncConnection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, in the database's own dialect."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> Any:
    """The same for a statement that is put together once."""
    return (sqlite if dialect == "sqlite" else postgresql).insert(table)


def among(ids: Collection[int], connection: AsyncConnection) -> Select[tuple[int]]:
    """The ids as one parameter, whatever their number: SELECT id FROM json_each / unnest."""
    return _each(connection.dialect.name, partial(bindparam, None, list(ids)))


def among_named(name: str, dialect: str) -> Select[tuple[int]]:
    """The same for a statement that is put together once; the list travels under this name."""
    return _each(dialect, partial(bindparam, name))


def _each(dialect: str, parameter: Callable[..., BindParameter[Any]]) -> Select[tuple[int]]:
    if dialect == "sqlite":
        each = func.json_each(parameter(type_=JSON)).table_valued("value")
        return select(cast(each.c.value, Integer))
    return select(func.unnest(parameter(type_=_Numbers(BigInteger))))


class _Numbers(TypeDecorator[list[int]]):
    """An array as PostgreSQL writes it: the driver would put it together element by element, in Python."""

    impl = ARRAY
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[list[int] | None], str]:  # noqa: ARG002
        return _as_array


def _as_array(ids: list[int] | None) -> str:
    return f"{{{','.join(map(str, ids or ()))}}}"
