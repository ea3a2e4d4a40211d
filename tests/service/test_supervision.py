"""A task that fails starts again, and an outage does not fill the log."""

from __future__ import annotations

import structlog

from scheduler.errors import DatabaseAway
from scheduler.service.meters import Meters
from scheduler.service.supervision import keep_running


async def test_a_task_that_fails_starts_again() -> None:
    starts = []

    async def work() -> None:
        starts.append(1)
        if len(starts) < 3:
            raise ValueError("no")

    await keep_running("work", work, Meters())

    assert len(starts) == 3


async def test_the_first_second_and_fourth_failure_are_said() -> None:
    starts = []

    async def work() -> None:
        starts.append(1)
        if len(starts) < 5:
            raise DatabaseAway("gone")

    with structlog.testing.capture_logs() as said:
        await keep_running("work", work, Meters())

    assert [(line["failures"], line["why"]) for line in said] == [(1, "gone"), (2, "gone"), (4, "gone")]
    assert [line["log_level"] for line in said] == ["error", "warning", "warning"]
