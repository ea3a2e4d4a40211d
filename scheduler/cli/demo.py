"""`make demo`: the main job on the real programme. Three rehearsals for the members of those days."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from scheduler.cli.common import accepted, counted, out, read_configuration, span
from scheduler.cli.rehearse import play, totals
from scheduler.model.programme import only

#: (folder, series or cycle, first day, day after the last)
ACTS = (
    ("recovery-2020", "covid-19-recovery", "2020-05-15", "2021-01-15"),
    ("report-2021", "report-2021", "2021-09-27", "2022-02-01"),
    ("response-2024", "covid-19-response", "2024-03-01", "2024-07-15"),
)


def demo(folder: Path) -> None:
    began = time.perf_counter()
    configuration = accepted(read_configuration(None))
    mails = 0
    for name, part, first, last in ACTS:
        start, end = span(first, last, configuration.network.zone)
        out.print(f"{part}, {first} to {last}")
        rehearsal = play(only(configuration, [part]), start, end, folder / name)
        mails += len(rehearsal.timeline)
        for line in totals(rehearsal):
            out.print(line)
        out.print()
    took = time.perf_counter() - began
    out.print(f"{counted(mails, 'mail')} in {took:.0f} s, none of them left this machine.")
    out.print(f"Open {folder}/{ACTS[0][0]}/index.html in a browser, or any mailbox/ with a mail program.")


if __name__ == "__main__":
    demo(Path(sys.argv[1]))
