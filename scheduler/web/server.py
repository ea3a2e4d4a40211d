"""uvicorn with uvloop and httptools, inside our own event loop and under our own signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import cast

import uvicorn
from starlette.types import ASGIApp

from scheduler.errors import SchedulerError
from scheduler.web.at_once import AtOnce
from scheduler.web.door import Door
from scheduler.web.limits import Limits, descriptors
from scheduler.web.turns import Turns

#: Seconds that requests may take to end after a stop.
_GRACE = 3


class _Server(uvicorn.Server):
    """Whoever started the service hears its signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class Listening:
    #: with the port that was chosen for 0
    address: str
    #: ends before its time only where uvicorn fails
    task: asyncio.Task[None]


@asynccontextmanager
async def serving(
    app: ASGIApp, host: str, port: int, limits: Limits | None = None
) -> AsyncIterator[Listening]:
    """Serves while it is open. Raises SchedulerError where the address cannot be used."""
    limits = limits or Limits()
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        lifespan="off",
        http=AtOnce,
        ws="none",
        access_log=False,  # paths hold the secret addresses of feeds
        log_config=None,
        log_level="error",  # what strangers send is counted, and no line of ours
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=limits.idle,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    door = _door(server, listener, limits)
    task = asyncio.create_task(server.serve(sockets=[]), name="http")  # who comes, comes through the door
    try:
        while not (server.started or task.done()):  # noqa: ASYNC110 - a few turns of the loop
            await asyncio.sleep(0)  # before it, an answer would have no date
        door.open()
        address = listener.getsockname()
        name = f"[{address[0]}]" if ":" in address[0] else address[0]
        yield Listening(f"http://{name}:{address[1]}", task)
    finally:
        await door.close()
        server.should_exit = True
        await asyncio.wait([task])


def _door(server: _Server, listener: socket.socket, limits: Limits) -> Door:
    state, config = server.server_state, server.config
    turns = Turns(asyncio.get_running_loop())

    def make() -> AtOnce:
        return AtOnce(config=config, server_state=state, app_state={}, limits=limits, turns=turns)

    connections = cast("set[AtOnce]", state.connections)
    return Door(listener, make, connections, limits, limits.room(descriptors()))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(2048)
            stack.pop_all()
    except OSError as error:
        what = f"{host}:{port} cannot be listened on ({error.strerror})"
        raise SchedulerError(f"{what}; set SCHEDULER_LISTEN to a free address") from None
    listener.setblocking(False)
    return listener
