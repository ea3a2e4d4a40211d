"""`scheduler` and `python -m scheduler`. A container's first process ignores every signal that it did not ask
for: so a stop is heard from the very beginning, before the libraries are loaded."""

from __future__ import annotations

import signal
import sys
from types import FrameType

#: What a shell says of a program that SIGTERM ended.
_ENDED = 128 + signal.SIGTERM


def run() -> None:
    signal.signal(signal.SIGTERM, _end)
    from scheduler.cli.main import run

    run()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(_ENDED)


if __name__ == "__main__":
    run()
