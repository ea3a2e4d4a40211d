"""An installation in a folder: its files, its environment, and `scheduler serve` as a process."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chaos.serving import Serving

CONFIG = Path(__file__).parent.parent / "config"
#: All waits that nobody needs to wait for.
IMPATIENT = {
    "SCHEDULER_TICK_SECONDS": "1",
    "SCHEDULER_LEASE_SECONDS": "3",
    "SCHEDULER_BREAKER_SECONDS": "0.1",
    "SCHEDULER_QUIET_SECONDS": "0.1",
    "SCHEDULER_RETRY_MINUTES": "0.01",
    "SCHEDULER_DRAIN_SECONDS": "10",
}
#: Seconds after which nobody waits any more for a command.
PATIENCE = 60
_COMMAND = ("-m", "scheduler")
_SERIES = """id: talks
title: Talks
audience: World
zone: "+00:00"
announced: {announced}
notices:
  reminders:
    soon:
      to:
        - coordinator
      minutes_before: {minutes}
sessions:
  - id: first
    title: The first talk
    date: {date}
    start: "{start}"
"""
_MEMBERS = "slug,name,country,region,zone,languages,weekend,memberships,coordinator\n"


def address(number: int) -> str:
    """The coordinator of an invented city."""
    return f"contact@city-{number}.example"


@dataclass
class House:
    """One installation. Its network has no quiet time after an edit and applies edits by itself."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    #: what Python runs instead of `-m scheduler`
    command: Sequence[str] = _COMMAND

    @property
    def config(self) -> Path:
        return self.folder / "config"

    @property
    def database_url(self) -> str:
        own = f"sqlite:///{self.folder / 'var' / 'scheduler.sqlite'}"
        return self.environment.get("SCHEDULER_DATABASE_URL", own)

    def furnish(self, members: int) -> House:
        """The words of the real network, with so many invented cities on Hamburg's clock."""
        self.config.mkdir(parents=True)
        for name in ("network.yaml", "countries.csv", "notices.yaml"):
            shutil.copy(CONFIG / name, self.config / name)
        self.edit("network.yaml", "apply: confirm", "apply: auto")
        self.edit("network.yaml", "settle_minutes: 10", "settle_minutes: 0")
        # each city has one contact, and no offices of its country beside it
        self.edit("countries.csv", "learningcities@germany.example,commission@germany.example", ",")
        rows = (
            f"city-{n},City {n},DE,europe-and-north-america,Europe/Berlin,en,Sat-Sun,2019,{address(n)}\n"
            for n in range(1, members + 1)
        )
        (self.config / "members.csv").write_text(_MEMBERS + "".join(rows))
        (self.config / "series").mkdir()
        return self

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.config / file
        text = path.read_text()
        if old not in text:
            raise ValueError(f"{path} does not hold {old!r}")
        path.write_text(text.replace(old, new))

    def write_session(self, starts_at: datetime, minutes_before: int = 60) -> None:
        """A series with one session, told to the cities at once if it is less than a day away."""
        local = starts_at.astimezone(UTC)
        text = _SERIES.format(
            announced=(local - timedelta(days=40)).date(),
            minutes=minutes_before,
            date=local.date(),
            start=f"{local:%H:%M}",
        )
        (self.config / "series" / "talks.yaml").write_text(text)

    @property
    def whole_environment(self) -> dict[str, str]:
        own = {"SCHEDULER_CONFIG": str(self.config), "SCHEDULER_DATA": str(self.folder / "var")}
        return {**os.environ, **IMPATIENT, "SCHEDULER_LISTEN": "127.0.0.1:0", **own, **self.environment}

    async def run(self, *arguments: str) -> tuple[int, str]:
        """A command to its end: exit code, and all it printed."""
        process = await self._begin(
            *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(PATIENCE):
            printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """A command that is still running; what it logs can be read."""
        return await self._begin(*arguments, stderr=asyncio.subprocess.PIPE)

    async def _begin(self, *arguments: str, **streams: Any) -> asyncio.subprocess.Process:
        words = (sys.executable, *self.command, *arguments)
        return await asyncio.create_subprocess_exec(*words, env=self.whole_environment, **streams)

    @asynccontextmanager
    async def launching(self) -> AsyncIterator[Serving]:
        """`scheduler serve` from its first instant on; killed at the end if it still runs."""
        service = Serving(await self.start("serve"))
        reader = asyncio.create_task(service.read())
        try:
            yield service
        finally:
            service.kill()
            await service.process.wait()
            await reader

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Serving]:
        """The same, ready."""
        async with self.launching() as service:
            await service.line("ready")
            yield service
