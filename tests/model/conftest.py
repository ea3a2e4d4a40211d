"""A second opinion on time: zoneinfo with PyPI's tzdata, and never the files of the machine."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

# how long an example takes says nothing about a rule
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ZoneOf = Callable[[str], zoneinfo.ZoneInfo]


@pytest.fixture(scope="session")
def second_opinion() -> Iterator[ZoneOf]:
    """Name -> zone."""
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield zoneinfo.ZoneInfo
    zoneinfo.reset_tzpath(to=before)
    zoneinfo.ZoneInfo.clear_cache()
