"""The octets of one connection to a mail server: commands out, replies in.

aiosmtplib opens the connection, upgrades it and logs in. Its protocol keeps one reply at a time and throws
away what comes before somebody asks for the next, so it cannot be used where commands are sent in one go
(RFC 2920). That is why this protocol takes its place on the transport, by asyncio's own door for that. It
also makes no task, no lock and no timer for each command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf
from typing import NamedTuple

#: Octets of a reply; a server that says more without coming to an end is none.
_LONGEST = 32768


class Reply(NamedTuple):
    #: -1: this is no SMTP
    code: int
    text: str


class Wire(asyncio.Protocol):
    """Commands are written at once; each reply is read once, in order, by one reader."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        """Raises ConnectionError where the other side has hung up meanwhile."""
        self.transport = transport
        self._loop = asyncio.get_running_loop()
        self.now = self._loop.time
        self._heard = b""
        #: when the server said anything last, by the loop's clock
        self.heard_at = self.now()
        self._lost = ""
        self._reader: asyncio.Future[Reply] | None = None
        #: of the reply that is waited for
        self._within = self._deadline = inf
        self._goes_on: Callable[[Reply], bool] | None = None
        self._slow_at = inf
        self._say_slow: Callable[[], None] | None = None
        #: one timer for all replies: it looks when it rings how long it is still to wait
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf
        if transport.is_closing():
            raise ConnectionError("Connection lost")
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return not self._lost and not self.transport.is_closing()

    @property
    def is_quiet(self) -> bool:
        """Nothing was said that was not asked for."""
        return not self._heard

    def write(self, octets: bytes) -> None:
        if not self.is_open:
            raise ConnectionError(self._lost or "Connection lost")
        self.transport.write(octets)

    async def reply(
        self,
        within: float,
        slow: float = inf,
        say_slow: Callable[[], None] | None = None,
        goes_on: Callable[[Reply], bool] | None = None,
    ) -> Reply:
        """The next reply, whole; `say_slow` is called once if it is not there after `slow` seconds.

        goes_on: hears each reply as it comes; true where it has said something more, so that the reply to
        that is waited for as long. To wake a task for each step would take longer than the step.

        Raises TimeoutError when it is not whole within so many seconds, however busily the server goes on
        to speak, and ConnectionError when the line breaks.
        """
        found = self._last_reply(goes_on) if self._heard else None
        if found is not None:
            return found
        if self._lost:
            raise ConnectionError(self._lost)
        now = self._loop.time()
        self._within, self._deadline = within, now + within
        self._slow_at, self._say_slow, self._goes_on = now + slow, say_slow, goes_on
        self._wake_at(now + min(within, slow))
        self._reader = self._loop.create_future()
        try:
            return await self._reader
        finally:
            self._reader = None

    def abort(self) -> None:
        """Cuts the line: a mere close would go on handing over what still waits to be written."""
        self._lose("Connection lost")
        self.transport.abort()

    # what the loop calls

    def data_received(self, data: bytes) -> None:
        self._heard += data
        self.heard_at = self.now()
        if self._reader is None or self._reader.done():
            if len(self._heard) > _LONGEST:
                self.abort()
            return
        try:
            found = self._last_reply(self._goes_on)
        except Exception as error:  # of whoever went on
            self._reader.set_exception(error)
            return
        if found is not None:
            self._reader.set_result(found)

    def eof_received(self) -> None:
        self._lose("Connection lost")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose(str(exc) if exc else "Connection lost")

    def _lose(self, why: str) -> None:
        self._lost = self._lost or why or "Connection lost"
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm, self._alarm_at = None, inf
        if self._reader is not None and not self._reader.done():
            self._reader.set_exception(ConnectionError(self._lost))

    def _last_reply(self, goes_on: Callable[[Reply], bool] | None) -> Reply | None:
        """The first one after which nobody goes on; None: it is not there yet."""
        while (found := self._next()) is not None:
            if goes_on is None or not goes_on(found):
                return found
            self._deadline = self._loop.time() + self._within
        return None

    def _next(self) -> Reply | None:
        """Takes the first whole reply away; None: it is not whole yet."""
        heard, begin, said = self._heard, 0, []
        while (end := heard.find(b"\n", begin)) >= 0:
            line, begin = heard[begin:end], end + 1
            code, mark = line[:3], line[3:4]
            if not (code.isdigit() and len(code) == 3) or mark not in (b" ", b"-", b"\r", b""):
                return self._nonsense(line)
            said.append(line[4:].strip())
            if mark != b"-":
                self._heard = heard[begin:]
                return Reply(int(code), b"\n".join(said).decode("utf-8", "surrogateescape"))
        return self._nonsense(heard) if len(heard) > _LONGEST else None

    def _nonsense(self, octets: bytes) -> Reply:
        self._heard = b""
        return Reply(-1, octets[:1000].decode("utf-8", "replace"))

    def _wake_at(self, instant: float) -> None:
        if instant >= self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = self._loop.call_at(instant, self._ring), instant

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, inf
        if self._reader is None or self._reader.done():
            return
        now = self._loop.time()
        if now >= self._deadline:
            self._reader.set_exception(TimeoutError())
            return
        if now >= self._slow_at:
            self._slow_at = inf
            if self._say_slow is not None:
                self._say_slow()
        self._wake_at(min(self._deadline, self._slow_at))
