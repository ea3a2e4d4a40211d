"""`scheduler cases`: who must report, how far each report is, and what became of it."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False, help="Look at the cases of a round, and decide.", no_args_is_help=True)


@app.callback()
def cases() -> None:
    """Look at the cases of a round, and decide."""
