"""A one-hour reminder while 5,000 others are written to and 1,000 subscribers ask for feeds without a pause:
how late it is.

The whole service as a process, on SQLite, as staff and subscribers meet it. The subscribers are there before
the others are invited, and until all mails have come. How late a mail is says the journal of the mail server.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from bench.crowd import CONNECTIONS, crowd
from bench.serving import raise_descriptors
from bench.sink import HOST, Sink, a_sink
from chaos.house import House

BLAST, REMINDED = 5_000, 100
#: Seconds after its moment at which a reminder is with the mail server.
MOST_SECONDS = 5.0
#: Of the blast at least so many mails leave before the reminders, and as many after them.
LEAST_AROUND = 100
#: So long before that moment the subscribers come, and then the others are invited: their mails are on their
#: way at that moment.
_CROWD_BEFORE, _BLAST_BEFORE = timedelta(seconds=20), timedelta(seconds=10)
#: What the service needs to start and to invite those who are reminded, and the subscribers to come.
_START = timedelta(seconds=40)
_PATIENCE = 180
#: Who is reminded is of another region than all others, and is not told of their session.
_REGIONS = """
audiences:
  A few:
    regions:
      - africa
  The others:
    regions:
      - europe-and-north-america
"""


def measure() -> int:
    """Prints how late reminders were; gives 1 where that is too late, or nothing was going on around them."""
    raise_descriptors()
    with (
        TemporaryDirectory() as folder,
        a_sink("PIPELINING", "XJOURNAL") as sink,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        seen = runner.run(_play(Path(folder), sink))
    before = sum(at < min(seen.reminders) for at in seen.others)
    after = sum(at > max(seen.reminders) for at in seen.others)
    print(f"{REMINDED} reminders at their moment: the last is {seen.late:.2f} s late at the mail server")
    print(f"  {CONNECTIONS:,} subscribers without a pause, {seen.rate:,.0f} requests/s all the while")
    print(
        f"  a blast of {BLAST:,}: {before:,} mails came before the first reminder, {after:,} after the last"
    )
    if min(before, after) < LEAST_AROUND:
        print("  the blast was not on its way then: nothing was measured")
        return 1
    return int(seen.late > MOST_SECONDS)


async def _play(folder: Path, sink: Sink) -> _Seen:
    house = _furnished(folder, sink)
    moment = (datetime.now(UTC) + _START + timedelta(minutes=1)).replace(second=0, microsecond=0)
    house.write_session(moment + timedelta(hours=1))
    talks = house.config / "series" / "talks.yaml"
    talks.write_text(talks.read_text().replace("audience: World", "audience: A few"))
    async with house.serving() as service:
        await _until(sink, lambda seen: len(seen) >= REMINDED)
        await _sleep_until(moment - _CROWD_BEFORE)
        stopped = asyncio.Event()
        asking = asyncio.create_task(crowd(service.address, lambda _: stopped.is_set()))
        begin = time.monotonic()
        await _sleep_until(moment - _BLAST_BEFORE)
        _invite_everybody(house, moment)
        await _until(sink, lambda seen: len(_Seen(moment, seen).reminders) >= REMINDED)
        await _until(sink, lambda seen: len(_Seen(moment, seen).others) >= BLAST)
        stopped.set()
        answers = (await asking).statuses
        rate = answers.total() / (time.monotonic() - begin)
        return _Seen(moment, await asyncio.to_thread(sink.journal), rate)


def _furnished(folder: Path, sink: Sink) -> House:
    house = House(folder, {"SCHEDULER_MAIL_URL": f"smtp://{HOST}:{sink.port}"}).furnish(BLAST)
    house.edit("network.yaml", "\naudiences:\n", _REGIONS)
    members = house.config / "members.csv"
    few = (
        f"town-{n},Town {n},KE,africa,Africa/Nairobi,en,Sat-Sun,2019,contact@town-{n}.example\n"
        for n in range(REMINDED)
    )
    members.write_text(members.read_text() + "".join(few))
    return house


def _invite_everybody(house: House, moment: datetime) -> None:
    """To another session, in some hours."""
    talks = house.config / "series" / "talks.yaml"
    kept = talks.read_text()
    house.write_session(moment + timedelta(hours=5))
    more = (
        talks.read_text().replace("id: talks", "id: more").replace("audience: World", "audience: The others")
    )
    (house.config / "series" / "more.yaml").write_text(more)
    talks.write_text(kept)


async def _sleep_until(instant: datetime) -> None:
    await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


@dataclass(frozen=True)
class _Seen:
    """What the mail server took, as its journal says."""

    moment: datetime
    journal: list[tuple[float, str]]
    #: feed requests that were answered in a second meanwhile
    rate: float = 0.0

    @property
    def reminders(self) -> list[float]:
        """When they came; no other mail to those cities comes so late."""
        return self._taken("@town-")

    @property
    def others(self) -> list[float]:
        return self._taken("@city-")

    @property
    def late(self) -> float:
        """Seconds."""
        return max(self.reminders) - self.moment.timestamp()

    def _taken(self, whose: str) -> list[float]:
        first = (self.moment - _BLAST_BEFORE).timestamp()
        return [at for at, whom in self.journal if whose in whom and at >= first]


async def _until(sink: Sink, holds: Callable[[list[tuple[float, str]]], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds(await asyncio.to_thread(sink.journal)):
        if time.monotonic() > end:
            raise SystemExit("not all mails came so far")
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    raise SystemExit(measure())
