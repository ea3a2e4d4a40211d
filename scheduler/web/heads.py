"""Requests with an end: uvicorn's httptools takes a request without limit of size or time, and waits for ever
for a client that does not read. One client would stop the whole event loop, or fill its memory, and with it
the mails (H01, H06, H12)."""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import Any

from httptools import HttpParserUpgrade, HttpRequestParser, parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from scheduler.web.limits import Limits

#: Octets that are parsed at once: a request is measured in such pieces, whatever else comes with it.
PIECE = 4 * 1024
_OF_A_REFUSAL = b"content-length: 0\r\nconnection: close\r\ncache-control: no-store\r\n\r\n"
_MALFORMED = b"HTTP/1.1 400 Bad Request\r\n" + _OF_A_REFUSAL
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n" + _OF_A_REFUSAL
_BODY_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\n" + _OF_A_REFUSAL
_HEAD_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n" + _OF_A_REFUSAL


class Waits(IntEnum):
    """What a client has not done yet; who is told first to leave where there is no room."""

    #: it sent a part of a request: a good client sends it whole
    FOR_THE_REST = 0
    #: it was answered, and will come again
    FOR_THE_NEXT = 1
    FOR_READING = 2
    #: it has just come: a far or busy client takes a while to say what it wants
    FOR_THE_FIRST = 3


class _OneProtocol(HttpRequestParser):
    """Goes on behind a request for another protocol: it is answered in this one (RFC 9110, section 7.8). By
    itself it would forget what else came with it, and no answer would follow."""

    def feed_data(self, data: bytes | bytearray | memoryview[int] | array[int]) -> None:
        rest = memoryview(data)
        while rest:
            try:
                super().feed_data(rest)
            except HttpParserUpgrade as asked:
                rest = rest[asked.args[0] :]
            else:
                return


class LimitedRequests(HttpToolsProtocol):
    """uvicorn's protocol, which closes a connection whose request is too large or too slow, or that does not
    read; and answers who has only ended its own half.

    It has no timers of its own: whoever let it in calls `look` again and again.
    """

    def __init__(self, *args: Any, limits: Limits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = _OneProtocol(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        self.limits = limits
        #: of the request that is being read
        self._octets = 0
        #: a request has begun, and its body has not ended
        self._is_open = False
        #: its head has ended
        self._is_in_body = False
        #: by when the client must have done its part, by the loop's clock; None while it is our turn, or
        #: uvicorn's own timer runs between two requests
        self._ends_at: float | None = None
        #: octets that wait for the client to read, and since when there are not fewer
        self._unread: tuple[int, float] | None = None
        self._lingers = False
        self._has_said_all = False
        #: whose answer is being made; `cycle` is the newest, and between them is the pipeline
        self._running: RequestResponseCycle | None = None

    # what the loop says

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._await_client()

    def connection_lost(self, exc: Exception | None) -> None:
        for cycle in self._unfinished():  # or they would fail when they write
            _give_up(cycle)
        self.pipeline.clear()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE):
            if self._lingers or self.transport.is_closing():
                return
            self._take(data[start : start + PIECE])

    def eof_received(self) -> bool:  # type: ignore[override] # None there, which closes at once
        """True while an answer is to come: a client may end its half when it has asked (RFC 9112, 9.6)."""
        self._has_said_all = True
        return self._owes_an_answer()

    # what the parser says

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._octets = 0
        self._is_open, self._is_in_body = True, False

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self._has_body():
            raise ValueError("the parser would take its body for the next request")  # answered as malformed
        if not self.url.startswith(b"/"):
            self._take_host_of_target()
        super().on_headers_complete()
        self._is_in_body = True
        # what follows a body in pieces is no header (RFC 9110, section 6.5.1)
        self.headers = []

    def on_message_complete(self) -> None:
        self._is_open = self._is_in_body = False
        self._ends_at = None
        super().on_message_complete()

    # what uvicorn says

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._has_said_all and not self._owes_an_answer():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words are the same for all
        self._refuse(_MALFORMED, "malformed")

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    # what whoever let it in asks

    @property
    def waits(self) -> tuple[Waits, float] | None:
        """For what of its client this connection waits, and since when, by the loop's clock; None while we
        are at work for it, or it is being closed."""
        if self.transport.is_closing():
            return None
        if self._ends_at is not None:
            for_what = Waits.FOR_THE_REST if self._is_open else Waits.FOR_THE_FIRST
            return for_what, self._ends_at - self.limits.patience
        if self.timeout_keep_alive_task is not None:
            return Waits.FOR_THE_NEXT, self.timeout_keep_alive_task.when() - self.limits.idle
        return (Waits.FOR_READING, self._unread[1]) if self._unread else None

    def look(self, now: float) -> None:
        """Closes it where the client has had its time. now: by the loop's clock."""
        if self._ends_at is not None and now >= self._ends_at:
            if self.flow.read_paused:  # it is us who do not read
                self._await_client()
            else:
                self._end_waiting()
        self._look_at_reading(now)

    def cut(self, why: str) -> None:
        """Closes it now, whatever was still to come."""
        self.count(why)
        self.transport.abort()

    def end(self) -> None:
        """Closes it after its last answer. What the client still says of its request is read for a while: a
        reset would take the answer from it before it is read (RFC 9112, section 9.6)."""
        if not self._is_open or self._has_said_all:
            self.transport.close()
        elif not self._lingers and not self.transport.is_closing():
            self._lingers = True
            self._ends_at = self.loop.time() + self.limits.linger
            self.transport.write_eof()
            self.flow.resume_reading()

    def count(self, why: str) -> None:
        """Called once for each connection that is closed on its client."""

    def _take(self, piece: bytes) -> None:
        super().data_received(piece)
        if not self._is_open:
            # an empty line stops uvicorn's timer, and begins no request
            if self._ends_at is None and self.timeout_keep_alive_task is None and not self._unfinished():
                self._await_client()
            return
        if self._ends_at is None:
            self._await_client()
        self._octets += len(piece)
        if not self._is_in_body:
            if self._octets > self.limits.head:
                self._refuse(_HEAD_TOO_LARGE, "large")
        elif self._octets > self.limits.head + self.limits.body:
            self._refuse(_BODY_TOO_LARGE, "large")
        elif self.cycle.transport is self.transport:
            self.cycle.transport = _Closing(self)  # type: ignore[assignment] # all that it is asked for

    def _has_body(self) -> bool:
        framing = dict(self.headers)
        return b"transfer-encoding" in framing or framing.get(b"content-length", b"0") != b"0"

    def _take_host_of_target(self) -> None:
        """A target that names a host counts for more than the header (RFC 9112, section 3.2.2)."""
        target = parse_url(self.url)
        if target.host:
            name = b"[%b]" % target.host if b":" in target.host else target.host
            self.headers[:] = [pair for pair in self.headers if pair[0] != b"host"]
            self.headers.append((b"host", name))

    def _refuse(self, answer: bytes, why: str) -> None:
        """Says what is wrong with the request that is being read, unless that could be taken for the answer
        to an earlier one, and reads no more."""
        if self._lingers or self.transport.is_closing():
            return
        self.count(why)
        unfinished = self._unfinished()
        is_its_own = self._is_in_body and all(cycle is self.cycle for cycle in unfinished)
        if unfinished and (not is_its_own or self.cycle.response_started):
            self.transport.close()
            return
        if unfinished or not self._is_in_body:
            self.transport.write(answer)
        for cycle in unfinished:
            _give_up(cycle)
        self._is_open = True  # what comes now belongs to it
        self.end()

    def _unfinished(self) -> list[RequestResponseCycle]:
        """Whose answers are not written yet; uvicorn itself knows the newest only."""
        cycles = (self._running, self.cycle, *(cycle for cycle, _ in self.pipeline))
        return [one for one in cycles if one is not None and not (one.response_complete or one.disconnected)]

    def _owes_an_answer(self) -> bool:
        """To who has said all of a request."""
        return any(not cycle.more_body for cycle in self._unfinished())

    def _await_client(self) -> None:
        self._ends_at = self.loop.time() + self.limits.patience

    def _end_waiting(self) -> None:
        if self.transport.is_closing():
            return
        if self._lingers:
            self.transport.abort()
        elif self._is_open:
            self._refuse(_TOO_SLOW, "slow")
        else:
            self.transport.close()

    def _look_at_reading(self, now: float) -> None:
        """A slow line is no fault; nothing at all is. It may have been closed on our side long ago."""
        waits = self.transport.get_write_buffer_size()
        if not waits:
            self._unread = None
        elif self._unread is None or waits < self._unread[0]:
            self._unread = waits, now
        elif now - self._unread[1] >= self.limits.reading:
            self.cut("unread")


class _Closing:
    """The transport of an answer to a request that has not come to its end."""

    def __init__(self, connection: LimitedRequests) -> None:
        self._connection = connection
        self.write = connection.transport.write
        self.is_closing = connection.transport.is_closing

    def close(self) -> None:
        self._connection.end()


def _give_up(cycle: RequestResponseCycle) -> None:
    cycle.disconnected = True
    cycle.message_event.set()
