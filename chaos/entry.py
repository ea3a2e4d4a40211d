"""`python -m chaos.entry serve`: the scheduler, with a fault put into it from outside.

The product knows nothing of this; what is changed here is changed in this process alone.

CHAOS_POISON=text   writing a mail in which this personal value stands ends the process at once
CHAOS_SHIFT=file    the service's clock is ahead of this machine's by the seconds in the file
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from scheduler.__main__ import run
from scheduler.service.real_clock import RealClock
from scheduler.stencil import Stencil


def poison(text: str) -> None:
    fill = Stencil.fill

    def deadly(self: Stencil, values: Mapping[str, str]) -> str:
        if text in values.values():
            os._exit(1)
        return fill(self, values)

    Stencil.fill = deadly  # type: ignore[method-assign]


def shift(file: Path) -> None:
    """The clock of this machine, as the service's clock object reads it."""
    begin = RealClock.__init__

    def machine() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))

    def shifted(self: RealClock, *args: Any, **named: Any) -> None:
        begin(self, *args, **{"machine": machine, **named})

    RealClock.__init__ = shifted  # type: ignore[method-assign]


if __name__ == "__main__":
    if given := os.environ.get("CHAOS_POISON"):
        poison(given)
    if given := os.environ.get("CHAOS_SHIFT"):
        shift(Path(given))
    run()
