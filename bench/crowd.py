"""Many subscribers at once: 1,000 connections that stay open, 20 requests on each, most conditional."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import uvloop

from bench.serving import PATH, at_work, raise_descriptors

#: Sessions in the feed: so many series of so many.
SERIES, SESSIONS = 20, 10
CONNECTIONS, EACH = 1000, 20
#: Seconds within which 99 of 100 answers come.
MOST_SECONDS = 1.0
LEAST_KNOWN = 0.9


@dataclass
class Seen:
    """What all subscribers together saw."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[len(self.seconds) * 99 // 100]


def measure() -> int:
    """Prints what they saw; gives 1 where it is not what it should be."""
    raise_descriptors()
    with at_work(SERIES, SESSIONS) as place, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        begin = time.perf_counter()
        seen = runner.run(crowd(place.site))
        took = time.perf_counter() - begin
    number = sum(seen.statuses.values())
    known = seen.statuses[304] / number
    broken = sum(times for status, times in seen.statuses.items() if status >= 500)
    print(f"{CONNECTIONS:,} subscribers at once, {number:,} requests for {SERIES * SESSIONS} sessions")
    said = f"{known:.1%} unchanged (304), {broken} answers of 5xx"
    print(f"  {number / took:,.0f} req/s, p99 {seen.p99 * 1000:.0f} ms, {said}")
    return int(seen.p99 > MOST_SECONDS or known < LEAST_KNOWN or broken > 0)


def _each(asked: int) -> bool:
    return asked >= EACH


async def crowd(site: str, enough: Callable[[int], bool] = _each) -> Seen:
    """All of them are there before the first one asks; site: its address. enough: whether a subscriber that
    has asked so often asks no more."""
    host, _, port = site.removeprefix("http://").partition(":")
    lines = [await asyncio.open_connection(host, int(port)) for _ in range(CONNECTIONS)]
    seen = Seen()
    await asyncio.gather(*(_subscriber(reader, writer, seen, enough) for reader, writer in lines))
    return seen


async def _subscriber(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: Seen, enough: Callable[[int], bool]
) -> None:
    """Fetches once, then asks without a pause whether anything has changed."""
    asks, tag = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n", ""
    asked = 0
    while not enough(asked):
        asked += 1
        begin = time.perf_counter()
        writer.write(f"{asks}{f'If-None-Match: {tag}' if tag else 'Accept: */*'}\r\n\r\n".encode())
        status, tag = await _answer(reader)
        seen.seconds.append(time.perf_counter() - begin)
        seen.statuses[status] += 1
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and tag; the body is read and forgotten."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    await reader.readexactly(int(headers.get("content-length", 0)))
    return int(lines[0].split(" ")[1]), headers["etag"]
