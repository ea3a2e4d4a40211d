"""Keeps a task of ours running: whatever it fails of is said, counted, and it starts again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from scheduler import logs
from scheduler.errors import SchedulerError
from scheduler.service.meters import Meters

#: Seconds before the next start: doubled with each failure, short enough that a reminder that falls due
#: just after the database came back is still on time.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
#: Who has run so many seconds has recovered.
_RECOVERED = 10.0

_log = logs.get("supervision")


async def keep_running(name: str, work: Callable[[], Awaitable[None]], meters: Meters) -> None:
    """Until `work` returns by itself, or this is cancelled."""
    pause = _FIRST_PAUSE
    while True:
        began = monotonic()
        try:
            return await work()
        except SchedulerError as error:
            _log.error("a task starts again", action="restart", task=name, why=str(error))
        except Exception:
            _log.exception("a task starts again", action="restart", task=name)
        meters.failed(name)
        pause = _FIRST_PAUSE if monotonic() - began > _RECOVERED else min(2 * pause, _LONGEST_PAUSE)
        await asyncio.sleep(pause)
