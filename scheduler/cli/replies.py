"""`scheduler replies import`: takes in answers that calendar programs sent by mail."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import counted, database_in_force, err, out, who_decides
from scheduler.configuration.problems import printable
from scheduler.errors import ReplyRefused

if TYPE_CHECKING:
    from scheduler.service.answering import Answering, Taken

app = typer.Typer(add_completion=False, help="Take in answers to invitations.", no_args_is_help=True)

_TAKEN, _OLDER, _REFUSED = "taken", "older", "refused"


@app.callback()
def replies() -> None:
    """Take in answers to invitations."""


@app.command("import")
def import_replies(
    files: Annotated[list[Path], typer.Argument(help="Mails as they arrived (.eml).", show_default=False)],
    by: Annotated[str | None, typer.Option(help="Who takes them in (default: the login name).")] = None,
) -> None:
    """Take in mails with which calendar programs answered an invitation.

    Who declined gets no more reminders of that session, and is told of changes. Each file is one answer of \
one contact, sent from its own address; the latest answer counts. Anything else is refused, and changes \
nothing.
    """
    counts = asyncio.run(_import(files, who_decides(by), datetime.now(UTC)))
    older = f", {counts[_OLDER]:,} older than the one that counts" if counts[_OLDER] else ""
    said = f"{counted(counts[_TAKEN], 'answer')} taken{older}"
    if counts[_REFUSED]:
        out.print(f"{said}; {counted(counts[_REFUSED], 'file')} refused")
        raise typer.Exit(1)
    out.print(f"OK: {said}")


async def _import(files: Sequence[Path], by: str, now: datetime) -> Counter[str]:
    from scheduler.service.answering import Answering
    from scheduler.service.in_force import Memory

    counts = Counter[str]()
    async with database_in_force() as (database, _):
        desk = Answering(database, Memory())
        for file in files:
            counts[await _one(file, desk, by, now)] += 1
    return counts


async def _one(file: Path, desk: Answering, by: str, now: datetime) -> str:
    """Says what became of one file."""
    from scheduler.service.answering import LARGEST_MAIL

    try:
        with file.open("rb") as opened:
            octets = opened.read(LARGEST_MAIL + 1)
        taken = await desk.take_mail(octets, by=by, now=now)
    except (ReplyRefused, OSError) as error:
        why = error.strerror or error if isinstance(error, OSError) else error
        err.print(f"! {printable(file)}: {why}")
        return _REFUSED
    out.print(f"{printable(file)}: {_said(taken)}")
    return _OLDER if taken.is_older else _TAKEN


def _said(taken: Taken) -> str:
    """Gives "medellin declined general-response-1.covid-19-response"."""
    what = "accepted tentatively" if taken.answer == "tentative" else taken.answer
    said = f"{', '.join(taken.members)} {what} {taken.occurrence}"
    return f"{said}, before the answer that counts; nothing was changed" if taken.is_older else said
