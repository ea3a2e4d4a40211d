"""uvicorn with uvloop and httptools, inside our own event loop and under our own signals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from scheduler.errors import SchedulerError

#: Seconds that requests may take to end after a stop.
_GRACE = 3


class _Server(uvicorn.Server):
    """Whoever started the service hears its signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serves while it is open; gives the address, with the port that was chosen for 0.

    Raises SchedulerError where the address cannot be used.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        lifespan="off",
        http="httptools",
        ws="none",
        access_log=False,  # paths hold the secret addresses of feeds
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=_GRACE,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        address = listener.getsockname()
        yield f"http://{f'[{address[0]}]' if ':' in address[0] else address[0]}:{address[1]}"
    finally:
        server.should_exit = True
        await asyncio.wait([task])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        what = f"{host}:{port} cannot be listened on ({error.strerror})"
        raise SchedulerError(f"{what}; set SCHEDULER_LISTEN to a free address") from None
    listener.setblocking(False)
    return listener
