"""Secret addresses while a service runs: a command decides, the service obeys within a second."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from tests.cli.typed import typed
from tests.serving.house import House


async def test_a_renewed_address_is_closed_while_the_service_runs(tmp_path: Path) -> None:
    """And who read it until then is known when the service has stopped."""
    house = House(tmp_path / "house").furnish(1)
    house.write_session(datetime.now(UTC) + timedelta(days=30))
    async with house.serving() as serving, httpx.AsyncClient(base_url=serving.address) as client:
        old = await shown(house)
        before = await client.get(old)
        new = (await say(house, "renew", "city-1")).splitlines()[0].rpartition("/feeds")[2]
        async with asyncio.timeout(10):
            while (await client.get(old)).status_code != 404:  # noqa: ASYNC110 - no bell rings out here
                await asyncio.sleep(0.05)
        after = await client.get(f"/feeds{new}")
        await serving.stop()

    assert before.content == after.content
    assert (await say(house, "list", "--member", "city-1")).endswith("OK: 2 addresses, 2 ever used\n")


async def shown(house: House) -> str:
    """The path of the city's calendar."""
    lines = (await say(house, "list", "--member", "city-1", "--show")).splitlines()
    (address,) = (line for line in lines if line.startswith("in mails: "))
    return "/feeds" + address.rpartition("/feeds")[2]


async def say(house: House, *words: str) -> str:
    there = {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}
    done = await asyncio.to_thread(typed, "feeds", *words, environment=there)
    assert done.returncode == 0, done.stderr
    return done.stdout
