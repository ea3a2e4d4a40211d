"""Pages on which a rehearsal can be read in a browser: one for each message, and an index of them all."""

from __future__ import annotations

import email
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scheduler.languages import language
from scheduler.model import times
from scheduler.service.rehearsal import Entry, Rehearsal
from scheduler.shipped import shipped

_SHOWN = ("From", "To", "Subject", "Date", "Message-ID")


@dataclass(frozen=True)
class Line:
    """One message in the index."""

    entry: Entry
    subject: str
    page: str
    #: the hour at which it arrived there
    arrived: str


def write_pages(rehearsal: Rehearsal) -> Path:
    """Writes messages/*.html and index.html into the rehearsal's folder; gives the index."""
    folder = rehearsal.folder
    (folder / "messages").mkdir(exist_ok=True)
    (folder / "messages" / "reading.css").write_text(_render("reading.css"), encoding="utf-8")
    lines = [
        Line(entry, _write_page(folder, number, entry.file), f"messages/{number}.html", _arrived(entry))
        for number, entry in enumerate(rehearsal.timeline)
    ]
    zone, words = rehearsal.in_force.network.zone, language("en")
    days = [
        (words.full_date(day), list(of_day))
        for day, of_day in groupby(lines, key=lambda line: times.local_date(line.entry.instant, zone))
    ]
    index = folder / "index.html"
    index.write_text(
        _render("rehearsal.html", rehearsal=rehearsal, days=days, names=_names(rehearsal)), encoding="utf-8"
    )
    return index


def _write_page(folder: Path, number: int, file: str) -> str:
    """Writes the page of one message; gives its subject."""
    message = email.message_from_bytes((folder / file).read_bytes())
    headers = {name: _header(message, name) for name in _SHOWN}
    parts = {kind: _part(message, kind) for kind in ("text/html", "text/plain", "text/calendar")}
    page = _render("message.html", headers=headers, parts=parts, file=file)
    (folder / "messages" / f"{number}.html").write_text(page, encoding="utf-8")
    return headers["Subject"]


def _header(message: Message, name: str) -> str:
    value = str(message.get(name, "")).replace("\n", "")
    return str(make_header(decode_header(value))) if "=?" in value else value


def _part(message: Message, kind: str) -> str:
    for part in message.walk():
        if part.get_content_type() == kind:
            octets = part.get_payload(decode=True)
            return octets.decode("utf-8").replace("\r\n", "\n") if isinstance(octets, bytes) else ""
    return ""


def _arrived(entry: Entry) -> str:
    return f"{times.local(entry.instant, entry.zone):%H:%M}"


def _names(rehearsal: Rehearsal) -> dict[str, str]:
    return {slug: member.name for slug, member in rehearsal.in_force.members.items()}


def _render(name: str, **values: object) -> str:
    return _environment().get_template(f"pages/{name}").render(values)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    loader = FileSystemLoader(shipped("templates"))
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
