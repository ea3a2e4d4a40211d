"""Lets connections in, no more than there is room for: the event loop's own server takes all that come, and
stops for good, without a word, where a file cannot be opened for one (H01)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Collection, Mapping
from heapq import nsmallest

from scheduler import logs
from scheduler.web.heads import LimitedRequests, Waits
from scheduler.web.limits import Limits

#: Connections that are let in before anything else has its turn.
_AT_ONCE = 64
#: Of the connections there is room for, one in so many is closed at once where it is needed.
_SHARE = 16
#: Seconds for which a connection keeps its place whoever comes.
_SPARED = {
    Waits.FOR_THE_REST: 0.02,
    Waits.FOR_THE_NEXT: 0.1,
    Waits.FOR_READING: 1.0,
    Waits.FOR_THE_FIRST: 2.0,
}
#: ... and if nobody else can leave: who crowds in and says nothing keeps others out no longer than that.
_SPARED_AT_NEED = {**_SPARED, Waits.FOR_THE_FIRST: 0.4}
#: Seconds for which nobody is let in where nothing can be closed; who comes waits outside.
_REST = 0.02
#: Seconds between two lines of the log that say so.
_SILENCE = 60.0

_log = logs.get("http")


class Door:
    """While it is open, who comes is let in and who has had its time is sent away."""

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], LimitedRequests],
        connections: Collection[LimitedRequests],
        limits: Limits,
        room: int,
    ) -> None:
        """connections: those that are open, as the protocols keep it. room: how many there may be."""
        self._listener, self._make, self._connections = listener, make, connections
        self._limits, self._room = limits, room
        self._loop = asyncio.get_running_loop()
        self._entering: set[asyncio.Task[None]] = set()
        self._next_look: asyncio.TimerHandle | None = None
        self._next_try: asyncio.TimerHandle | None = None
        self._said_at = -_SILENCE

    def open(self) -> None:
        self._loop.add_reader(self._listener, self._let_in)
        self._look()

    async def close(self) -> None:
        """Nobody is let in any more; those inside are left to whoever serves them."""
        self._loop.remove_reader(self._listener)
        for timer in (self._next_look, self._next_try):
            if timer is not None:
                timer.cancel()
        self._listener.close()
        await asyncio.gather(*self._entering)

    def _let_in(self) -> None:
        room = self._room - len(self._connections) - len(self._entering)
        if room <= 0:
            self._make_room()
        for _ in range(min(room, _AT_ONCE)):
            try:
                come, _ = self._listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no descriptor or no memory is left, for us or for the whole machine
                self._make_room()
                self._rest()
                return
            task = self._loop.create_task(self._enter(come))
            self._entering.add(task)
            task.add_done_callback(self._entering.discard)

    async def _enter(self, come: socket.socket) -> None:
        try:
            come.setblocking(False)
            await self._loop.connect_accepted_socket(self._make, come)
        except OSError:  # it has gone already
            come.close()

    def _make_room(self) -> None:
        """Closes those that have waited longest for their clients, some at once, so that they are not looked
        through for each that comes. Who has just come is spared, or a flood would carry it away before it
        can say what it wants; where nobody can leave, who comes waits."""
        waiting = self._waiting(_SPARED) or self._waiting(_SPARED_AT_NEED)
        for _, _, _, one in nsmallest(max(1, self._room // _SHARE), waiting):
            one.cut("crowded")
        if not waiting:
            self._rest()
        self._say()

    def _waiting(self, spared: Mapping[Waits, float]) -> list[tuple[Waits, float, int, LimitedRequests]]:
        """Who may be sent away; the numbers make them differ, for protocols have no order."""
        now = self._loop.time()
        return [
            (*waits, id(one), one)
            for one in self._connections
            if (waits := one.waits) is not None and now - waits[1] >= spared[waits[0]]
        ]

    def _rest(self) -> None:
        if self._next_try is None:
            self._loop.remove_reader(self._listener)
            self._next_try = self._loop.call_later(_REST, self._try_again)

    def _try_again(self) -> None:
        self._next_try = None
        self._loop.add_reader(self._listener, self._let_in)

    def _say(self) -> None:
        now = self._loop.time()
        if now - self._said_at >= _SILENCE:
            self._said_at = now
            said = "more connections than there is room for; those that wait longest are closed"
            _log.warning(said, action="crowded", room=self._room)

    def _look(self) -> None:
        self._next_look = self._loop.call_later(self._limits.look, self._look)
        now = self._loop.time()
        for one in list(self._connections):
            one.look(now)
