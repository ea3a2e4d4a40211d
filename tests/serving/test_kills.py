"""A service that dies, or is told to stop, in the middle of a fan-out of 2,000 mails: 1,000 cities with an
announcement and an invitation each. SQLite and PostgreSQL, over a real mail server (C01, C04)."""

from __future__ import annotations

import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.mail.relay import RecordingRelay, a_relay
from tests.serving.house import House, address

CITIES = 1000
MAILS = 2 * CITIES
IN_FLIGHT = 10


@pytest.fixture(params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    house = House(tmp_path / "house").furnish(CITIES)
    house.write_session(datetime.now(UTC) + timedelta(hours=5))
    if request.param == "postgresql":
        house.environment["SCHEDULER_DATABASE_URL"] = request.getfixturevalue("empty_postgres")
    return house


def times_each(relay: RecordingRelay) -> Counter[tuple[str, str]]:
    """(address, Message-ID) -> how often the mail server took it."""
    mails = [(mail.to, message_from_bytes(mail.octets)["Message-ID"]) for mail in relay.messages]
    return Counter(mails)


async def interrupted_by(number: int, house: House, relay: RecordingRelay) -> int:
    """Serves, is stopped after some 500 mails, serves again to the end; gives the exit code of the first."""
    house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
    async with house.serving() as first:
        await relay.until(lambda: len(relay.messages) > 500)
        code = await first.stop(number)
    assert len(relay.messages) < MAILS
    async with house.serving() as second:
        await relay.until(lambda: len(relay.messages) >= MAILS and len(times_each(relay)) >= MAILS)
        await second.stop()
    return code


async def test_a_kill_misses_nobody(house: House) -> None:
    async with a_relay() as relay:
        await interrupted_by(signal.SIGKILL, house, relay)

        found = times_each(relay)
        assert {to for to, _ in found} == {address(n) for n in range(1, CITIES + 1)}
        assert len(found) == MAILS
        assert found.total() - MAILS <= IN_FLIGHT


async def test_a_stop_repeats_nothing(house: House) -> None:
    async with a_relay() as relay:
        code = await interrupted_by(signal.SIGTERM, house, relay)

        assert code == 0
        assert set(times_each(relay).values()) == {1}
        assert len(times_each(relay)) == MAILS
