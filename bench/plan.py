"""`python -m bench.plan`: how long `scheduler plan` takes for a year of which nothing is in force yet, so
that every session is new; the limit is 10 s for 6,000 sessions."""

from __future__ import annotations

import sys

from bench.measured import measure

if __name__ == "__main__":
    sys.exit(measure("plan", 10.0, "--until", "2028-01-01"))
