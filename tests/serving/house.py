"""An installation in a folder: its files, its environment, and `scheduler serve` as a process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.cast import CONFIG

#: All waits that a test need not wait for.
IMPATIENT = {
    "SCHEDULER_TICK_SECONDS": "1",
    "SCHEDULER_LEASE_SECONDS": "3",
    "SCHEDULER_BREAKER_SECONDS": "0.1",
    "SCHEDULER_QUIET_SECONDS": "0.1",
    "SCHEDULER_RETRY_MINUTES": "0.01",
    "SCHEDULER_DRAIN_SECONDS": "10",
}
#: Seconds after which a test gives up.
PATIENCE = 60
_COMMAND = (sys.executable, "-m", "scheduler")
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

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def furnish(self, members: int) -> House:
        """The words of the real network, with so many invented cities on Hamburg's clock."""
        self.config.mkdir(parents=True)
        for name in ("network.yaml", "countries.csv", "notices.yaml"):
            shutil.copy(CONFIG / name, self.config / name)
        self.edit("network.yaml", "apply: confirm", "apply: auto")
        self.edit("network.yaml", "settle_minutes: 10", "settle_minutes: 0")
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
        assert old in text
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
        process = await asyncio.create_subprocess_exec(
            *_COMMAND,
            *arguments,
            env=self.whole_environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE):
            printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """A command that is still running; what it logs can be read."""
        return await asyncio.create_subprocess_exec(
            *_COMMAND, *arguments, env=self.whole_environment, stderr=asyncio.subprocess.PIPE
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Serving]:
        """`scheduler serve`, ready; killed at the end if it still runs."""
        process = await self.start("serve")
        serving = Serving(process)
        reader = asyncio.create_task(serving.read())
        try:
            await serving.line("ready")
            yield serving
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            await reader


async def until(claim: Callable[[], bool]) -> None:
    """Looks again and again, for things that ring no bell."""
    async with asyncio.timeout(20):
        while not claim():  # noqa: ASYNC110 - a folder, a flag: nothing that could set an event
            await asyncio.sleep(0.01)


@dataclass
class Serving:
    """A running service, and what it logged."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            async with self._news:
                self.lines.append(json.loads(line))
                self._news.notify_all()
        async with self._news:
            self.lines.append({"action": "end"})
            self._news.notify_all()

    async def line(self, action: str, **wanted: object) -> dict[str, Any]:
        """The first line with this action and these values, when it comes."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if {"action": action, **wanted}.items() <= line.items()]

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: found() or self.lines[-1:] == [{"action": "end"}])
        assert found(), f"it ended without {action}: {self.lines[-5:]}"
        return found()[0]

    @property
    def address(self) -> str:
        return next(str(line["address"]) for line in self.lines if line.get("action") == "ready")

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; gives the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()
