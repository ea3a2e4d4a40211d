"""Requests take turns with the rest of the service: in one round of the event loop only a few are answered,
on real connections, under uvloop and under asyncio's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import pytest
import uvicorn
import uvloop

from scheduler.web.heads import PIECE
from scheduler.web.limits import Limits
from scheduler.web.turns import InTurn, Turns
from tests.web.test_app import Line, request

LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
#: Pieces and requests; two of each in a round.
MOST = 4
_OK = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}


class Watched(Turns):
    """Writes down how much was done in each round; rounds are what the loop itself counts."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop(), MOST)
        self.round = 0
        self.spent: list[int] = []
        self.is_watching = True
        self._count_rounds()

    def _count_rounds(self) -> None:
        self.round += 1
        if self.is_watching:
            asyncio.get_running_loop().call_soon(self._count_rounds)

    def spend(self) -> None:
        self.spent.append(self.round)
        super().spend()


class Served:
    """An app that says OK, and the paths it was asked for, in order."""

    def __init__(self) -> None:
        self.turns = Watched()
        self.paths: list[str] = []
        self.open: set[InTurn] = set()
        self.port = 0
        self.lines: list[Line] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.paths.append(scope["path"])
        while (await receive()).get("more_body"):
            pass
        await send(_OK)
        await send({"type": "http.response.body", "body": b"ok"})

    async def called(self, number: int) -> list[Line]:
        """So many connections to it."""
        found = [Line(*await asyncio.open_connection("127.0.0.1", self.port)) for _ in range(number)]
        self.lines += found
        return found


@asynccontextmanager
async def serving(limits: Limits | None = None) -> AsyncIterator[Served]:
    served = Served()
    config = uvicorn.Config(served, lifespan="off", log_config=None, ws="none", timeout_keep_alive=60)
    config.load()
    state = uvicorn.server.ServerState()
    served.open = state.connections  # type: ignore[assignment]
    make = partial(
        InTurn,
        config=config,
        server_state=state,
        app_state={},
        limits=limits or Limits(),
        turns=served.turns,
    )
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for line in served.lines:
            line.writer.close()
            with suppress(ConnectionError):
                await line.writer.wait_closed()
        served.turns.is_watching = False


def played(loop: Callable[[], asyncio.AbstractEventLoop], play: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(play, 10))


def most_in_a_round(spent: list[int]) -> int:
    return max(map(spent.count, set(spent)))


async def one_that_waits(served: Served, asks: bytes) -> tuple[Line, InTurn]:
    """It asks when the turns of this round are over, so this ends before it has its own."""
    (line,) = await served.called(1)
    while not served.open:  # noqa: ASYNC110 - a few rounds of the loop
        await asyncio.sleep(0)
    (one,) = served.open
    for _ in range(MOST):
        served.turns.spend()
    one.data_received(asks)
    return line, one


class Waiter:
    """Says in a list of all that it had its turn, and may fail then."""

    def __init__(self, name: str, had: list[str], turns: Turns, fails: bool = False) -> None:
        self.name, self.had, self.turns, self.fails = name, had, turns, fails

    def go_on(self) -> None:
        self.had.append(self.name)
        self.turns.spend()
        if self.fails:
            raise ValueError(self.name)


@LOOPS
def test_in_a_round_a_few_are_answered(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def play() -> None:
        async with serving() as served:
            asking = await served.called(30)
            for line in asking:
                line.say(request("/"))

            assert [(await line.hear())[0] for line in asking] == [200] * 30

            assert len(served.turns.spent) == 60
            assert most_in_a_round(served.turns.spent) == MOST

    played(loop, play())


@LOOPS
def test_a_large_form_waits_with_others_and_comes_whole(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Its pieces take turns too; who ended his half meanwhile is answered all the same."""

    async def play() -> None:
        async with serving() as served:
            large, *others = await served.called(9)
            large.say(request("/form", "Content-Length: 60000", method="POST") + b"x" * 60_000)
            large.writer.write_eof()
            for line in others:
                line.say(request("/"))

            assert [(await line.hear())[0] for line in (large, *others)] == [200] * 9

            assert len(served.turns.spent) >= 60_000 // PIECE
            assert most_in_a_round(served.turns.spent) <= MOST + 1  # the last piece may begin a request

    played(loop, play())


@LOOPS
def test_many_requests_of_one_line_wait_for_their_turns(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """Behind the first piece, which cannot be parsed in parts."""
    asks = b"".join(request(f"/{number}") for number in range(300))

    async def play() -> None:
        async with serving() as served:
            (line,) = await served.called(1)
            line.say(asks)

            assert [(await line.hear())[0] for _ in range(300)] == [200] * 300

            assert served.paths == [f"/{number}" for number in range(300)]
            assert most_in_a_round(served.turns.spent) < 300 / (len(asks) / PIECE) + MOST

    played(loop, play())


async def test_turns_go_by_who_came_first() -> None:
    had: list[str] = []
    turns = Turns(asyncio.get_running_loop(), 2)
    waiters = [Waiter(name, had, turns) for name in "abcde"]
    turns.spend()
    turns.spend()
    for one in waiters:
        turns.wait(one)

    turns.leave(waiters[1])
    for _ in range(3):
        await asyncio.sleep(0)

    assert had == ["a", "c", "d", "e"]


async def test_one_that_fails_takes_no_turn_of_others() -> None:
    had: list[str] = []
    failed: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failed.append(str(context["exception"])))
    turns = Turns(loop, 2)
    turns.spend()
    turns.spend()
    for name in "abc":
        turns.wait(Waiter(name, had, turns, fails=name == "a"))

    for _ in range(3):
        await asyncio.sleep(0)

    assert (had, failed) == (["a", "b", "c"], ["a"])


async def test_what_came_in_time_is_not_cut_off_while_it_waits() -> None:
    async with serving() as served:
        line, one = await one_that_waits(served, request("/"))

        one.look(asyncio.get_running_loop().time() + 9.0)  # it was let in 9 s ago
        one.look(asyncio.get_running_loop().time() + 11.0)

        assert one.waits is None
        assert (await line.hear())[0] == 200


async def test_what_came_too_late_has_an_end_though_it_waits() -> None:
    """Or who trickles while many ask would stay for ever."""
    async with serving(Limits(patience=0.0)) as served:
        line, one = await one_that_waits(served, b"G")

        one.look(asyncio.get_running_loop().time())

        assert await line.reader.read() == b""
        assert served.paths == []


async def test_who_goes_away_while_it_waits_is_forgotten() -> None:
    async with serving() as served:
        _, one = await one_that_waits(served, request("/"))

        one.transport.abort()
        (other,) = await served.called(1)
        other.say(request("/other"))
        await other.hear()

        assert served.paths in (["/other"], ["/", "/other"])  # it may have had its turn before


async def test_who_waits_when_the_server_stops_is_answered_first() -> None:
    async with serving() as served:
        line, one = await one_that_waits(served, request("/"))

        one.shutdown()

        assert (await line.hear())[0] == 200
        assert await line.reader.read() == b""
