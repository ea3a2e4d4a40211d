from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.store.database import Database
from tests.service.stage import Stage


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)
