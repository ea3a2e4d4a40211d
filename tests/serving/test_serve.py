"""`scheduler serve` as ops meet it: a process with signals, an environment and a log."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import icalendar
import pytest

from chaos import outbox
from scheduler.model import times
from tests.cli.typed import Done, typed
from tests.logged import logging_as_it_was
from tests.mail.relay import a_relay
from tests.serving.house import House, address, until


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Three cities, and a session tomorrow that they are invited to at once."""
    house = House(tmp_path / "house").furnish(3)
    house.write_session(datetime.now(UTC) + timedelta(hours=20))
    return house


async def test_a_new_installation_sends_and_serves_by_itself(house: House) -> None:
    async with a_relay() as relay:
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        async with house.serving() as serving, httpx.AsyncClient(base_url=serving.address) as client:
            await relay.until(lambda: len(relay.messages) == 6)
            ready = await client.get("/health/ready")
            live = await client.get("/health/live")
            feed = icalendar.Calendar.from_ical((await client.get("/feeds/all.ics")).content)
            page = await client.get("/")

    assert {mail.to for mail in relay.messages} == {address(n) for n in (1, 2, 3)}
    assert ready.json() == {"status": "ready", "warnings": [], "tzdata": times.tzdata_version()}
    assert live.json()["status"] == "alive"
    assert [str(event["UID"]) for event in feed.events] == ["first.talks@learning-cities.example"]
    assert "The first talk" in page.text


async def test_no_log_line_holds_an_address_or_a_secret(house: House) -> None:
    async with a_relay() as relay:
        relay.answers("RCPT", "550 5.1.1 no such user contact@city-1.example", to=address(1))
        relay.answers("RCPT", "450 4.2.0 come back, contact@city-2.example", to=address(2))
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        house.environment["SCHEDULER_LOG_LEVEL"] = "debug"
        async with house.serving() as serving, httpx.AsyncClient(base_url=serving.address) as client:
            await relay.until(lambda: len(relay.messages) >= 5)
            await client.get("/feeds/city/abcdefghijklmnopqrstuvwxyz234567.ics")
            await serving.stop()

    said = str(serving.lines)
    assert "'action': 'never'" in said
    assert "contact@" not in said
    assert "abcdefgh" not in said


async def test_a_second_service_on_the_same_file_is_refused(house: House) -> None:
    async with house.serving():
        code, said = await house.run("serve")

    assert code == 1
    assert "A `scheduler serve` is at work on this database; stop it first." in said
    assert "Traceback" not in said


async def test_a_port_in_use_is_one_sentence(house: House) -> None:
    """As a process: the service is at work by then, and has to come to its end."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        house.environment["SCHEDULER_LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
        code, said = await house.run("serve")

    assert code == 1
    assert "cannot be listened on (Address already in use); set SCHEDULER_LISTEN" in said
    assert "Traceback" not in said


def refused(house: House) -> Done:
    """A start in this process, which is afterwards as it was."""
    interval = sys.getswitchinterval()
    with logging_as_it_was():
        done = typed("serve", environment=house.whole_environment)
    sys.setswitchinterval(interval)
    return done


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCHEDULER_MAIL_URL", "smpt://u:secret@mail.example"),
        ("SCHEDULER_DATABASE_URL", "postgresql://u:secret@127.0.0.1:1/x"),
        ("SCHEDULER_MAIL_CA", "/nowhere/secret.pem"),
        ("SCHEDULER_DATA", "/proc/secret"),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_sentence(house: House, name: str, value: str) -> None:
    house.environment |= {"SCHEDULER_MAIL_URL": "smtps://127.0.0.1:1", name: value}

    done = refused(house)

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error: ")]) == 1
    assert "u:secret" not in done.stdout + done.stderr


async def test_a_stop_ends_even_while_the_mail_server_is_silent(house: House) -> None:
    """What hangs is cut off after the drain time, and sent again by the next start."""
    house.environment["SCHEDULER_DRAIN_SECONDS"] = "0.3"
    async with a_relay() as relay:
        relay.hold()
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        async with house.serving() as serving:
            await relay.holds.wait()
            code = await serving.stop()
    async with a_relay() as relay:
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        async with house.serving():
            await relay.until(lambda: len(relay.messages) == 6)

    assert code == 0
    assert await serving.line("drain")


async def test_while_mails_end_all_is_served_and_who_asks_hears_of_the_stop(house: House) -> None:
    """A proxy must be able to see that it is to ask another one; told twice it stops no other way."""
    async with a_relay() as relay:
        relay.hold()
        house.environment["SCHEDULER_MAIL_URL"] = f"smtp://127.0.0.1:{relay.port}"
        async with house.serving() as serving:
            await relay.holds.wait()
            for _ in range(2):
                serving.send(signal.SIGTERM)
                await serving.line("stop")
            ready, live, feed = [
                await serving.get(path) for path in ("/health/ready", "/health/live", "/feeds/all.ics")
            ]
            relay.let_go.set()
            code = await serving.stop()

    assert (ready.status, "the service is stopping" in ready.body) == (503, True)
    assert (live.status, feed.status, code) == (200, 200, 0)
    assert not [line for line in serving.lines if line.get("action") in ("drain", "cut")]


async def test_a_stop_is_heard_before_the_service_has_begun(house: House) -> None:
    """As PID 1 a process without a handler ignores SIGTERM."""
    process = await house.start("serve")
    assert process.stderr
    await process.stderr.readuntil(b"came into force")
    process.send_signal(signal.SIGTERM)
    await process.communicate()

    assert process.returncode == 0


async def test_apply_is_heard_by_a_service_that_runs(house: House) -> None:
    house.edit("network.yaml", "apply: auto", "apply: confirm")
    async with house.serving() as serving, httpx.AsyncClient(base_url=serving.address) as client:
        house.edit("series/talks.yaml", "title: The first talk", "title: The renamed talk")
        await serving.line("files", problems=0, level="warning")
        before = (await client.get("/feeds/all.ics")).text
        applied = await asyncio.to_thread(typed, "apply", "--by", "Anna", environment=house.whole_environment)
        await serving.line("shelf", configuration=2)
        after = (await client.get("/feeds/all.ics")).text

    assert (applied.returncode, applied.stdout.splitlines()[-1][:16]) == (0, "OK: in force now")
    assert "The first talk" in before
    assert "The renamed talk" in after


async def test_status_tells_people_what_is_and_an_interrupt_stops_the_service(house: House) -> None:
    async with house.serving() as serving:
        await until(lambda: outbox.count(house.database_url, "state = 'sent'") == 6)
        status = await asyncio.to_thread(typed, "status", environment=house.whole_environment)
        code = await serving.stop(signal.SIGINT)

    assert status.returncode == 0
    assert "Files      the files say what is in force" in status.stdout
    assert "Sent       6" in status.stdout
    assert status.stdout.splitlines()[-1] == "OK: nothing waits for a person"
    assert code == 0
