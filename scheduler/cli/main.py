"""The command line: `scheduler COMMAND`. Exit 0: fine, 1: problems found, 2: wrong usage."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from scheduler.cli import apply, check, db, doctor, plan, rehearse, serve, status
from scheduler.errors import SchedulerError

app = typer.Typer(
    help="Webinars, invitations and report deadlines for a network of cities, each at its own hour.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("check")(check.check)
app.command("plan")(plan.plan)
app.command("apply")(apply.apply)
app.command("rehearse")(rehearse.rehearse_command)
app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.add_typer(db.app, name="db")


def run() -> None:
    """The console command. What the service refuses, or the machine, is one sentence, never a traceback."""
    try:
        app()
    except SchedulerError as error:
        _end(str(error))
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        _end(f"{error.strerror or error}{place}")


def _end(why: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"error: {why}", markup=False)
    sys.exit(1)
