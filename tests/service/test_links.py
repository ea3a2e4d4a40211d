"""Secret addresses, and the key that they are made with."""

from __future__ import annotations

import os
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from scheduler.errors import SchedulerError
from scheduler.service.links import Links, read_or_make_key
from tests.cast import MELTON, real

LINKS = Links("https://cities.example", b"a key")


def test_an_address_has_160_bits() -> None:
    assert re.fullmatch(r"/feeds/city/[a-z2-7]{32}\.ics", LINKS.city_feed_path(MELTON))


def test_an_address_stays_the_same() -> None:
    assert LINKS.city_feed(MELTON) == Links("https://cities.example", b"a key").city_feed(MELTON)


def test_a_code_is_of_one_city_in_one_round() -> None:
    codes = {
        LINKS.code("report-2021", MELTON),
        LINKS.code("report-2022", MELTON),
        LINKS.code("report-2021", "x"),
    }

    assert len(codes) == 3
    assert all(re.fullmatch("[a-z2-7]{16}", code) for code in codes)


def test_every_city_has_an_address_of_its_own() -> None:
    members = real().members

    assert len({LINKS.city_feed(member.slug) for member in members}) == len(members)


def test_whatever_counts_makes_another_address() -> None:
    paths = {
        LINKS.city_feed_path(MELTON),
        LINKS.city_feed_path(MELTON, generation=1),
        LINKS.city_feed_path(MELTON, label="mayor"),
        Links("https://cities.example", b"another key").city_feed_path(MELTON),
    }

    assert len(paths) == 4


def test_a_key_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "a" / "folder" / "secret-key"

    made = read_or_make_key(file)

    assert len(made) == 64
    assert read_or_make_key(file) == made


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    assert read_or_make_key(tmp_path / "one") != read_or_make_key(tmp_path / "two")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_its_owner_may_read_a_key(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        read_or_make_key(tmp_path / "secret-key")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "secret-key").stat().st_mode) == 0o600


def test_nothing_is_left_beside_a_key(tmp_path: Path) -> None:
    read_or_make_key(tmp_path / "secret-key")

    assert os.listdir(tmp_path) == ["secret-key"]


def test_a_key_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("a key\n")

    assert read_or_make_key(tmp_path / "secret-key") == b"a key"


@pytest.mark.parametrize("octets", [b"", b"\n", b" \r\n"])
def test_an_empty_key_is_refused(tmp_path: Path, octets: bytes) -> None:
    """Another one would make every address void, and an empty one could be guessed."""
    file = tmp_path / "secret-key"
    file.write_bytes(octets)

    with pytest.raises(SchedulerError, match=f"{re.escape(str(file))} is empty; put the right one back"):
        read_or_make_key(file)
    assert file.read_bytes() == octets


def test_a_key_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A folder stands in its place; to root no mode would matter."""
    (tmp_path / "secret-key").mkdir()

    with pytest.raises(SchedulerError, match="make it readable, or set SCHEDULER_SECRET_KEY"):
        read_or_make_key(tmp_path / "secret-key")


def test_a_key_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SchedulerError, match="cannot be read or made"):
        read_or_make_key(tmp_path / "file" / "secret-key")


def test_a_key_that_points_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret-key").symlink_to(tmp_path / "unmounted" / "secret-key")

    with pytest.raises(SchedulerError, match="No such file"):
        read_or_make_key(tmp_path / "secret-key")


def test_who_starts_at_once_has_the_same_key(tmp_path: Path) -> None:
    """Who comes second must not find a key that is only half written."""
    together = Barrier(4)

    def start(file: Path) -> bytes:
        together.wait()
        return read_or_make_key(file)

    with ThreadPoolExecutor(4) as services:
        for number in range(25):
            file = tmp_path / str(number)
            assert set(services.map(start, [file] * 4)) == {file.read_bytes()}
