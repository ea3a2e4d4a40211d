"""What a running service makes of the files that staff edit (P01, P04)."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import func, select
from watchfiles import Change

from scheduler.configuration.load import load
from scheduler.errors import ConfigurationMoved
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import build_daemon
from scheduler.service.daemon import Daemon
from scheduler.service.delivery import Deliverer
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.proposals import Proposals, Standing, compare
from scheduler.settings import Settings
from scheduler.store import tables
from scheduler.store.database import Database
from tests.engines import opened
from tests.serving.house import House, until


@pytest.fixture
async def database(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[Database]:
    async with opened(Path(shutil.copy(migrated_sqlite, tmp_path / "test.sqlite"))) as found:
        yield found


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "house").furnish(2)
    house.write_session(datetime.now(UTC) + timedelta(days=60))
    return house


@asynccontextmanager
async def serving(
    database: Database, house: House, shown: asyncio.Event | None = None
) -> AsyncIterator[Daemon]:
    quick: dict[str, Any] = {"tick_seconds": 1, "quiet_seconds": 0.2, "secret_key": "k" * 32}
    daemon = build_daemon(Settings(config=house.config, data=house.folder, **quick), database)
    async with daemon.running(shown=shown):
        yield daemon


async def applied(database: Database) -> int:
    """How often something came into force."""
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(tables.configurations)) or 0


async def title(daemon: Daemon) -> str:
    in_force = await daemon.in_force()
    assert in_force
    return in_force.configuration.series[0].title


def configuration_of(daemon: Daemon) -> int:
    """The number of what was in force at the last look."""
    return daemon.memory.known.id if daemon.memory.known else 0


def stands(daemon: Daemon, standing: Standing) -> bool:
    return daemon.proposals.seen.standing is standing


async def test_the_first_start_applies_the_files(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        assert await title(daemon) == "Talks"
        assert daemon.health().not_ready == ()
        assert daemon.health().warnings == ()


async def test_an_edit_is_applied_by_itself(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
        await until(lambda: configuration_of(daemon) == 2)

        assert await title(daemon) == "Talks at noon"


async def test_an_edit_after_the_reading_and_before_the_watch_is_seen(
    database: Database, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Proposals._edits

    def edited_before(proposals: Proposals) -> AsyncIterator[set[tuple[Change, str]]]:
        house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
        return watch(proposals)

    monkeypatch.setattr(Proposals, "_edits", edited_before)
    async with serving(database, house) as daemon:
        await until(lambda: configuration_of(daemon) == 2)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a service does, in the order in which it begins."""
    order: list[str] = []

    def note(owner: type, name: str) -> None:
        really = getattr(owner, name)

        def noted(self: Any) -> Any:
            order.append(f"{owner.__name__}.{name}")
            return really(self)

        monkeypatch.setattr(owner, name, noted)

    note(Proposals, "look")
    note(Engine, "look")
    note(Deliverer, "run")
    return order


async def test_what_is_in_force_is_shown_before_anything_else_begins(
    database: Database, house: House, begun: list[str]
) -> None:
    async with serving(database, house):
        pass
    house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
    begun.clear()
    shown = asyncio.Event()
    async with serving(database, house, shown) as daemon:
        for _ in range(100):  # whatever could begin would have
            await asyncio.sleep(0)
        assert begun == []
        assert daemon.health().not_ready == ()
        assert daemon.health().warnings == ("the files are being read; nothing is sent before that",)

        shown.set()
        await until(lambda: configuration_of(daemon) == 2 and len(begun) >= 3)

    assert begun[0] == "Proposals.look"
    assert {"Engine.look", "Deliverer.run"} <= set(begun)


async def test_a_stop_waits_for_nothing_that_has_not_begun(
    database: Database, house: House, begun: list[str]
) -> None:
    async with serving(database, house):
        pass
    begun.clear()
    async with serving(database, house, asyncio.Event()):
        stopping_at = monotonic()

    assert monotonic() - stopping_at < 5  # and not the 22 s that mails on their way would have
    assert begun == []


async def test_where_a_person_must_confirm_an_edit_waits(database: Database, house: House) -> None:
    house.edit("network.yaml", "apply: auto", "apply: confirm")
    async with serving(database, house) as daemon:
        house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
        await until(lambda: stands(daemon, Standing.WAITS))

        assert await title(daemon) == "Talks"
        assert daemon.health().warnings == (Standing.WAITS.value,)


async def test_no_file_can_free_itself_of_the_person(database: Database, house: House) -> None:
    """An edit that says `apply: auto` waits as well, while `confirm` is in force."""
    house.edit("network.yaml", "apply: auto", "apply: confirm")
    async with serving(database, house) as daemon:
        house.edit("network.yaml", "apply: confirm", "apply: auto")
        await until(lambda: stands(daemon, Standing.WAITS))

        assert await applied(database) == 1


async def test_a_broken_file_changes_nothing(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        house.edit("series/talks.yaml", "audience: World", "audience: Wrld")
        await until(lambda: stands(daemon, Standing.BROKEN))

        (warning,) = daemon.health().warnings
        assert "the files have errors; what was in force stays: 1 error" in warning
        assert "series/talks.yaml:3:11" in warning
        assert daemon.health().not_ready == ()
        assert await applied(database) == 1


async def test_a_name_that_calendars_hold_on_to_is_not_applied_by_itself(
    database: Database, house: House
) -> None:
    configuration = load(house.config).configuration
    assert configuration
    await put_in_force(database, configuration, now=datetime.now(UTC), by="Anna", replaces=None)
    row = {"contact_id": 1, "occurrence": "talks", "uid": "x", "sequence": 0, "method": ""}
    known = {**row, "status": "confirmed", "place": "", "told_at": datetime.now(UTC)}
    async with database.write() as connection:
        await connection.execute(tables.told.insert().values(**known))
    house.edit("network.yaml", "uid_domain: ", "uid_domain: new.")
    async with serving(database, house) as daemon:
        await until(lambda: stands(daemon, Standing.REFUSED))

        assert await applied(database) == 1
        (warning,) = daemon.health().warnings
        assert warning.startswith(f"{Standing.REFUSED.value}: 1 error, the first in ")


async def test_a_mended_file_is_fine_again(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        house.edit("series/talks.yaml", "audience: World", "audience: Wrld")
        await until(lambda: stands(daemon, Standing.BROKEN))
        house.edit("series/talks.yaml", "audience: Wrld", "audience: World")
        await until(lambda: stands(daemon, Standing.SAME))

        assert daemon.health().warnings == ()
        assert await applied(database) == 1


async def test_a_broken_first_start_waits_for_the_mended_file(database: Database, house: House) -> None:
    house.edit("series/talks.yaml", "audience: World", "audience: Wrld")
    async with serving(database, house) as daemon:
        not_ready = daemon.health().not_ready
        house.edit("series/talks.yaml", "audience: Wrld", "audience: World")
        await until(lambda: not daemon.health().not_ready)

        assert not_ready == ("no configuration is in force",)
        assert await title(daemon) == "Talks"


async def test_a_session_that_vanished_is_said_until_staff_decide(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        (house.config / "series" / "talks.yaml").unlink()
        await until(lambda: configuration_of(daemon) == 2)

        assert daemon.health().warnings == ("held, for they vanished from the files: first.talks",)


async def test_what_was_in_force_before_does_not_come_back_by_itself(
    database: Database, house: House
) -> None:
    async with serving(database, house) as daemon:
        house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
        await until(lambda: configuration_of(daemon) == 2)
        house.edit("series/talks.yaml", "title: Talks at noon", "title: Talks")
        await until(lambda: stands(daemon, Standing.RETURNED))

        assert await title(daemon) == "Talks at noon"


async def test_older_files_that_lack_a_session_do_not_come_back_by_themselves(
    database: Database, house: House
) -> None:
    """Put in force they would keep that session, held: a thing that never was. They are old all the same."""
    file = house.config / "series" / "talks.yaml"
    older = file.read_text()
    added = '  - id: second\n    title: The second talk\n    date: 2027-05-01\n    start: "13:00"\n'
    async with serving(database, house) as daemon:
        file.write_text(older.replace("title: Talks", "title: Talks at noon") + added)
        await until(lambda: configuration_of(daemon) == 2)
        file.write_text(older)
        await until(lambda: stands(daemon, Standing.RETURNED))

        assert await title(daemon) == "Talks at noon"
        assert await applied(database) == 2


async def test_an_edit_in_two_halves_is_applied_once(database: Database, house: House) -> None:
    """The first half is a whole configuration too, with a session less."""
    file = house.config / "series" / "talks.yaml"
    whole = (
        file.read_text()
        + '  - id: second\n    title: The second talk\n    date: 2027-05-01\n    start: "13:00"\n'
    )
    async with serving(database, house) as daemon:
        file.write_text(whole[: whole.index("  - id: second")].replace("title: Talks", "title: Half"))
        file.write_text(whole.replace("title: Talks", "title: Whole"))
        await until(lambda: configuration_of(daemon) == 2)

        assert await title(daemon) == "Whole"
        assert await applied(database) == 2


async def test_half_a_file_that_lies_still_changes_nothing(database: Database, house: House) -> None:
    """The editor needs longer for the second half than anybody waits."""
    file = house.config / "series" / "talks.yaml"
    whole = file.read_text().replace("title: Talks", "title: Whole")
    async with serving(database, house) as daemon:
        file.write_text(whole[: whole.index("sessions:") + 20])
        await until(lambda: stands(daemon, Standing.BROKEN))
        half = await title(daemon)
        file.write_text(whole)
        await until(lambda: configuration_of(daemon) == 2)

        assert (half, await title(daemon)) == ("Talks", "Whole")
        assert await applied(database) == 2


async def test_a_file_that_vanished_changes_nothing(database: Database, house: House) -> None:
    file, away = house.config / "members.csv", house.folder / "members.csv"
    async with serving(database, house) as daemon:
        shutil.move(file, away)
        await until(lambda: stands(daemon, Standing.BROKEN))
        (warning,) = daemon.health().warnings
        shutil.move(away, file)
        await until(lambda: stands(daemon, Standing.SAME))

        assert "members.csv:1:1" in warning
        assert await applied(database) == 1


async def test_a_folder_that_vanished_changes_nothing(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        shutil.move(house.config, house.folder / "away")
        await until(lambda: stands(daemon, Standing.BROKEN))
        shutil.move(house.folder / "away", house.config)
        await until(lambda: stands(daemon, Standing.SAME))

        assert await applied(database) == 1


async def test_another_folder_in_its_place_is_watched_again(database: Database, house: House) -> None:
    async with serving(database, house) as daemon:
        shutil.copytree(house.config, house.folder / "other")
        shutil.rmtree(house.config)
        await until(lambda: stands(daemon, Standing.BROKEN))
        shutil.move(house.folder / "other", house.config)
        await until(lambda: stands(daemon, Standing.SAME))
        house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
        await until(lambda: configuration_of(daemon) == 2)

        assert await title(daemon) == "Talks at noon"


def mount(house: House) -> Path:
    """As Kubernetes mounts a configuration: the files are links into ..data, which is a link to a folder."""
    old = house.folder / "..old"
    shutil.move(house.config, old)
    house.config.mkdir()
    (house.config / "..data").symlink_to(old)
    for name in ("network.yaml", "countries.csv", "notices.yaml", "members.csv", "series"):
        (house.config / name).symlink_to(Path("..data") / name)
    return old


def swap(house: House, old: Path, name: str, was: str, now: str) -> None:
    """..data becomes a link to another folder, whole, in one step."""
    new = shutil.copytree(old, house.folder / name)
    file = new / "series" / "talks.yaml"
    file.write_text(file.read_text().replace(was, now))
    (house.config / "..tmp").symlink_to(new)
    os.replace(house.config / "..tmp", house.config / "..data")


async def test_a_swapped_link_is_noticed(database: Database, house: House) -> None:
    old = mount(house)
    async with serving(database, house) as daemon:
        swap(house, old, "..new", "title: Talks", "title: Swapped")
        await until(lambda: configuration_of(daemon) == 2)

        assert await title(daemon) == "Swapped"


async def test_a_link_swapped_to_a_broken_folder_changes_nothing(database: Database, house: House) -> None:
    old = mount(house)
    async with serving(database, house) as daemon:
        swap(house, old, "..broken", "audience: World", "audience: Wrld")
        await until(lambda: stands(daemon, Standing.BROKEN))
        swap(house, old, "..mended", "title: Talks", "title: Mended")
        await until(lambda: configuration_of(daemon) == 2)

        assert await title(daemon) == "Mended"


async def test_an_edit_replaces_only_what_it_was_compared_with(database: Database, house: House) -> None:
    """Another configuration came into force after the comparison: this one must look again."""
    async with serving(database, house):
        pass
    house.edit("series/talks.yaml", "title: Talks", "title: Talks at noon")
    compared = await compare(database, Memory(), load(house.config), now=datetime.now(UTC))
    house.edit("series/talks.yaml", "title: Talks at noon", "title: Talks at night")
    async with serving(database, house):
        pass
    assert compared.proposal

    with pytest.raises(ConfigurationMoved):
        await put_in_force(
            database, compared.proposal, now=datetime.now(UTC), by="Anna", replaces=compared.replaces
        )
