"""What a check has found, and how all checks are made at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Thread
from time import monotonic

#: Seconds that one check may take.
PATIENCE = 10


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    level: Level
    #: what it is about
    about: str
    #: what was found
    what: str
    #: what to do
    do: str = ""
    #: it is of no use to look further
    is_the_end: bool = False

    def __str__(self) -> str:
        return f"{self.level:<8} {self.about:<13} {self.what}" + (f" -> {self.do}" if self.do else "")


Findings = Iterator[Finding]
Check = Callable[[], Findings]


def look_at_all(checks: Mapping[str, Check], patience: float = PATIENCE) -> list[Finding]:
    """All at once, in the order given. None of them can end the command, or keep it from its end."""
    found: dict[str, list[Finding]] = {}

    def look(about: str, check: Check) -> None:
        try:
            found[about] = list(check())
        except Exception as error:  # one check; only the name, for its text may hold a password
            said = f"the check itself failed ({type(error).__name__})"
            found[about] = [Finding(Level.PROBLEM, about, said, "tell the developers")]

    threads = [Thread(target=look, args=one, name=one[0], daemon=True) for one in checks.items()]
    for thread in threads:
        thread.start()
    until = monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
    late = f"did not answer within {patience:g} seconds"
    return [
        finding
        for about in checks
        for finding in found.get(
            about, [Finding(Level.PROBLEM, about, late, "see whether disk and net are well")]
        )
    ]


def unwell(findings: Findings) -> Findings:
    """Without what is well and said elsewhere."""
    return (finding for finding in findings if finding.level is not Level.OK)


def minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def length(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
