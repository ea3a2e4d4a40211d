"""A service that is stopped, and one that dies, in the middle of a fan-out of 2,000 mails: 1,000 cities with
an announcement and an invitation each. SQLite and PostgreSQL, over a real mail server (C01, C04)."""

from __future__ import annotations

import re
import signal
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytest
import pytest_asyncio

from tests.conftest import a_database
from tests.mail.relay import Received, RecordingRelay, a_relay
from tests.serving.house import House, address

pytestmark = pytest.mark.chaos

CITIES = 1000
MAILS = 2 * CITIES
IN_FLIGHT = 20


@dataclass(frozen=True)
class Story:
    """What the mail server took: (address, Message-ID) in order, and how many when each service ended."""

    mails: list[tuple[str, str]]
    octets: dict[str, set[bytes]]
    at_the_stop: int
    at_the_kill: int
    exit_code: int


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgresql"])
async def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Serves, is stopped after some 500 mails, serves, is killed after some 1,200, serves to the end."""
    house = House(tmp_path_factory.mktemp("kills") / "house").furnish(CITIES)
    house.write_session(datetime.now(UTC) + timedelta(hours=5))
    house.environment["SCHEDULER_MAX_IN_FLIGHT"] = str(IN_FLIGHT)
    if request.param == "postgresql":
        house.environment["SCHEDULER_DATABASE_URL"] = a_database(request.getfixturevalue("postgres"))
    async with a_relay() as relay:
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        exit_code = await ended_by(signal.SIGTERM, house, relay, after=500)
        at_the_stop = len(relay.messages)
        await ended_by(signal.SIGKILL, house, relay, after=1200)
        at_the_kill = len(relay.messages)
        async with house.serving() as last:
            await relay.until(
                lambda: len(relay.messages) >= MAILS and len(set(map(name, relay.messages))) == MAILS
            )
            await last.stop()
    octets: dict[str, set[bytes]] = {}
    for mail in relay.messages:
        octets.setdefault(name(mail), set()).add(mail.octets)
    mails = [(mail.to, name(mail)) for mail in relay.messages]
    return Story(mails, octets, at_the_stop, at_the_kill, exit_code)


async def ended_by(number: int, house: House, relay: RecordingRelay, after: int) -> int:
    async with house.serving() as serving:
        await relay.until(lambda: len(relay.messages) > after)
        return await serving.stop(number)


@lru_cache(maxsize=4 * MAILS)
def name(mail: Received) -> str:
    """Its Message-ID."""
    found = re.search(rb"^Message-ID: *(\S+)", mail.octets, re.MULTILINE)
    assert found
    return found[1].decode()


async def test_both_ends_came_in_the_middle(story: Story) -> None:
    assert 500 < story.at_the_stop < 1200 < story.at_the_kill < MAILS


async def test_nobody_is_missed(story: Story) -> None:
    assert {to for to, _ in story.mails} == {address(n) for n in range(1, CITIES + 1)}
    assert len(set(story.mails)) == MAILS


async def test_a_stop_is_clean(story: Story) -> None:
    assert story.exit_code == 0


async def test_a_stop_repeats_nothing(story: Story) -> None:
    assert len(set(story.mails[: story.at_the_kill])) == story.at_the_kill


async def test_a_kill_repeats_what_was_on_its_way_at_the_most(story: Story) -> None:
    repeated = Counter(story.mails).total() - MAILS

    assert repeated <= IN_FLIGHT


async def test_what_is_repeated_is_the_same_message(story: Story) -> None:
    assert {len(octets) for octets in story.octets.values()} == {1}
