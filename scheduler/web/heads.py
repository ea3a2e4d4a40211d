"""Request heads with an end: uvicorn's httptools takes them without limit of size or time, and one client
that sends a head without end would stop the whole event loop, and with it the mails (H01, H12)."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Octets of a head; browsers and calendar programs send one or two thousand.
MOST = 32 * 1024
#: Seconds until a head that was begun, or a new connection that says nothing, must be complete.
PATIENCE = 10.0
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\ncache-control: no-store\r\n\r\n"
)


class LimitedHeads(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose head is too large or too slow."""

    _octets = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is not None:
            self._octets += len(data)
            if self._octets > MOST:
                self.transport.write(_TOO_LARGE)
                self.transport.close()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

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
