"""`scheduler feeds` as it is typed: the secret addresses of the cities' calendars."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, date, datetime
from hashlib import sha256

import pytest
from sqlalchemy import select

from scheduler.service.feed_addresses import FeedAddresses, path_of, read_addresses
from scheduler.service.links import Links
from scheduler.store import ledger, tables
from scheduler.store.database import Database, open_database
from scheduler.store.feed_addresses import Address, mark_used
from tests.cli.typed import Done, typed
from tests.serving.house import House

BASE = "https://calendar.cities.example"
LINKS = Links(BASE, b"a key that nobody guesses")
FIRST = BASE + LINKS.city_feed_path("city-1")
SECOND = BASE + LINKS.city_feed_path("city-1", "", 1)
MAYOR = BASE + LINKS.city_feed_path("city-1", "mayor's office")


def say(house: House, *words: str, key: str = LINKS.key.decode()) -> Done:
    there = {
        "SCHEDULER_CONFIG": str(house.config),
        "SCHEDULER_DATA": str(house.folder / "var"),
        "SCHEDULER_SECRET_KEY": key,
        "SCHEDULER_BASE_URL": BASE,
    }
    return typed(*words, environment={name: value for name, value in there.items() if value})


def opened(house: House) -> Database:
    return open_database(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}")


def addresses(house: House) -> FeedAddresses:
    """As a service sees them."""

    async def look() -> FeedAddresses:
        database = opened(house)
        found = await read_addresses(database, ("city-1", "city-2"), LINKS)
        await database.close()
        return found

    return asyncio.run(look())


def is_open(house: House, address: str) -> bool:
    return sha256(address.removeprefix(BASE).encode()).digest() in addresses(house).open


def decided(house: House) -> tuple[int, list[tuple[str, str, str, str]]]:
    """The generation, and the journal: who, what, of what, why."""

    async def look() -> tuple[int, list[tuple[str, str, str, str]]]:
        database, table = opened(house), tables.journal.c
        async with database.read() as connection:
            query = select(table.actor, table.action, table.subject, table.detail).order_by(table.id)
            rows = [tuple(row) for row in await connection.execute(query)]
            generation = await ledger.generation(connection)
        await database.close()
        return generation, rows

    return asyncio.run(look())


def table(done: Done) -> list[list[str]]:
    """The cells of each line, without the head."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("city-")]
    return [re.split(r"  +", line) for line in lines]


def test_every_city_has_an_address_from_the_beginning(house: House) -> None:
    done = say(house, "feeds", "list")

    assert done.returncode == 0
    assert table(done) == [
        ["city-1", "in mails", "the beginning", "-", "never", "-"],
        ["city-2", "in mails", "the beginning", "-", "never", "-"],
    ]
    assert f"  {BASE}/feeds/all.ics  " in done.stdout
    assert done.stdout.endswith("OK: 2 addresses of 2 members, 0 ever used\n")


def test_a_list_shows_no_secret(house: House) -> None:
    say(house, "feeds", "renew", "city-1")

    done = say(house, "feeds", "list")

    assert "/feeds/city/" not in done.stdout


def test_the_address_of_one_city_is_shown_when_asked_for(house: House) -> None:
    done = say(house, "feeds", "list", "--member", "City 1", "--show")

    assert f"in mails: {FIRST}\n" in done.stdout
    assert "city-2" not in done.stdout


def test_addresses_of_all_are_never_shown(house: House) -> None:
    done = say(house, "feeds", "list", "--show")

    assert done.returncode == 2
    assert "goes with --member CITY" in done.stderr


def test_a_renewed_address_takes_the_place_of_the_old_one(house: House) -> None:
    before, _ = decided(house)

    done = say(house, "feeds", "renew", "City 1", "--by", "Anna")

    generation, journal = decided(house)
    assert done.stdout == (
        f"{SECOND}\nOK: the old address of city-1 is ended; mails print this one from now on\n"
    )
    assert (is_open(house, FIRST), is_open(house, SECOND)) == (False, True)
    assert journal[-1] == ("Anna", "feeds renew", "city-1", "the one that mails print")
    assert generation == before + 1


def test_an_address_is_renewed_again_and_again(house: House) -> None:
    for _ in range(3):
        done = say(house, "feeds", "renew", "city-1")

    assert done.stdout.startswith(BASE + LINKS.city_feed_path("city-1", "", 3))
    assert [row[5] == "-" for row in table(say(house, "feeds", "list", "--member", "city-1"))] == [
        *(False, False, False),
        True,
    ]


def test_an_added_address_is_ended_without_the_others(house: House) -> None:
    added = say(house, "feeds", "add", "city-1", "--label", "mayor's  office ")
    assert added.stdout.startswith(f"{MAYOR}\nOK: city-1, mayor's office has an address of its own")
    assert is_open(house, MAYOR)

    done = say(house, "feeds", "revoke", "city-1", "--label", "Mayor's office", "--by", "Bert")

    assert done.stdout == "OK: the address of city-1, mayor's office is ended\n"
    assert (is_open(house, FIRST), is_open(house, MAYOR)) == (True, False)
    assert decided(house)[1][-1] == ("Bert", "feeds revoke", "city-1", "for mayor's office")


def test_what_was_revoked_comes_back_at_another_address(house: House) -> None:
    for command in ("add", "revoke", "add"):
        done = say(house, "feeds", command, "city-1", "--label", "mayor's office")

    assert done.stdout.startswith(BASE + LINKS.city_feed_path("city-1", "mayor's office", 1))
    assert not is_open(house, MAYOR)


def test_an_address_is_added_once(house: House) -> None:
    say(house, "feeds", "add", "city-1", "--label", "mayor's office")

    done = say(house, "feeds", "add", "city-1", "--label", "MAYOR'S OFFICE")

    assert done.returncode == 1
    assert done.stderr.startswith('error: city-1 has an open address for "MAYOR\'S OFFICE"; see it with: ')


def test_the_address_that_mails_print_is_renewed_and_not_just_ended(house: House) -> None:
    done = say(house, "feeds", "revoke", "city-1")

    assert done.returncode == 1
    assert done.stderr.endswith("put another one in its place with: scheduler feeds renew city-1\n")
    assert is_open(house, FIRST)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("renew", "Cty 1"), "did you mean city-1 (City 1, DE)"),
        (("renew", "city-1", "--label", "mayor"), "it has only the one that mails print"),
        (("revoke", "city-1", "--label", "mayor"), "it has only the one that mails print"),
        (("add", "city-1", "--label", " "), "write whom it is for"),
        (("add", "city-1", "--label", "x" * 101), "write at most 100 letters"),
        (("add", "city-1", "--label", "a\x1bb"), "write at most 100 letters"),
    ],
)
def test_a_slip_of_the_pen_is_asked_back(house: House, words: tuple[str, ...], said: str) -> None:
    done = say(house, "feeds", *words)

    assert done.returncode in (1, 2)
    assert said in done.stderr
    assert len(decided(house)[1]) == 1


def test_without_the_key_no_address_is_made(house: House) -> None:
    """One made with another key would be wrong, and mails would go on to print the right one."""
    done = say(house, "feeds", "renew", "city-1", key="")

    assert done.returncode == 1
    assert "the key that signs the addresses is not here" in done.stderr
    assert not (house.folder / "var" / "secret-key").exists()


def test_with_another_key_the_printed_address_is_open_and_the_old_one_void(house: House) -> None:
    say(house, "feeds", "renew", "city-1", key="another key")

    done = say(house, "feeds", "list", "--member", "city-1", "--show")

    assert "void: the key is another one" in done.stdout
    assert f"in mails: {SECOND}\n" in done.stdout
    assert is_open(house, SECOND)


def test_the_last_use_is_known_by_day(house: House) -> None:
    say(house, "feeds", "renew", "city-2")
    read_on(house, date(2027, 3, 1), Address("city-1"), Address("city-2", "", 1))
    read_on(house, date(2027, 3, 2), Address("city-1"))
    read_on(house, date(2027, 2, 2), Address("city-2", "", 1))  # a replica whose clock is behind

    done = say(house, "feeds", "list")

    assert [(row[0], row[1], row[4]) for row in table(done)] == [
        ("city-1", "in mails", "2027-03-02"),
        ("city-2", "in mails before", "never"),
        ("city-2", "in mails", "2027-03-01"),
    ]
    assert done.stdout.endswith("OK: 3 addresses of 2 members, 2 ever used\n")


def read_on(house: House, day: date, *used: Address) -> None:
    """A service on which these were asked for on that day, from a second process."""

    async def write() -> None:
        database = opened(house)
        marks = {one: sha256(path_of(one, LINKS).encode()).hexdigest() for one in used}
        async with database.write() as connection:
            await mark_used(connection, marks, day, datetime.now(UTC))
        await database.close()

    asyncio.run(write())


def test_the_table_holds_no_address(house: House) -> None:
    say(house, "feeds", "renew", "city-1")
    say(house, "feeds", "add", "city-1", "--label", "mayor's office")

    octets = b"".join(path.read_bytes() for path in (house.folder / "var").glob("scheduler.sqlite*"))

    for address in (FIRST, SECOND, MAYOR):
        assert address.rpartition("/")[2].removesuffix(".ics").encode() not in octets


def test_doctor_counts_the_addresses_that_another_key_made_void(house: House) -> None:
    say(house, "feeds", "renew", "city-1", key="the key of before")

    before, after = (say(house, "doctor", key=key) for key in ("the key of before", "the key of now"))

    assert "void" not in before.stdout.replace("feed address void", "")
    assert "1 address of a city's calendar is void: made with another secret key" in after.stdout
