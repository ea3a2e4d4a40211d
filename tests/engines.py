"""Engines for all tests of a worker, so that each statement is compiled once and not once a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Dialect, make_url

from scheduler.store.database import Database, open_database


@dataclass(eq=False)
class Engines:
    """Those of one kind of database. Connections are opened by each test anew, and closed at its end."""

    database: Database
    #: where the next connection goes
    url: URL

    @classmethod
    def of(cls, url: str) -> Engines:
        engines = cls(open_database(url, durable=False), make_url(url))
        for engine in {engines.database.writer, engines.database.reader}:
            event.listen(engine.sync_engine, "do_connect", engines._lead)
        return engines

    def _lead(self, dialect: Dialect, _record: object, words: list[Any], settings: dict[str, Any]) -> None:
        there, how = dialect.create_connect_args(self.url)
        words[:] = there
        settings.update(how)

    def led_to(self, url: URL) -> Database:
        self.url = url
        file = Path(str(url.database)) if url.get_backend_name() == "sqlite" else None
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        return replace(self.database, file=file)


#: Those that no test has in hand just now.
_idle: list[Engines] = []


@asynccontextmanager
async def opened(url: str | Path) -> AsyncIterator[Database]:
    """A database, or an SQLite file, until the end of the block.

    It does not wait for the disk, like that of a rehearsal; processes that tests start do.
    """
    address = make_url(f"sqlite:///{url}" if isinstance(url, Path) else url)
    engines = next((one for one in _idle if one.url.drivername == address.drivername), None)
    if engines:
        _idle.remove(engines)
    else:
        engines = Engines.of(address.render_as_string(hide_password=False))
    try:
        yield engines.led_to(address)
    finally:
        await engines.database.close()
        _idle.append(engines)
