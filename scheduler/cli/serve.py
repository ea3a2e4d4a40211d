"""`scheduler serve`: the service itself, started from the database upwards and stopped in reverse order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scheduler import logs
from scheduler.errors import SchedulerError
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.store.database import Database

#: Seconds after which a stop ends, whatever hangs.
_LONGEST_STOP = 28.0
#: How long a thread keeps Python for itself while the event loop wants it; five times as long by itself.
SWITCH_SECONDS = 0.001

_log = logs.get("serve")


def serve() -> None:
    """Run the service: mails leave by themselves, feeds and pages are served, until it is told to stop."""
    # loaded here, so that commands without a service answer at once
    import uvloop

    settings = read_settings()
    logs.configure(settings.log_level)
    # a thread that makes feeds gives way to the event loop sooner than it would by itself
    sys.setswitchinterval(SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from scheduler.service.bootstrap import build_daemon
    from scheduler.service.feed_addresses import Readers, read_addresses
    from scheduler.service.marking import Marking
    from scheduler.web.app import Site
    from scheduler.web.server import serving
    from scheduler.web.shelf import Shelf

    told_to_stop = _signals()
    async with _open_database(settings) as database:
        daemon = build_daemon(settings, database)
        shelf = Shelf(
            daemon.to_show,
            daemon.clock,
            daemon.links,
            lambda in_force: read_addresses(database, in_force.members, daemon.links),
        )
        readers = Readers(database, daemon.clock, daemon.links, daemon.in_force, shelf.used)
        marking = Marking(database, daemon.clock, daemon.engine.fences, settings.tick_seconds)
        beside = {"shelf": shelf.run, "readers": readers.run, "mark": marking.run}
        shown = asyncio.Event()
        async with daemon.running(beside, shown):
            await shelf.refresh()
            gc.freeze()  # what is there now stays; to look through it for garbage would stall the event loop
            site = Site(daemon, shelf, settings.hosts, settings.api_keys)
            async with serving(site, *settings.listen) as http:
                _log.info("ready", action="ready", address=http.address, files=str(settings.config))
                shown.set()
                await _first_of(told_to_stop, http.task)
                _log.info("stopping: mails on their way end, nothing new is begun", action="stop")
                await daemon.drain_mails()  # meanwhile all is served, and who asks hears that it stops
            if not told_to_stop.is_set():
                raise SchedulerError("HTTP ended by itself; the log says why")
        await marking.leave()
    _log.info("stopped", action="stopped")


def _signals() -> asyncio.Event:
    told = asyncio.Event()

    def stop() -> None:
        if told.is_set():  # told twice is told once
            return
        told.set()
        # what hangs, a frozen database say, must not hold up the end: the next start takes it up again
        cut = threading.Timer(_LONGEST_STOP, _cut_off)
        cut.daemon = True
        cut.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    return told


def _cut_off() -> None:
    _log.error("the stop took too long and was cut off", action="cut")
    os._exit(1)


async def _first_of(told_to_stop: asyncio.Event, http: asyncio.Task[None]) -> None:
    told = asyncio.create_task(told_to_stop.wait())
    await asyncio.wait([told, http], return_when=asyncio.FIRST_COMPLETED)
    told.cancel()


@asynccontextmanager
async def _open_database(settings: Settings) -> AsyncIterator[Database]:
    """Ours alone if it is an SQLite file, with the tables of this program, and no claim of the dead."""
    from scheduler.service.apply import know_cases
    from scheduler.service.bootstrap import key_file, kinds_to_hold
    from scheduler.service.marking import hold_if_older
    from scheduler.store import claims
    from scheduler.store.database import open_database
    from scheduler.store.lock import refuse_if_gone, remember_made, serving, sqlite_file
    from scheduler.store.migrate import migrate

    url, to_hold = settings.database_url.get_secret_value(), kinds_to_hold(settings)
    refuse_if_gone(url, key_file(settings))
    database = open_database(url)
    try:
        async with serving(database, url):
            await migrate(database)
            remember_made(url)
            await know_cases(database, datetime.now(UTC))
            await hold_if_older(database, datetime.now(UTC))
            if sqlite_file(url):
                async with database.write() as connection:
                    freed = await claims.reclaim_all(connection, datetime.now(UTC), to_hold)
                if freed:
                    _log.warning("mails of a dead process wait again", action="reclaim", deliveries=freed)
            yield database
    finally:
        await database.close()
