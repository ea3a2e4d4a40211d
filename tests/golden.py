"""Golden files show a whole mail or calendar: when one changes, the diff is the review.

`UPDATE_GOLDEN=1 pytest` writes them anew.
"""

from __future__ import annotations

import os
from pathlib import Path


def assert_golden(path: Path, octets: bytes) -> None:
    """The octets are those of the file, or become it."""
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)

    assert octets.decode() == path.read_bytes().decode()
