"""`python -m bench.swelling [MAILS]`: megabytes that a blast takes, beside the same service at rest.

The idle service has all its members and contacts in memory: that is what is in force, and no list of mails.
Each size has a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import uvloop

from bench.blast import a_blast, invitations, relay, sqlite
from bench.sink import a_sink

SIZES = (10_000, 100_000)
IN_FLIGHT = 200
MOST_MEGABYTES = 60
#: From the small size to the large one.
MOST_GROWTH = 15
_EVERY_SECONDS = 0.02
#: In Linux's count of pages.
_RESIDENT = 1


def measure() -> int:
    """Prints megabytes; gives 1 where they are too many."""
    print(f"{'memory of a blast, SQLite':<37}  idle MB  at most  more")
    more = [_of_its_own(size) for size in SIZES]
    if max(more) > MOST_MEGABYTES or more[-1] - more[0] > MOST_GROWTH:
        print(f"over {MOST_MEGABYTES} MB, or over {MOST_GROWTH} MB from the one to the other")
        return 1
    return 0


def _of_its_own(mails: int) -> float:
    command = [sys.executable, "-m", "bench.swelling", str(mails)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    idle, most = map(float, found.stdout.split())
    print(f"  {f'{mails:,} mails':<35}  {idle:7.0f}  {most:7.0f}  {most - idle:4.0f}", flush=True)
    return most - idle


async def _play(mails: int) -> tuple[float, float]:
    with a_sink("PIPELINING") as sink, sqlite() as url:
        async with a_blast(url, invitations(mails), relay(sink.port), IN_FLIGHT) as blast:
            gc.collect()
            idle = _megabytes()
            with _Peak() as peak:
                await blast.fan_out()
                await blast.deliver()
            return idle, peak.megabytes


class _Peak(Thread):
    """The most that this process has while it lasts."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.megabytes = 0.0
        self._is_over = Event()

    def run(self) -> None:
        while not self._is_over.wait(_EVERY_SECONDS):
            self.megabytes = max(self.megabytes, _megabytes())

    def __enter__(self) -> _Peak:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self.join()


def _megabytes() -> float:
    """Resident, on Linux."""
    pages = int(Path("/proc/self/statm").read_text().split()[_RESIDENT])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024**2


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(*runner.run(_play(int(sys.argv[1]))))
