"""`python -m bench [PART ...]`: all measurements, one after the other, or only those named."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from bench import (
    crowd,
    delivering,
    fanning_out,
    handing_over,
    history,
    importing,
    punctual,
    rates,
    rounding,
    swelling,
    ticking,
    writing,
)
from bench.measured import measure


def _plan() -> int:
    # nothing is in force, so every session of the year is new
    return measure("plan", 10.0, "--until", "2028-01-01")


def _shelving() -> int:
    """In a process of its own, for it measures its memory."""
    return subprocess.run([sys.executable, "-m", "bench.shelving"], check=False).returncode


PARTS: dict[str, Callable[[], int]] = {
    "check": lambda: measure("check", 3.0),
    "plan": _plan,
    "rounds": rounding.measure,
    "rates": rates.measure,
    "crowd": crowd.measure,
    "shelving": _shelving,
    "ticking": ticking.measure,
    "history": history.measure,
    "importing": importing.measure,
    "writing": writing.measure,
    "handing-over": handing_over.measure,
    "fan-out": fanning_out.measure,
    "delivering": delivering.measure,
    "memory": swelling.measure,
    "punctual": punctual.measure,
}

if __name__ == "__main__":
    wanted = sys.argv[1:] or list(PARTS)
    if unknown := [name for name in wanted if name not in PARTS]:
        sys.exit(f"{unknown[0]} is not measured here; known: {', '.join(PARTS)}")
    sys.exit(max([PARTS[name]() for name in wanted]))
