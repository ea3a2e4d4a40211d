"""A running `scheduler serve`: what it logs, what it answers, and how it is hurt."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

#: Seconds after which nobody waits any more for a line or an end.
PATIENCE = 60


@dataclass
class Serving:
    """A process, and what it logged."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        """Until it ends. What is no line of our log, a traceback of the interpreter say, is kept as it is."""
        assert self.process.stderr  # noqa: S101 - as asked for
        async for line in self.process.stderr:
            async with self._news:
                self.lines.append(_read(line))
                self._news.notify_all()
        async with self._news:
            self.lines.append({"action": "end"})
            self._news.notify_all()

    async def line(self, action: str, **wanted: object) -> dict[str, Any]:
        """The first line with this action and these values, when it comes."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if {"action": action, **wanted}.items() <= line.items()]

        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: found() or self.has_ended)
        if not found():
            raise AssertionError(f"it ended without {action}: {self.lines[-5:]}")
        return found()[0]

    @property
    def has_ended(self) -> bool:
        return self.lines[-1:] == [{"action": "end"}]

    @property
    def address(self) -> str:
        return next(str(line["address"]) for line in self.lines if line.get("action") == "ready")

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        self.send(signal.SIGKILL)

    def send(self, number: int) -> None:
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and waits for the end; gives the exit code."""
        self.send(number)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    async def get(self, path: str) -> Answer:
        """What it answers over HTTP, and how long that took."""
        host, _, port = self.address.removeprefix("http://").partition(":")
        begin = monotonic()
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
            octets = await reader.read()
            writer.close()
        head, _, body = octets.partition(b"\r\n\r\n")
        return Answer(int(head.split(b" ")[1]), body.decode("utf-8", "replace"), monotonic() - begin)

    async def metric(self, name: str) -> float:
        """The sum of all samples of this name in /metrics."""
        text = (await self.get("/metrics")).body
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, found))


@dataclass(frozen=True)
class Answer:
    status: int
    body: str
    seconds: float


def _read(line: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError:
        return {"action": "unreadable", "said": line.decode("utf-8", "replace")}
    return found
