"""A task that fails starts again, and an outage does not fill the log."""

from __future__ import annotations

import structlog

from scheduler.errors import DatabaseAway, NothingInForce
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


async def said_of(error: Exception) -> list[tuple[int, str]]:
    """What is said at level error of a task that fails four times: (failures, why)."""
    starts = []

    async def work() -> None:
        starts.append(1)
        if len(starts) < 5:
            raise error

    with structlog.testing.capture_logs() as said:
        await keep_running("work", work, Meters())
    return [(line["failures"], line["why"]) for line in said if line["log_level"] == "error"]


async def test_the_first_second_and_fourth_failure_are_said() -> None:
    assert await said_of(NothingInForce("gone")) == [(1, "gone"), (2, "gone"), (4, "gone")]


async def test_a_database_that_is_away_is_one_error() -> None:
    """D04: for each time, and each task; the others are warnings."""
    assert await said_of(DatabaseAway("gone")) == [(1, "gone")]
