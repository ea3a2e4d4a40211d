"""Mails a second on their whole way: fan-out of one slot, claim, write, hand over, mark.

The reference is aiosmtplib's `sendmail`, sending ready octets over as many connections to the same sink in
the same run, before and after. Beside the rates stands the work of the processor for each mail, which other
work on the machine changes less.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvloop

from bench import handing_over
from bench.blast import CONNECTIONS, DATABASES, Spent, a_blast, invitations
from bench.sink import Sink, a_sink
from scheduler.model.network import Configuration

MAILS = 20_000
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
    fan_out: Spent
    delivery: Spent

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


def measure() -> int:
    """Prints rates and ratios; gives 1 where they are not what they should be."""
    what = f"{MAILS:,} invitations over {CONNECTIONS} connections"
    print(f"{what:<42} fan-out  mails/s  aiosmtplib  ratio    µs each       ms at a stretch")
    configuration = invitations(MAILS)
    return max([_with_sink(offer, configuration) for offer in ("PIPELINING", "")])


def _with_sink(offer: str, configuration: Configuration) -> int:
    worst = 0
    with a_sink(*offer.split()) as sink:
        for name in DATABASES:
            for in_flight, least in LEAST_RATIO.items():
                rounds = (_round(name, in_flight, sink, configuration) for _ in range(ROUNDS if least else 1))
                rates = max(rounds, key=lambda found: found.ratio)
                _say(f"{name}, {offer or 'step by step'}, {in_flight} in flight", rates)
                if rates.ratio < least:
                    print(f"  under {least} of the library's rate")
                    worst = 1
    return worst


def _say(what: str, rates: Rates) -> None:
    works = f"{rates.our_work:.0f} and {rates.their_work:.0f}"
    stretches = f"{rates.delivery.stretch * 1000:.1f} (p99), {rates.delivery.longest_stretch * 1000:.1f}"
    line = f"{rates.fan_out.seconds:6.2f}s  {rates.ours:7,.0f}  {rates.theirs:10,.0f}  {rates.ratio:5.2f}"
    print(f"  {what:<40} {line}  {works:>11}  {stretches:>20}", flush=True)


def _round(name: str, in_flight: int, sink: Sink, configuration: Configuration) -> Rates:
    reference = _Reference(sink)
    with (
        reference.around(),
        DATABASES[name]() as url,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        fan_out, delivery = runner.run(_play(url, configuration, sink, in_flight))
        if sink.count() != MAILS:
            raise SystemExit("the sink has not got all mails")
    seconds, cpu = (fan_out.seconds + delivery.seconds), (fan_out.cpu + delivery.cpu)
    return Rates(MAILS / seconds, reference.rate, cpu / MAILS * 1e6, reference.work, fan_out, delivery)


async def _play(url: str, configuration: Configuration, sink: Sink, in_flight: int) -> tuple[Spent, Spent]:
    async with a_blast(url, configuration, sink.port, in_flight) as blast:
        return await blast.fan_out(), await blast.deliver()


@dataclass
class _Reference:
    """The library's rate before and after ours; the mean of both."""

    sink: Sink
    rate: float = 0.0
    work: float = 0.0

    @contextmanager
    def around(self) -> Iterator[None]:
        self._measure()
        yield
        self._measure()

    def _measure(self) -> None:
        begin = time.process_time()
        self.rate += handing_over.theirs_rate(self.sink) / 2
        self.work += (time.process_time() - begin) / handing_over.MAILS * 1e6 / 2


if __name__ == "__main__":
    sys.exit(measure())
