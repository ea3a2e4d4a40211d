"""`scheduler check`: reads every file, says every problem at once, touches nothing."""

from __future__ import annotations

import typer

from scheduler.cli.common import ConfigOption, contents, counted, out, read_configuration
from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import Severity


def check(config: ConfigOption = None) -> None:
    """Say all that is wrong in the configuration: file, line, column, what, and what to write instead."""
    loaded = read_configuration(config)
    for problem in loaded.problems:
        out.print(str(problem))
    out.print(_last_line(loaded))
    if loaded.configuration is None:
        raise typer.Exit(1)


def _last_line(loaded: Loaded) -> str:
    errors = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
    warnings = len(loaded.problems) - errors
    said = ", ".join(
        counted(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number
    )
    if loaded.configuration is None:
        return f"Not usable: {said}"
    return f"OK: {contents(loaded.configuration)}" + (f"; {said}" if said else "")
