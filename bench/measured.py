"""One command of the product as whole, fresh processes, at two sizes ten times apart.

The reference is libyaml alone, loading the same files in the same run: it tells a slow machine from a slow
program.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.made_up import write_configuration

#: (series, sessions of each, members)
SIZES = {"1x": (50, 12, 1_000), "10x": (500, 12, 10_000)}
MOST_MEGABYTES = 400
#: The best of so many runs counts: what a machine does besides is no time of ours.
RUNS = 3
_REFERENCE = """
import pathlib, sys, yaml
for path in pathlib.Path(sys.argv[1]).rglob("*.yaml"):
    yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    megabytes: float


def measure(command: str, most_seconds: float, *options: str) -> int:
    """Prints seconds, memory and time per session; gives 1 where the large size is over its limits."""
    print(f"{f'scheduler {command}':<37}  seconds    MB  µs/session  x libyaml alone")
    runs = {size: _measured(size, command, options) for size in SIZES}
    large = runs["10x"]
    if large.seconds > most_seconds or large.megabytes > MOST_MEGABYTES:
        print(f"over the limit of {most_seconds:g} s and {MOST_MEGABYTES} MB")
        return 1
    return 0


def _measured(size: str, command: str, options: tuple[str, ...]) -> Run:
    series, sessions, members = SIZES[size]
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        write_configuration(config, series, sessions, members)
        words = [sys.executable, "-m", "scheduler", command, "--config", str(config), *options]
        run = _best(words, folder)
        reference = _best([sys.executable, "-c", _REFERENCE, str(config)], folder)
    number = series * sessions
    what = f"{size:>3} {number:>6,} sessions, {members:>6,} members"
    each, times = run.seconds / number * 1e6, run.seconds / reference.seconds
    print(f"{what}  {run.seconds:8.2f}  {run.megabytes:4.0f}  {each:10.0f}  {times:15.1f}")
    return run


def _best(command: list[str], folder: str) -> Run:
    return min((_run(command, folder) for _ in range(RUNS)), key=lambda run: run.seconds)


def _run(command: list[str], folder: str) -> Run:
    """A fresh process, without any settings or database of this machine."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")}
    environment["SCHEDULER_DATA"] = folder
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:  # noqa: S603
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(time.perf_counter() - begin, _megabytes(used))


def _megabytes(used: resource.struct_rusage) -> float:
    """Linux counts in kibibytes, macOS in bytes."""
    return used.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)
