"""What is ready is written as soon as a request's head is read: no task, no router, no look at each header.

Most requests are of programs that ask whether a calendar has changed, and hold it already. uvicorn spends
more on the headers of such an answer, each checked and joined anew, than on finding it.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from scheduler.web.app import Site
from scheduler.web.turns import InTurn


class AtOnce(InTurn):
    """uvicorn's protocol with a short way for what a site has ready; all else goes the way of ASGI."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._site = self.config.app if isinstance(self.config.app, Site) else None
        #: uvicorn's own headers, which are another list each second, and the lines they make
        self._own: tuple[list[tuple[bytes, bytes]], bytes] = [], b""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._site is None or not self._may_write(cycle):
            super()._start_asgi_task(cycle, app)
            return
        answer = self._site.at_once(cycle.scope)  # type: ignore[arg-type] # a scope by another name
        if answer is None:
            super()._start_asgi_task(cycle, app)
            return
        self.transport.write(answer.head + self._tail())
        if answer.body:
            self.transport.write(answer.body)
        cycle.response_started = cycle.response_complete = True
        cycle.on_response()

    def count(self, why: str) -> None:
        if self._site is not None:
            self._site.meters.cut(why)

    def _may_write(self, cycle: RequestResponseCycle) -> bool:
        """Nobody waits before it, the client reads what it asked for, and the connection stays open."""
        return cycle.keep_alive and not self.pipeline and not self.flow.write_paused

    def _tail(self) -> bytes:
        """The lines that end a head; joined once for each list."""
        headers = self.server_state.default_headers
        if self._own[0] is not headers:
            self._own = headers, b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n"
        return self._own[1]
