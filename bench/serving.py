"""`python -m bench.serving SERIES SESSIONS`: the real server on made-up sessions and, on ports of their own,
the smallest ASGI apps that return as many octets. Says in a line of JSON where they are; ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass

import uvloop
from starlette.types import Receive, Scope, Send

from bench.furnished import a_desk, made_up
from scheduler.web.server import serving

PATH = "/feeds/all.ics"
_MEMBERS = 400


@dataclass(frozen=True)
class Place:
    """Where everything is."""

    site: str
    #: of the smallest apps: as many octets plain, as many packed, and a 304
    plain: str
    packed: str
    known: str
    #: what the site serves
    etag: str
    octets: int
    packed_octets: int


class Constant:
    """The smallest ASGI app: it knows nothing of what it is asked."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        headers = [(b"content-length", str(len(body)).encode())] if body else []
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._body = {"type": "http.response.body", "body": body}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI is
        await send(self._start)
        await send(self._body)


@contextmanager
def at_work(series: int, sessions: int) -> Iterator[Place]:
    """A process of its own that serves; it ends with the block."""
    command = [sys.executable, "-m", "bench.serving", str(series), str(sessions)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603
        assert process.stdin is not None  # noqa: S101 - as asked for
        assert process.stdout is not None  # noqa: S101 - as asked for
        try:
            yield Place(**json.loads(process.stdout.readline()))
        finally:
            process.stdin.close()


def raise_descriptors() -> None:
    """As many open connections as this process may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def _serve(series: int, sessions: int) -> None:
    raise_descriptors()
    async with _all(series, sessions) as place:
        print(json.dumps(asdict(place)), flush=True)
        await asyncio.to_thread(sys.stdin.read)


@asynccontextmanager
async def _all(series: int, sessions: int) -> AsyncIterator[Place]:
    async with a_desk(made_up(series, sessions, _MEMBERS)) as desk:
        feed = desk.shelf.at_hand(PATH)
        assert feed is not None  # noqa: S101 - it is always there
        assert feed.packed is not None  # noqa: S101 - it is long enough
        plain, packed, known = Constant(200, feed.octets), Constant(200, feed.packed), Constant(304)
        async with (
            serving(desk.site, "127.0.0.1", 0) as site,
            serving(plain, "127.0.0.1", 0) as one,
            serving(packed, "127.0.0.1", 0) as two,
            serving(known, "127.0.0.1", 0) as three,
        ):
            addresses = (site.address, one.address, two.address, three.address)
            sizes = (len(feed.octets), len(feed.packed))
            yield Place(*addresses, feed.etag.decode(), *sizes)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(*map(int, sys.argv[1:])))
