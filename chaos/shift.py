"""A clock that is set while a service runs, for its processes alone.

With libfaketime (Debian: apt-get install libfaketime) the whole process believes it, APScheduler and the
interpreter included. Without it only the service's own clock object does, by way of `chaos/entry.py`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.house import House

_PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")


@dataclass
class Shift:
    """How far the clock of some processes is ahead of this machine's."""

    file: Path

    def __post_init__(self) -> None:
        self.set(0)

    def set(self, seconds: float) -> None:
        """Negative: behind. It is seen within a second."""
        draft = self.file.with_suffix(".new")
        draft.write_text(f"{seconds:+.0f}\n")
        os.replace(draft, self.file)

    def on(self, house: House) -> House:
        """The same house, living by this clock."""
        library = find_library()
        if library is None:
            environment = {**house.environment, "CHAOS_SHIFT": str(self.file)}
            return replace(house, environment=environment, command=("-m", "chaos.entry"))
        faked = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            # waits go on as they are: no clock of a machine that is set changes how long a second is
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        return replace(house, environment={**house.environment, **faked})


def find_library() -> Path | None:
    found = (path for place in _PLACES for path in Path(place).glob("**/libfaketimeMT.so.1"))
    return next(found, None)


def means() -> str:
    """How clocks are set here, in a sentence for the report."""
    if find_library():
        return "the clock of the process is set with libfaketime"
    return "only the service's clock object is set (libfaketime is not installed)"
