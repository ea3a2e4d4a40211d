"""`scheduler serve` under a siege at full length: 1,100 half-sent heads against 1,024 descriptors, 2,000
guesses, heads and bodies of any size (H01, H05, H06, H12). Others are served meanwhile, and mails leave."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

import pytest

from scheduler.service.links import Links
from scheduler.settings import Settings
from scheduler.web.guesses import FREE
from tests.mail.relay import a_relay
from tests.serving.house import House, Serving
from tests.web.test_app import calling, request
from tests.web.test_limits import descriptors, is_served, pour, rest_of

pytestmark = pytest.mark.chaos

HEADS = 1100
KEY = "a key of this test"
#: Seconds that an ordinary request may take; those until a slow head is closed; those of a large request.
ORDINARY, CLOSED, REFUSED = 1.0, 15.0, 5.0


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "house", {"SCHEDULER_SECRET_KEY": KEY}).furnish(3)
    house.write_session(datetime.now(UTC) + timedelta(days=30))
    return house


@asynccontextmanager
async def besieged(house: House, files: int = 1024) -> AsyncIterator[Serving]:
    """The service with few descriptors, and this process with all it may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with asyncio.timeout(120):
        with descriptors(hard):
            with descriptors(files):
                serving = house.serving()
                running = await serving.__aenter__()
            try:
                yield running
            finally:
                await serving.__aexit__(None, None, None)


async def seconds_of(address: str, path: str = "/feeds/all.ics") -> float:
    begin = time.monotonic()
    assert await is_served(address, path)
    return time.monotonic() - begin


@asynccontextmanager
async def half_sent_heads(address: str, number: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that sends them, and says at its end how long the longest was left open."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    command = (sys.executable, "-m", "tests.web.besieger", host, port, str(number))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048, reason="few files may be open here")
async def test_half_sent_heads_keep_nobody_out(house: House) -> None:
    """H01; and files, database and mail server keep their descriptors: an edit made meanwhile is told."""
    took = []
    async with a_relay() as relay:
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        async with besieged(house) as serving, half_sent_heads(serving.address, HEADS) as siege:
            told = asyncio.create_task(siege.communicate())
            while not told.done():
                took.append(await seconds_of(serving.address))
                if len(took) == 20:
                    house.write_session(datetime.now(UTC) + timedelta(hours=20))
                await asyncio.sleep(0.1)  # as long as the siege lasts
            await relay.until(lambda: len(relay.messages) >= 3)
            assert await serving.stop() == 0

    assert max(took) < ORDINARY
    assert 5 < float((await told)[0]) < CLOSED
    assert "Too many open files" not in str(serving.lines)


async def test_crowds_that_come_at_once_keep_nobody_out(house: House) -> None:
    """Newcomers find a place, though thousands come for few places."""
    async with besieged(house, 256) as serving:
        for _ in range(3):
            async with half_sent_heads(serving.address, 1000):
                took = [await seconds_of(serving.address) for _ in range(200)]
            assert max(took) < ORDINARY
        assert await is_served(serving.address, "/health/ready")


async def test_guesses_find_nothing_and_disturb_nobody(house: House) -> None:
    """H05, over the wire: the same words and time for each, and the city reads its calendar meanwhile."""
    right = Links(Settings().base_url, KEY.encode()).city_feed_path("city-1")
    chance = Random(5)  # noqa: S311 - the same each time
    near = [right[:14] + "7" * n + right[14 + n :] for n in range(1, 8)]
    guesses = [
        *(near * 4),
        *(
            f"/feeds/city/{''.join(chance.choices('abcdefghijklmnopqrstuvwxyz234567', k=32))}.ics"
            for _ in range(2000)
        ),
    ]
    said, times, statuses = set(), {"near": [], "far": []}, Counter[int]()  # type: ignore[var-annotated]
    async with besieged(house) as serving, calling(serving.address) as line:
        for number, guess in enumerate(guesses):
            begin = time.perf_counter()
            line.say(request(guess, host="localhost"))
            status, _, body = await line.hear()
            times["near" if guess in near else "far"].append(time.perf_counter() - begin)
            statuses[status] += 1
            said.add((status, body))
            if number % 100 == 0:
                assert await is_served(serving.address, right)

    assert statuses[404] >= FREE
    assert statuses[404] + statuses[429] == len(guesses)
    assert len(said) == 2
    assert median(times["near"]) < 3 * median(times["far"][:FREE])


def megabytes(serving: Serving) -> float:
    """What the service holds in memory."""
    status = Path(f"/proc/{serving.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


LARGE = {
    "8 MB of a head": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
    "8 MB of a target": b"GET /",
    "20 MB": request("/stop/x", "Content-Length: 20000000", method="POST", host="localhost"),
    "a bomb": request(
        "/stop/x",
        "Content-Length: 20000000",
        "Content-Encoding: gzip",
        method="POST",
        host="localhost",
    ),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell memory there")
async def test_large_requests_are_refused_soon_and_not_kept(house: House) -> None:
    """H06, H12; sixteen of each at once."""
    form = Links("", KEY.encode()).answer(1, "first.talks")
    deep = request(
        form, "Content-Type: application/json", "Transfer-Encoding: chunked", method="POST", host="localhost"
    )
    parts = deep.replace(b"application/json", b"multipart/form-data; boundary=x")
    async with besieged(house) as serving:
        before = megabytes(serving)
        for first in (*LARGE.values(), deep, parts):
            piece = b"10000\r\n" + b"[" * 65536 + b"\r\n" if first in (deep, parts) else b"[" * 65536
            found = await asyncio.gather(*(refused(serving.address, first, piece) for _ in range(16)))
            assert {status[:1] for status, _ in found} == {b"4"}
            assert max(took for _, took in found) < REFUSED
            assert await is_served(serving.address)
        assert megabytes(serving) < before + 100
        await serving.stop()

    assert "Traceback" not in str(serving.lines)


async def refused(address: str, first: bytes, piece: bytes) -> tuple[bytes, float]:
    """The status, and the seconds until it is there, while more is poured."""
    begin = time.monotonic()
    async with calling(address) as line:
        line.say(first)
        pouring = asyncio.create_task(pour(line, piece, 320))
        head = await line.reader.readuntil(b"\r\n")
        took = time.monotonic() - begin
        await rest_of(line)
        pouring.cancel()
    return head.split(b" ")[1], took


CALENDARS, EACH = 1000, 20


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2048, reason="few files may be open here")
async def test_a_thousand_calendars_delay_no_reminder(house: House) -> None:
    """H03: 1,000 connections that stay open, most with what they hold already, while a reminder falls due."""
    due = (datetime.now(UTC) + timedelta(seconds=75)).replace(second=0, microsecond=0)
    house.write_session(due + timedelta(hours=1), minutes_before=60)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with a_relay() as relay:
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        async with besieged(house, hard) as serving:
            await relay.until(lambda: len(relay.messages) >= 6)
            before, ends = len(relay.messages), asyncio.Event()
            crowd = asyncio.create_task(calendars(serving.address, ends))
            await asyncio.sleep((due - datetime.now(UTC)).total_seconds())  # its moment is what is tried
            await relay.until(lambda: len(relay.messages) >= before + 3)
            late = (datetime.now(UTC) - due).total_seconds()
            ends.set()
            statuses, seconds = await crowd

    assert 0 <= late < 5
    assert set(statuses) == {200, 304}
    assert statuses[304] > 0.9 * statuses.total()
    assert sorted(seconds)[len(seconds) * 99 // 100] < ORDINARY


async def calendars(address: str, ends: asyncio.Event) -> tuple[Counter[int], list[float]]:
    """Each asks EACH times, and on until the end; gives what they were answered, and how soon."""
    statuses, seconds = Counter[int](), []

    async def one() -> None:
        async with calling(address) as line:
            tag, asked = "", 0
            while asked < EACH or not ends.is_set():
                begin, asked = time.monotonic(), asked + 1
                line.say(request("/feeds/all.ics", f"If-None-Match: {tag}", host="localhost"))
                status, headers, _ = await line.hear()
                statuses[status] += 1
                seconds.append(time.monotonic() - begin)
                tag = headers["etag"]
                await asyncio.sleep(1)  # as calendars do, only oftener

    await asyncio.gather(*(one() for _ in range(CALENDARS)))
    return statuses, seconds
