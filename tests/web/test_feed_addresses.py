"""The secret addresses of calendars over HTTP: which are open, what the others answer, and who read them."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from scheduler.errors import DatabaseAway, SchedulerError
from scheduler.model import times
from scheduler.service.feed_addresses import Readers, add, read_addresses, read_lines, renew, revoke
from scheduler.store.feed_addresses import Address
from tests.cli.typed import typed
from tests.serving.house import House
from tests.web.test_app import CITY, Place, a_place

TODAY = times.local_date(datetime.now(UTC), "Europe/Berlin")
YESTERDAY, LONG_AGO = TODAY - timedelta(days=1), TODAY - timedelta(days=40)
#: One whose membership ended yesterday, one whose ended long ago.
LEFT, GONE = "city-2", "city-3"
BY = {"by": "Anna", "now": datetime(2027, 3, 1, tzinfo=UTC)}


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four cities and a session in a month; two cities have left."""
    folder = tmp_path_factory.mktemp("applied") / "house"
    house = House(folder).furnish(4)
    house.write_session(datetime.now(UTC) + timedelta(days=30))
    for city, last_day in ((LEFT, YESTERDAY), (GONE, LONG_AGO)):
        number = city[-1]
        old = f"Sat-Sun,2019,contact@{city}"
        house.edit("members.csv", old, f"Sat-Sun,2019 to {last_day},contact@city-{number}")
    environment = {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATABASE_URL": database_of(folder)}
    done = typed("apply", environment=environment)
    assert done.returncode == 0, done.stderr
    return folder


def database_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'var' / 'test.sqlite'}"


@pytest.fixture
async def place(applied: Path, tmp_path: Path) -> AsyncIterator[Place]:
    async with a_place(shutil.copytree(applied, tmp_path / "house")) as place:
        links = place.daemon.links
        place.shelf.addresses = lambda found: read_addresses(place.database, found.members, links)
        await place.shelf.refresh()
        yield place


def path_of(place: Place, label: str = "", generation: int = 0, member: str = CITY) -> str:
    return place.daemon.links.city_feed_path(member, label, generation)


async def statuses(place: Place, *paths: str) -> list[int]:
    await place.shelf.refresh()
    return [(await place.ask(path)).status_code for path in paths]


def shown(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.content, sorted(answer.headers.items())


async def renewed(place: Place, label: str = "") -> None:
    await renew(place.database, place.daemon.links, CITY, label, **BY)  # type: ignore[arg-type]


async def added(place: Place, label: str) -> None:
    await add(place.database, place.daemon.links, CITY, label, **BY)  # type: ignore[arg-type]


async def revoked(place: Place, label: str) -> None:
    await revoke(place.database, place.daemon.links, CITY, label, **BY)  # type: ignore[arg-type]


# which are open


async def test_a_renewed_address_is_open_and_the_old_one_is_not(place: Place) -> None:
    """Story US-18.4."""
    await renewed(place)

    assert await statuses(place, path_of(place), path_of(place, "", 1)) == [404, 200]


async def test_an_added_address_is_open_until_it_is_revoked(place: Place) -> None:
    await added(place, "mayor")
    before = await statuses(place, path_of(place), path_of(place, "mayor"))

    await revoked(place, "mayor")

    assert before == [200, 200]
    assert await statuses(place, path_of(place), path_of(place, "mayor")) == [200, 404]


async def test_every_address_of_a_city_gives_the_same_calendar(place: Place) -> None:
    await added(place, "mayor")
    await place.shelf.refresh()

    first, second = [await place.ask(path_of(place, label)) for label in ("", "mayor")]

    assert shown(first) == shown(second)


async def test_what_is_not_open_answers_like_what_never_was(place: Place) -> None:
    """H05 of the reliability rules: nobody learns how near a guess was, or that a calendar was there once."""
    await added(place, "mayor")
    await revoked(place, "mayor")
    await renewed(place)
    await place.shelf.refresh()
    token = path_of(place, "", 1).removeprefix("/feeds/city/").removesuffix(".ics")
    never = await place.ask("/feeds/city/" + "a" * 32 + ".ics")

    misses = (
        *(path_of(place), path_of(place, "mayor"), path_of(place, "", 2), path_of(place, member="city-9")),
        *(f"/feeds/city/{token.upper()}.ics", f"/feeds/city/{token[:-1]}.ics", f"/feeds/city/{token}"),
        *("/feeds/city/%ff%00.ics", "/feeds/city/", "/feeds/city/'--.ics", path_of(place) + "?lang=fr"),
    )
    for miss in misses:
        for method in ("GET", "HEAD"):
            answer = await place.ask(miss, method, if_none_match="*")
            assert (answer.status_code, answer.headers) == (404, never.headers)
            assert answer.content == (never.content if method == "GET" else b"")


async def test_no_guess_is_answered(place: Place) -> None:
    guesses = {f"/feeds/city/{secrets.token_hex(16)}.ics" for _ in range(2000)}

    assert {await place.shelf.find(guess) for guess in guesses} == {None}
    assert not place.shelf.used


async def test_other_cities_notice_nothing_of_it(place: Place) -> None:
    before = shown(await place.ask(path_of(place, member="city-4")))

    await renewed(place)
    await place.shelf.refresh()

    assert shown(await place.ask(path_of(place, member="city-4"))) == before


async def test_two_people_who_renew_at_once_leave_one_open_address(place: Place) -> None:
    await renewed(place)
    await renewed(place)

    found = await statuses(place, *(path_of(place, "", number) for number in range(4)))

    assert found == [404, 404, 200, 404]


async def test_what_is_no_more_is_not_revoked_twice(place: Place) -> None:
    await added(place, "mayor")
    await revoked(place, "mayor")

    with pytest.raises(SchedulerError, match="no open address"):
        await revoked(place, "mayor")


# who left


async def test_who_left_finds_one_item_that_says_so(place: Place) -> None:
    """Story US-25.3."""
    answer = await place.ask(path_of(place, member=LEFT))

    assert answer.status_code == 200
    assert answer.content.count(b"BEGIN:VEVENT") == 1
    assert f"UID:membership-ended.{LEFT}.{YESTERDAY}@" in answer.text


async def test_who_left_long_ago_finds_nothing_and_is_told_so(place: Place) -> None:
    answer = await place.ask(path_of(place, member=GONE), if_none_match="*")

    assert (answer.status_code, answer.text) == (410, "This calendar has ended.\n")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_a_renewed_address_of_who_left_is_not_there_at_all(place: Place) -> None:
    await renew(place.database, place.daemon.links, GONE, "", **BY)  # type: ignore[arg-type]

    found = await statuses(place, *(path_of(place, "", number, GONE) for number in (0, 1)))

    assert found == [404, 410]


# who reads


def readers(place: Place) -> Readers:
    return Readers(
        place.database, place.daemon.clock, place.daemon.links, place.daemon.in_force, place.shelf.used
    )


async def last_used(place: Place) -> dict[Address, date | None]:
    lines = await read_lines(place.database, (CITY, "city-4"), place.daemon.links)
    return {line.address: line.last_used_on for line in lines}


async def test_who_reads_is_written_down_by_day(place: Place) -> None:
    await added(place, "mayor")
    await place.shelf.refresh()
    for path in (path_of(place, "mayor"), path_of(place, "mayor"), "/feeds/city/none.ics", "/feeds/all.ics"):
        await place.ask(path)

    await readers(place).write_down()

    assert await last_used(place) == {
        Address(CITY): None,
        Address(CITY, "mayor"): TODAY,
        Address("city-4"): None,
    }
    assert place.shelf.used == set()


async def test_a_first_address_is_written_down_with_its_first_reading(place: Place) -> None:
    found = readers(place)
    for _ in range(2):
        await place.ask(path_of(place))
        await found.write_down()

    assert (await last_used(place))[Address(CITY)] == TODAY


async def test_two_replicas_write_down_the_same(place: Place) -> None:
    first, second = readers(place), readers(place)
    for one in (first, second):
        await place.ask(path_of(place))
        await one.write_down()

    assert (await last_used(place))[Address(CITY)] == TODAY


async def test_what_was_used_is_kept_while_the_database_is_away(place: Place) -> None:
    async def away() -> None:
        raise DatabaseAway("the database does not answer")

    await place.ask(path_of(place))
    before = set(place.shelf.used)
    links, clock = place.daemon.links, place.daemon.clock

    await Readers(place.database, clock, links, away, place.shelf.used).write_down()

    assert len(before) == 1
    assert place.shelf.used == before
