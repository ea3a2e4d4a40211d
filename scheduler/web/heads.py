"""Requests with an end: uvicorn's httptools takes a head without limit of size or time, and waits for ever
for a client that does not read. One client would stop the whole event loop, or fill its memory, and with it
the mails (H01, H12)."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

#: Octets of a head; browsers and calendar programs send one or two thousand.
MOST = 32 * 1024
#: Octets that are parsed at once: a head is measured in such pieces, whatever else comes with it.
_PIECE = 4 * 1024
#: Seconds until a head that was begun, or a new connection that says nothing, must be complete.
PATIENCE = 10.0
#: Seconds for which a client may read nothing of what it asked for.
READING_PATIENCE = 60.0
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\ncache-control: no-store\r\n\r\n"
)


class LimitedHeads(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose head is too large or too slow, or that does not
    read; and answers who has only ended its own half."""

    _octets = 0
    _deadline: asyncio.TimerHandle | None = None
    _reading_deadline: asyncio.TimerHandle | None = None
    _has_said_all = False
    #: whose answer is being made; `cycle` is the newest, and between them is the pipeline
    _running: RequestResponseCycle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        self._forget_reading()
        for cycle in self._unfinished():  # or they would fail when they write
            cycle.disconnected = True
            cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if self.transport.is_closing():
                return
            self._take(data[start : start + _PIECE])

    def eof_received(self) -> bool:  # type: ignore[override] # None there, which closes at once
        """True while an answer is to come: a client may end its half when it has asked (RFC 9112, 9.6)."""
        self._has_said_all = True
        return self._owes_an_answer()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._has_said_all and not self._owes_an_answer():
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._forget_reading()
        self._await_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _take(self, piece: bytes) -> None:
        super().data_received(piece)
        if self._deadline is None:  # no head is open
            return
        self._octets += len(piece)
        if self._octets > MOST and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _unfinished(self) -> list[RequestResponseCycle]:
        """Whose answers are not written yet; uvicorn itself knows the newest only."""
        cycles = (self._running, self.cycle, *(cycle for cycle, _ in self.pipeline))
        return [cycle for cycle in cycles if cycle is not None and not cycle.response_complete]

    def _owes_an_answer(self) -> bool:
        """To who has said all of a request."""
        return any(not cycle.more_body for cycle in self._unfinished())

    def _await_head(self) -> None:
        self._octets = 0
        self._deadline = self.loop.call_later(PATIENCE, self._give_up)

    def _head_ended(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        if not self.transport.is_closing():
            self.transport.close()

    def _await_reading(self) -> None:
        waits = self.transport.get_write_buffer_size()
        self._reading_deadline = self.loop.call_later(READING_PATIENCE, self._look_again, waits)

    def _forget_reading(self) -> None:
        if self._reading_deadline is not None:
            self._reading_deadline.cancel()
            self._reading_deadline = None

    def _look_again(self, waited: int) -> None:
        """A slow line is no fault; nothing at all is. waited: octets that were to be written then."""
        if self.transport.get_write_buffer_size() < waited:
            self._await_reading()
        else:
            self.transport.abort()
