"""A one-hour reminder while 5,000 others are written to and 1,000 subscribers ask for feeds: how late it is.

The whole service as a process, on SQLite, as staff and subscribers meet it. How late a mail is says the
database: it marks it after the mail server has taken it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
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
#: So long before that moment the others are invited: their mails are on their way then.
_BEFORE = timedelta(seconds=8)
#: And so long before it all subscribers come at once, each with its requests.
_CROWD_BEFORE = timedelta(seconds=1)
#: What the service needs to start and to invite those who are reminded.
_START = timedelta(seconds=40)
_PATIENCE = 180
#: So many cities are of another region, and no other region is invited to the talk.
_FEW = """
audiences:
  A few:
    regions:
      - africa
"""


def measure() -> int:
    """Prints how late reminders were; gives 1 where that is too late."""
    raise_descriptors()
    with (
        TemporaryDirectory() as folder,
        a_sink("PIPELINING") as sink,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        late, still = runner.run(_play(Path(folder), sink))
    number = f"{CONNECTIONS:,} subscribers, {still:,} other mails still to be sent"
    print(f"{REMINDED} reminders at their moment ({number}): the last is {late:.2f} s late")
    return int(late > MOST_SECONDS)


async def _play(folder: Path, sink: Sink) -> tuple[float, int]:
    """Seconds by which the last reminder was late, and mails of the blast that were not sent before it."""
    house = _furnished(folder, sink)
    moment = (datetime.now(UTC) + _START + timedelta(minutes=1)).replace(second=0, microsecond=0)
    house.write_session(moment + timedelta(hours=1))
    talks = house.config / "series" / "talks.yaml"
    talks.write_text(talks.read_text().replace("audience: World", "audience: A few"))
    async with house.serving() as service:
        outbox = _Outbox(folder / "var" / "scheduler.sqlite")
        await outbox.until("kind = 'invitation' AND state = 'sent'", REMINDED)
        await _sleep_until(moment - _BEFORE)
        _invite_everybody(house, moment)
        await _sleep_until(moment - _CROWD_BEFORE)
        asking = asyncio.create_task(crowd(service.address))
        await outbox.until("kind = 'reminder' AND state = 'sent'", REMINDED)
        await asking
        return outbox.latest(), outbox.sent_after_reminders()


def _furnished(folder: Path, sink: Sink) -> House:
    house = House(folder, {"SCHEDULER_MAIL_URL": f"smtp://{HOST}:{sink.port}"}).furnish(BLAST)
    house.edit("network.yaml", "\naudiences:\n", _FEW)
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
    (house.config / "series" / "more.yaml").write_text(talks.read_text().replace("id: talks", "id: more"))
    talks.write_text(kept)


async def _sleep_until(instant: datetime) -> None:
    await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


@dataclass
class _Outbox:
    """What the service has written down."""

    file: Path

    async def until(self, which: str, number: int) -> None:
        end = time.monotonic() + _PATIENCE
        while self._ask(f"SELECT count(*) FROM outbox WHERE {which}") < number:  # noqa: S608 - our own words
            if time.monotonic() > end:
                raise SystemExit(f"not all mails came so far: {which}")
            await asyncio.sleep(0.2)

    def latest(self) -> float:
        seconds = "(julianday(sent_at) - julianday(due_at)) * 86400"
        return self._ask(f"SELECT max({seconds}) FROM outbox WHERE kind = 'reminder'")  # noqa: S608 - as above

    def sent_after_reminders(self) -> int:
        last = "SELECT max(sent_at) FROM outbox WHERE kind = 'reminder'"
        later = f"state <> 'sent' OR sent_at > ({last})"
        query = f"SELECT count(*) FROM outbox WHERE kind <> 'reminder' AND ({later})"  # noqa: S608 - as above
        return int(self._ask(query))

    def _ask(self, query: str) -> float:
        with closing(sqlite3.connect(self.file, timeout=10)) as connection:
            return float(connection.execute(query).fetchone()[0] or 0)


if __name__ == "__main__":
    raise SystemExit(measure())
