"""`python -m bench`: all measurements, one after the other."""

from __future__ import annotations

import sys

from bench.measured import measure

if __name__ == "__main__":
    check = measure("check", 3.0)
    # nothing is in force, so every session of the year is new
    plan = measure("plan", 10.0, "--until", "2028-01-01")
    sys.exit(max(check, plan))
