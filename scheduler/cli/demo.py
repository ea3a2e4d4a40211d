"""`make demo`: the main job on the real programme. Three rehearsals for the members of those days."""

from __future__ import annotations

import sys
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from scheduler.cli.common import accepted, counted, err, is_terminal, out, read_configuration, span
from scheduler.cli.rehearse import play, totals
from scheduler.errors import SchedulerError
from scheduler.model.programme import only


@dataclass(frozen=True)
class Act:
    """One rehearsal of the demo."""

    folder: str
    #: series or cycle
    part: str
    first: str
    #: the day after the last one
    last: str


ACTS = (
    Act("recovery-2020", "covid-19-recovery", "2020-05-15", "2021-01-15"),
    Act("report-2021", "report-2021", "2021-09-27", "2022-02-01"),
    Act("response-2024", "covid-19-response", "2024-03-01", "2024-07-15"),
)


def demo(folder: Path) -> None:
    """Plays the acts, two at a time, the longest first; prints what each left."""
    began = time.perf_counter()
    accepted(read_configuration(None))
    mails = 0
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        playing = {act: pool.submit(_play, act, folder / act.folder) for act in reversed(ACTS)}
        for act in ACTS:
            out.print(f"{act.part}, {act.first} to {act.last}")
            number, lines = _awaited(playing[act])
            mails += number
            for line in (*lines, ""):
                out.print(line)
    took = time.perf_counter() - began
    out.print(f"{counted(mails, 'mail')} in {took:.0f} s, none of them left this machine.")
    out.print(f"Open {folder}/{ACTS[0].folder}/index.html in a browser, or any mailbox/ with a mail program.")


def _awaited(playing: Future[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    """The result; on a terminal something moves until it is there."""
    if not is_terminal():
        return playing.result()
    with err.status("playing ..."):
        return playing.result()


def _play(act: Act, folder: Path) -> tuple[int, list[str]]:
    """How many mails, and the lines that say so."""
    configuration = accepted(read_configuration(None))
    start, end = span(act.first, act.last, configuration.network.zone)
    rehearsal = play(only(configuration, [act.part]), start, end, folder, show=False)
    return len(rehearsal.timeline), list(totals(rehearsal))


if __name__ == "__main__":
    try:
        demo(Path(sys.argv[1]))
    except SchedulerError as error:
        err.print(f"error: {error}")
        sys.exit(1)
