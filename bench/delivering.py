"""Mails a second on their whole way: fan-out of one slot, claim, write, hand over, mark.

The reference is aiosmtplib's `sendmail`, sending the same mails, written beforehand, over as many connections
to the same sink in the same run, before and after. Beside the rates stands the work of the processor for each
mail, which other work on the machine changes less, and how long the event loop works at a stretch, in a blast
of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import uvloop

from bench import handing_over
from bench.blast import CONNECTIONS, DATABASES, Blast, Spent, a_blast, invitations, ready_mails, relay
from bench.sink import Sink, a_sink
from scheduler.mail.post import Outgoing
from scheduler.model.network import Configuration

T = TypeVar("T")

MAILS = 20_000
#: Of the reference each time.
REFERENCE_MAILS = 4_000
#: At once: the default, and what the README advises to who has many thousand contacts. Each mark waits for
#: the disk, and what is in flight is what a crash repeats, so that is chosen by people.
DEFAULT, MANY = 10, 200
#: Of the library's rate, with that many in flight.
LEAST_RATIO = {DEFAULT: 0.0, MANY: 0.75}
#: Of these the best counts: a machine that does something else besides is no measure.
ROUNDS = 2


@dataclass(frozen=True)
class Rates:
    """Mails a second, and microseconds of the processor for each."""

    ours: float
    theirs: float
    our_work: float
    their_work: float
    #: seconds
    fan_out: float

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def measure() -> int:
    """Prints rates and ratios; gives 1 where they are not what they should be."""
    what = f"{MAILS:,} invitations over {CONNECTIONS} connections"
    print(f"{what:<42} fan-out  mails/s  aiosmtplib  ratio    µs each")
    bench = _Bench(invitations(MAILS), ready_mails(REFERENCE_MAILS))
    worst = max([bench.with_sink(offer) for offer in ("PIPELINING", "")])
    print(f"{'the event loop works at a stretch':<42}  p99 ms  most ms")
    for name in DATABASES:
        bench.stretches(name)
    return worst


@dataclass(frozen=True)
class _Bench:
    configuration: Configuration
    ready: list[Outgoing]

    def with_sink(self, offer: str) -> int:
        worst = 0
        with a_sink(*offer.split()) as sink:
            for name in DATABASES:
                for in_flight, least in LEAST_RATIO.items():
                    rounds = (self._round(name, in_flight, sink) for _ in range(ROUNDS if least else 1))
                    rates = max(rounds, key=lambda found: found.ratio)
                    _say(f"{name}, {offer or 'step by step'}, {in_flight} in flight", rates)
                    if rates.ratio < least:
                        print(f"  under {least} of the library's rate")
                        worst = 1
        return worst

    def _round(self, name: str, in_flight: int, sink: Sink) -> Rates:
        reference = _Reference(sink, self.ready)

        async def whole_way(blast: Blast) -> tuple[Spent, Spent]:
            return await blast.fan_out(), await blast.deliver()

        with reference.around():
            fan_out, delivery = self._play(name, in_flight, sink, whole_way)
        seconds, cpu = fan_out.seconds + delivery.seconds, fan_out.cpu + delivery.cpu
        return Rates(MAILS / seconds, reference.rate, cpu / MAILS * 1e6, reference.work, fan_out.seconds)

    def stretches(self, name: str) -> None:
        async def watched(blast: Blast) -> tuple[float, float]:
            await blast.fan_out()
            return await blast.stretches()

        with a_sink("PIPELINING") as sink:
            of_a_hundred, most = self._play(name, MANY, sink, watched)
        what = f"{name}, {MANY} in flight"
        print(f"  {what:<40}  {of_a_hundred * 1000:6.1f}  {most * 1000:7.1f}", flush=True)

    def _play(self, name: str, in_flight: int, sink: Sink, how: Callable[[Blast], Awaitable[T]]) -> T:
        async def play(url: str) -> T:
            async with a_blast(url, self.configuration, relay(sink.port), in_flight) as blast:
                return await how(blast)

        with DATABASES[name]() as url, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(play(url))
        if sink.count() != MAILS:
            raise SystemExit("the sink has not got all mails")
        return found


def _say(what: str, rates: Rates) -> None:
    works = f"{rates.our_work:.0f} and {rates.their_work:.0f}"
    line = f"{rates.fan_out:6.2f}s  {rates.ours:7,.0f}  {rates.theirs:10,.0f}  {rates.ratio:5.2f}"
    print(f"  {what:<40} {line}  {works:>11}", flush=True)


@dataclass
class _Reference:
    """The library's rate before and after ours; the mean of both."""

    sink: Sink
    ready: list[Outgoing]
    rate: float = 0.0
    work: float = 0.0

    @contextmanager
    def around(self) -> Iterator[None]:
        self._measure()
        yield
        self._measure()

    def _measure(self) -> None:
        begin = time.process_time()
        self.rate += handing_over.theirs_rate(self.sink, self.ready) / 2
        self.work += (time.process_time() - begin) / len(self.ready) * 1e6 / 2


if __name__ == "__main__":
    sys.exit(measure())
