"""How many connections there may be."""

from __future__ import annotations

import pytest

from scheduler.web.limits import Limits


@pytest.mark.parametrize(
    ("files", "room"), [(1024, 896), (20_000, 2000), (-1, 2000), (256, 128), (64, 32), (2048, 1920)]
)
def test_files_and_mails_keep_their_descriptors(files: int, room: int) -> None:
    assert Limits().room(files) == room
