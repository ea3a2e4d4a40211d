"""What the tests of the configuration share: a desk for one file, a house of all files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.configuration.desk import Desk
from tests.configuration.house import House

# how long an example takes says nothing about a rule
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, [])


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A copy of config/ that may be broken."""
    return House.copied_to(tmp_path / "config")
