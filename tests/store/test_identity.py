"""Which installation a database belongs to, and that a copy made by hand is held."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from scheduler.service.apply import put_in_force
from scheduler.store import installation
from scheduler.store.database import open_database
from scheduler.store.identity import Identity, place_of, prove
from scheduler.store.migrate import migrate
from tests.cast import MANTES, a_configuration, a_series, at

NOW = at("2027-04-26T08:00:00+00:00")
HOME = Identity("https://cities.example", "/data/scheduler.sqlite", prove(b"key"))


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("postgresql://anna:secret@DB.example/cities", "postgresql://db.example:5432/cities"),
        ("postgresql://db.example:5433/cities?sslmode=require", "postgresql://db.example:5433/cities"),
        ("postgresql:///cities?host=/run/postgresql", "postgresql:///run/postgresql:5432/cities"),
        ("postgresql://a.example,b.example/cities", "postgresql://a.example,b.example:5432/cities"),
    ],
)
def test_a_place_holds_no_secret(url: str, place: str) -> None:
    assert place_of(url) == place


def test_a_place_is_the_file_behind_all_links(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "var").symlink_to(tmp_path / "disk")

    here = os.path.relpath(tmp_path / "var" / "x.sqlite")

    assert place_of(f"sqlite:///{here}") == str(tmp_path.resolve() / "disk" / "x.sqlite")


def test_what_is_not_known_is_no_difference() -> None:
    assert list(HOME.differences(Identity(HOME.base_url, HOME.place))) == []
    assert list(Identity(None, None).differences(HOME)) == []


@pytest.mark.parametrize(
    ("was", "now", "differs"),
    [
        ("https://cities.example", "HTTPS://Cities.Example:443/", False),
        ("http://cities.example:80/feeds", "http://cities.example/feeds", False),
        ("https://cities.example", "https://cities.example:80", True),
        ("https://cities.example", "http://cities.example", True),
        ("https://cities.example/a", "https://cities.example/A", True),
    ],
)
def test_one_address_in_other_letters_is_the_same(was: str, now: str, differs: bool) -> None:
    assert any(Identity(was, None).differences(Identity(now, None))) is differs


async def test_a_dump_that_was_loaded_is_held(empty_postgres: str) -> None:
    """Under the same name, on the same server: the table is another one."""
    database = open_database(empty_postgres, durable=False)
    await migrate(database)
    async with database.write() as connection:
        await installation.claim(connection, "Anna", NOW, HOME)
    async with database.read() as connection:
        before = await installation.why_held(connection, HOME)
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE installation RENAME TO dumped"))
        await connection.execute(text("CREATE TABLE installation AS TABLE dumped"))

    async with database.read() as connection:
        assert not await installation.may_send(connection, HOME)
        why = await installation.why_held(connection, HOME)
    await database.close()

    assert (before, why) == ("", installation.RELOADED)


async def test_a_copy_made_by_hand_is_held(tmp_path: Path) -> None:
    """With its -wal, in the middle of the work, as `cp` makes it."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    url = f"sqlite:///{home / 'scheduler.sqlite'}"
    here = Identity(HOME.base_url, place_of(url), HOME.key_proof)
    database = open_database(url, durable=False)
    await migrate(database)
    await put_in_force(
        database, a_configuration(a_series(), members=(MANTES,)), now=NOW, by="staff", replaces=None
    )
    async with database.write() as connection:
        await installation.adopt(connection, here)
    shutil.copytree(home, elsewhere)
    await database.close()

    url = f"sqlite:///{elsewhere / 'scheduler.sqlite'}"
    there = Identity(HOME.base_url, place_of(url), HOME.key_proof)
    copy = open_database(url, durable=False)
    async with copy.read() as connection:
        assert await installation.may_send(connection, here)
        assert not await installation.may_send(connection, there)
        why = await installation.why_held(connection, there)
    await copy.close()

    assert why == (
        "held: this database belongs to another installation (the database was "
        f"{home}/scheduler.sqlite and is {elsewhere}/scheduler.sqlite). Nothing is sent. If you have "
        "moved or renamed this one, say so with: scheduler db claim --resend. If it is a copy beside one "
        "that sends, leave it held"
    )
