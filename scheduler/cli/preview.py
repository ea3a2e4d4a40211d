"""`scheduler preview`: one mail as one city would see it, written to files; nothing is sent."""

from __future__ import annotations

import asyncio
import os
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ConfigOption,
    accepted,
    database_if_any,
    err,
    find_member,
    out,
    read_configuration,
)
from scheduler.errors import NotDue
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.model.network import Configuration
    from scheduler.service.links import Links
    from scheduler.service.preview import Preview

KindArgument = Annotated[
    str,
    typer.Argument(
        help="announcement, invitation, reminder, changed, cancelled, follow-up; of a round report-opened, "
        "report-moved, report-reminder, report-digest, report-overdue, report-received, report-renewed, "
        "report-incomplete, report-no-progress, report-not-submitted; or the name of a rule, such as "
        "week-before."
    ),
]
OccurrenceArgument = Annotated[
    str,
    typer.Argument(
        help="A session (inclusion.covid-19-recovery) or a round; of an announcement, the series."
    ),
]
MemberOption = Annotated[str, typer.Option(help="The city, by name or slug.")]

#: All that a preview leaves in its folder.
_TEXTS = {"text/html": "mail.html", "text/plain": "mail.txt"}
_CALENDARS = ("invitation.ics", "cancellation.ics")


def preview(
    kind: KindArgument,
    occurrence: OccurrenceArgument,
    member: MemberOption,
    into: Annotated[
        Path | None, typer.Option(help="Folder for the files (default: preview in SCHEDULER_DATA).")
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    config: ConfigOption = None,
) -> None:
    """Show one mail exactly as one city would get it from the files as they are now. Sends nothing.

    It is dated with the moment at which it goes out, also where that is over; a receipt, or a letter \
in which a round ends, as if it went out now. A city's own code for a report is not in it.
    """
    settings, configuration = read_settings(), accepted(read_configuration(config))
    slug = find_member(configuration, member)
    with said_to_staff():
        made = asyncio.run(
            _preview(configuration, kind, occurrence, slug, real_links(settings), datetime.now(UTC))
        )
    folder = into or settings.data / "preview"
    page = _write(made.octets, folder)
    for line in (*_headers(made), *_remarks(made)):
        out.print(line)
    if show and not webbrowser.open(page.resolve().as_uri()):
        err.print(f"no browser could be started; open {page}")
    out.print(f"OK: nothing was sent; open {page}")


async def _preview(
    configuration: Configuration, kind: str, occurrence: str, member: str, links: Links, now: datetime
) -> Preview:
    from scheduler.service.preview import preview

    async with database_if_any() as database:
        return await preview(configuration, kind, occurrence, member, links=links, now=now, database=database)


@contextmanager
def said_to_staff() -> Iterator[None]:
    """Why a mail does not exist, and what the city gets instead."""
    try:
        yield
    except NotDue as error:
        out.print(f"No such mail: {error}.")
        out.print("What this city gets:" if error.gets else "This city gets nothing of it.")
        for line in error.gets:
            out.print(f"  {line}")
        raise typer.Exit(1) from None


def real_links(settings: Settings) -> Links:
    """With the installation's own key where it has one, else with that of rehearsals: none is made here."""
    from scheduler.service.bootstrap import key_file, secret_key
    from scheduler.service.links import Links
    from scheduler.service.rehearsal import REHEARSAL_KEY

    has_key = settings.secret_key.get_secret_value() or key_file(settings).is_file()
    return Links(settings.base_url, secret_key(settings) if has_key else REHEARSAL_KEY)


def _headers(made: Preview) -> Iterator[str]:
    message = message_from_bytes(made.octets)
    for name in ("Subject", "From", "To", "Date"):
        yield f"{name}: {_decoded(message, name)}"


def _decoded(message: Message, name: str) -> str:
    value = str(message[name]).replace("\r\n", "")
    return str(make_header(decode_header(value)))


def _remarks(made: Preview) -> Iterator[str]:
    if not made.may_go:
        yield "It would not leave: only_to in network.yaml does not allow this address."


def _write(octets: bytes, folder: Path) -> Path:
    """The message and its parts, for their owner's eyes only: the city's secret address stands in them.

    Gives the page. What an earlier preview left there is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {"mail.eml": octets, **_parts(octets)}
    for name in ("mail.eml", *_TEXTS.values(), *_CALENDARS):
        (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    return folder / "mail.html"


def _parts(octets: bytes) -> dict[str, bytes]:
    """Name of the file -> what the reader's program shows."""
    found = {}
    for part in message_from_bytes(octets).walk():
        name = part.get_filename() or _TEXTS.get(part.get_content_type())
        content = part.get_payload(decode=True)
        if name and isinstance(content, bytes):
            found[name] = content
    return found
