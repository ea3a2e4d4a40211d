"""`scheduler schema`: what editors need to complete, explain and check a file while somebody types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from scheduler.cli.common import counted, err, out
from scheduler.cli.manual import write_schemas
from scheduler.configuration.problems import did_you_mean, listed, quoted
from scheduler.configuration.writing.json_schema import schema_text
from scheduler.configuration.writing.kinds import KINDS, kind_named

_NAMES = [kind.name for kind in KINDS]


def schema(
    name: Annotated[
        str | None, typer.Argument(help=f"Which kind of file: {listed(_NAMES)}.", show_default=False)
    ] = None,
    into: Annotated[Path | None, typer.Option(help="Write all of them into this folder instead.")] = None,
) -> None:
    """Print the JSON Schema of one kind of file; or write all, for editors that explain each key.

    The first line of a file names its schema: # yaml-language-server: $schema=../schema/series.json
    """
    if (name is None) == (into is None):
        _refuse(f"say one of {listed(_NAMES)}, or --into FOLDER for all")
    if into is not None:
        files = write_schemas(into)
        out.print(f"OK: {counted(len(files), 'schema')} in {into}: {listed(file.name for file in files)}")
        return
    kind = kind_named(name or "")
    if kind is None:
        instead = did_you_mean(name or "", _NAMES, f"known: {listed(_NAMES)}")
        _refuse(f"{quoted(name or '')} is no kind of file; {instead}")
    out.print(schema_text(kind), end="")


def _refuse(why: str) -> NoReturn:
    err.print(f"error: {why}")
    raise typer.Exit(2)
