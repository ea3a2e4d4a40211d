"""What the measurements are made on is a configuration like any other."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench import history
from bench.furnished import for_everybody, made_up, put_in_force, renamed
from bench.history import NOW
from bench.made_up import write_configuration
from scheduler.configuration.load import load
from scheduler.configuration.problems import Severity
from scheduler.service.feeds import Feeds
from scheduler.service.links import Links
from scheduler.store.database import Database
from tests.cast import DOHA, MANTES, a_configuration, a_series
from tests.service.stage import Stage


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_made_up_configuration_has_no_error(tmp_path: Path) -> None:
    write_configuration(tmp_path / "config", series=3, sessions=2, members=400)

    loaded = load(tmp_path / "config")

    assert [problem for problem in loaded.problems if problem.severity is Severity.ERROR] == []
    assert loaded.configuration is not None
    assert (len(loaded.configuration.series), len(loaded.configuration.members)) == (3, 400)


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_configuration(tmp_path / name, series=3, sessions=2, members=400)

    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_every_city_is_invited_to_every_session() -> None:
    """So that a city's feed has as many sessions as is said."""
    configuration = for_everybody(made_up(series=2, sessions=3, members=30))
    now = datetime(2027, 1, 1, tzinfo=UTC)
    feeds = Feeds(put_in_force(configuration), Links("https://cities.example", b"a key"), now)

    sessions = {feeds.city_feed(city).octets.count(b"STATUS:CONFIRMED") for city in configuration.members}

    assert len(configuration.members) == 30
    assert min(sessions) >= 6


def test_a_correction_is_of_one_session() -> None:
    configuration = made_up(series=2, sessions=3, members=5)

    other, changed = renamed(configuration)

    assert changed == "talk-1.series-0000"
    assert [before == after for before, after in zip(configuration.series, other.series, strict=True)] == [
        False,
        True,
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_long_memory_is_made_of_rows_like_any_other(database: Database, tmp_path: Path) -> None:
    stage = Stage(database, tmp_path)
    await stage.apply(a_configuration(a_series(), members=(MANTES, DOHA)), NOW)

    await history.fill(database, "sent", 20, NOW)
    await history.fill(database, "queued", 10, NOW)

    assert await stage.states() == {("reminder", "sent"): 20, ("reminder", "queued"): 10}
    assert {row.sent_at for row in await stage.sent()} == {NOW}
