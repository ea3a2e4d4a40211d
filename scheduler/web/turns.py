"""Requests take turns with the rest of the service: a mail needs some fifty rounds of the event loop, and a
round in which a thousand calendars are answered takes as long as all their answers. In each round a few
are, and who came later waits for the next ones, in order."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from typing import Any, Protocol

from scheduler.web.heads import PIECE, LimitedRequests, Waits

#: What is done for requests in one round of the loop: pieces that are parsed, and requests that begin in
#: them. An ordinary request is one of each, so these are 32, in 2 ms or so.
_MOST = 64


class _Waiting(Protocol):
    def go_on(self) -> None:
        """Does a little of what it waits with, and waits again if more is left."""


class Turns:
    """Who may have a turn in this round of the loop; shared by all connections."""

    def __init__(self, loop: asyncio.AbstractEventLoop, most: int = _MOST) -> None:
        self._loop, self._most = loop, most
        self._left = most
        self._waiting: OrderedDict[_Waiting, None] = OrderedDict()

    @property
    def are_over(self) -> bool:
        """Until the next round; while anybody waits they always are."""
        return self._left <= 0

    def spend(self) -> None:
        # only here is the loop asked for a new round: where few ask, nothing is
        self._left -= 1
        if self._left == 0:
            self._loop.call_soon(self._begin)

    def wait(self, one: _Waiting) -> None:
        """Comes behind all others, once."""
        self._waiting[one] = None

    def leave(self, one: _Waiting) -> None:
        self._waiting.pop(one, None)

    def _begin(self) -> None:
        self._left = self._most
        try:
            while self._waiting and not self.are_over:
                self._waiting.popitem(last=False)[0].go_on()
        finally:  # whatever one of them meets, the others have their turns
            if self._waiting and not self.are_over:
                self._left = 0
                self._loop.call_soon(self._begin)


class InTurn(LimitedRequests):
    """What comes when the turns of a round are over is kept, and no more is read of its client meanwhile."""

    def __init__(self, *args: Any, turns: Turns, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turns = turns
        #: what waits for its turn, and when the last of it came, by the loop's clock
        self._kept: deque[bytes] = deque()
        self._kept_at = 0.0
        #: it is us who stopped reading, and not uvicorn
        self._has_paused = False
        #: what was said while something was kept
        self._ended_meanwhile = self._stopped_meanwhile = False

    # what the loop says

    def data_received(self, data: bytes) -> None:
        if len(data) <= PIECE and not self._turns.are_over:
            self._turns.spend()
            super().data_received(data)
            return
        self._kept.extend(data[start : start + PIECE] for start in range(0, len(data), PIECE))
        self._kept_at = self.loop.time()
        while self._kept and not self._turns.are_over:
            self._take_kept()
        if self._kept:
            self._unset_keepalive_if_required()  # it is not idle
            self._wait()

    def eof_received(self) -> bool:  # type: ignore[override] # as in LimitedRequests
        self._ended_meanwhile = bool(self._kept)
        return self._ended_meanwhile or super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._turns.leave(self)
        self._kept.clear()
        super().connection_lost(exc)

    # what the parser says

    def on_message_begin(self) -> None:
        self._turns.spend()
        super().on_message_begin()

    # what uvicorn says

    def shutdown(self) -> None:
        self._stopped_meanwhile = bool(self._kept)  # which is answered first
        if not self._stopped_meanwhile:
            super().shutdown()

    # what whoever let it in asks

    @property
    def waits(self) -> tuple[Waits, float] | None:
        return None if self._kept else super().waits

    def look(self, now: float) -> None:
        """As ever, but what came in time is not cut off because it waits for us."""
        if not self._kept:
            super().look(now)
            return
        if self._ends_at is not None and self._kept_at >= self._ends_at:
            self._end_waiting()
        self._look_at_reading(now)

    # what the turns say

    def go_on(self) -> None:
        """Takes a piece, and waits again if more is kept."""
        if self._has_paused:  # first, for uvicorn may want to pause after it
            self._has_paused = False
            self.flow.resume_reading()
        try:
            self._take_kept()
        except BaseException:  # as the loop does where a protocol fails
            self.transport.abort()
            raise
        if self._kept:
            self._wait()
        else:
            self._catch_up()

    def _take_kept(self) -> None:
        self._turns.spend()
        super().data_received(self._kept.popleft())

    def _wait(self) -> None:
        if not self.flow.read_paused:
            self._has_paused = True
            self.flow.pause_reading()
        self._turns.wait(self)

    def _catch_up(self) -> None:
        """With what was said meanwhile."""
        if self._ended_meanwhile and not super().eof_received():
            self.transport.close()
        if self._stopped_meanwhile:
            super().shutdown()
