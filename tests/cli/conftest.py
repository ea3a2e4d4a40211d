"""A furnished house for commands that act on what is in force."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.typed import typed
from tests.serving.house import House


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two cities, and a session in five hours that is in force; its invitations are due."""
    house = House(tmp_path_factory.mktemp("furnished") / "house").furnish(2)
    house.write_session(datetime.now(UTC) + timedelta(hours=5))
    there = {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}
    typed("apply", environment=there)
    return house.folder


@pytest.fixture
def house(furnished: Path, tmp_path: Path) -> House:
    return House(shutil.copytree(furnished, tmp_path / "house"))
