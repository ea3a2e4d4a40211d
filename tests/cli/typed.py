"""The command line as it is typed: as a process, or in the test's own one, which spares a second of start.

Every command, and every way to end, is run as a process at least once; what a process alone can show (locks,
limits, signals) always is.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from scheduler.cli.main import run
from tests.cast import ROOT

Done = subprocess.CompletedProcess[str]


def surroundings(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of this machine without settings of the service, and then what is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SCHEDULER_")}
    return {**clean, "COLUMNS": "200", **environment}


def started(*words: str, environment: Mapping[str, str] = {}, cwd: Path = ROOT) -> Done:
    """`scheduler WORDS`, as a process."""
    return spawned(sys.executable, "-m", "scheduler", *words, environment=environment, cwd=cwd)


def spawned(*command: str, environment: Mapping[str, str] = {}, cwd: Path = ROOT) -> Done:
    there = surroundings(environment)
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=there, check=False)  # noqa: S603


def typed(*words: str, environment: Mapping[str, str] = {}, cwd: Path = ROOT) -> Done:
    """`scheduler WORDS`, in this process. What is not a sentence but a traceback is raised.

    Where a loop runs already: `await asyncio.to_thread(typed, ...)`.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["scheduler", *words])
        patch.chdir(cwd)
        _replace_environment(patch, surroundings(environment))
        code = _ended()
    return Done(list(words), code, _text(out), _text(err))


def _replace_environment(patch: pytest.MonkeyPatch, wanted: Mapping[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        patch.delenv(name)
    for name, value in wanted.items():
        patch.setenv(name, value)


def _ended() -> int:
    """The exit code, as the shell would see it."""
    try:
        run()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _text(file: io.TextIOWrapper) -> str:
    buffer = file.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")
