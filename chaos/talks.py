"""The occasion that most rows are played on: one talk, hours away, and what each city must get for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chaos import outbox, staff
from chaos.auditor import ALWAYS, Notice, Span, audit
from chaos.house import House, address
from chaos.mail_server import MailServer
from chaos.trial import Trial, until
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind

ANNOUNCED = ("talks", "announcement")
INVITED = ("first.talks", "invitation")
#: So far away that its reminder is not due while a row is played.
_AHEAD = timedelta(hours=5)


def prepare(house: House) -> House:
    """A talk in five hours: each city is owed an announcement and an invitation, both at once."""
    house.write_session(datetime.now(UTC) + _AHEAD)
    return house


async def invite(house: House, addresses: Mapping[str, str] | None = None) -> House:
    """The same talk, in force already; each city is owed an invitation and nothing else.

    addresses: contacts that have another one than the files say.
    """
    configuration = only_invitations(staff.configuration_of(prepare(house)))
    await staff.decide(house, staff.with_addresses(configuration, addresses or {}))
    return house


def only_invitations(configuration: Configuration) -> Configuration:
    series = tuple(staff.with_rules(series, Kind.INVITATION) for series in configuration.series)
    return replace(configuration, series=series)


def owed_invitations(cities: int, *, but: Collection[str] = ()) -> dict[Notice, Span]:
    return {notice: span for notice, span in owed(cities, but=but).items() if notice.rule == "invitation"}


def owed(cities: int, *, but: Collection[str] = ()) -> dict[Notice, Span]:
    """What all cities must get, but these addresses."""
    every = (address(n) for n in range(1, cities + 1))
    return {Notice(to, *what): ALWAYS for to in every if to not in but for what in (ANNOUNCED, INVITED)}


def is_done(house: House, mails: int) -> bool:
    """The outbox holds so many rows, and all are at their end."""
    all_there = outbox.count(house.database_url, "1 = 1") >= mails
    return all_there and outbox.count(house.database_url, outbox.UNSENT) == 0


async def done(house: House, mails: int, seconds: float = 180.0) -> bool:
    """Waits for it; the looks are few, for each is a reader in a busy file."""
    return await until(lambda: is_done(house, mails), seconds, every=0.25)


async def finish(trial: Trial, house: House, mails: int, seconds: float = 180.0) -> None:
    """Serves until everything is at its end, and stops."""
    async with house.serving() as service:
        was_done = await done(house, mails, seconds)
        trial.claim(f"all is done within {seconds:.0f} s", was_done, outbox.states(house.database_url))
        await service.stop()


def judge(
    trial: Trial,
    house: House,
    server: MailServer,
    expected: dict[Notice, Span],
    most_repeated: int,
    of: str = "",
) -> None:
    """The claims that nearly every row makes: nothing missing, nothing else, few repeats, the same words."""
    found = audit(expected, server.journal.taken)
    trial.figure(f"{of}{found}")
    trial.claim(f"{of}nothing missing, unexpected, unstable or misaddressed", found.is_whole, found)
    trial.claim(f"{of}at most {most_repeated} repeated", found.charged <= most_repeated, found.charged)
    whole = outbox.integrity(house.database_url)
    trial.claim(f"{of}the database is whole", whole == "ok", whole)


async def soon(server: MailServer, mails: int, seconds: float = 60.0) -> bool:
    """Waits until the server took so many."""
    return await until(lambda: len(server.journal.taken) >= mails, seconds, every=0.005)
