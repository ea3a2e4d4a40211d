"""`python -m bench.check`: how long `scheduler check` takes; the limit is 3 s for 6,000 sessions."""

from __future__ import annotations

import sys

from bench.measured import measure

if __name__ == "__main__":
    sys.exit(measure("check", 3.0))
