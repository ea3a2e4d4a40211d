"""The command line: `scheduler COMMAND`. Exit 0: fine, 1: problems found, 2: wrong usage."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from scheduler.errors import SchedulerError

#: command -> module and what it is called there: a function, or the `app` of several commands. A module is
#: loaded when its command is typed, so that none waits for the libraries of the others.
_COMMANDS = {
    "new": ("new", "app"),
    "check": ("check", "check"),
    "plan": ("plan", "plan"),
    "preview": ("preview", "preview"),
    "send-test": ("send_test", "send_test"),
    "apply": ("apply", "apply"),
    "status": ("status", "status"),
    "hold": ("hold", "hold"),
    "resume": ("hold", "resume"),
    "members": ("members", "app"),
    "cases": ("cases", "app"),
    "deliveries": ("deliveries", "app"),
    "replies": ("replies", "app"),
    "bounces": ("bounces", "app"),
    "feeds": ("feeds", "app"),
    "clocks": ("clocks", "app"),
    "rehearse": ("rehearse", "rehearse_command"),
    "serve": ("serve", "serve"),
    "doctor": ("doctor", "doctor"),
    "db": ("db", "app"),
    "schema": ("schema", "schema"),
}


class _Commands(TyperGroup):
    """The commands in the order in which staff, then ops, need them."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found = getattr(import_module(f"scheduler.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            alone.command(cmd_name)(found)
            found = alone
        command = typer.main.get_command(found)
        command.name = cmd_name
        return command


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def scheduler() -> None:
    """Webinars, invitations and report deadlines for a network of cities, each at its own hour."""


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
