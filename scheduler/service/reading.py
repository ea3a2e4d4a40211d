"""Pages on which a rehearsal can be read in a browser: one for each message, and an index of them all."""

from __future__ import annotations

import email
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from functools import lru_cache
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scheduler.languages import language
from scheduler.model import times
from scheduler.service.rehearsal import Entry, Rehearsal
from scheduler.shipped import shipped

#: Below this many messages a second process costs more than it saves.
_WORTH_A_PROCESS = 1000
_CHUNK = 500
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
    files = [entry.file for entry in rehearsal.timeline]
    lines = [
        Line(entry, subject, f"messages/{number}.html", _arrived(entry))
        for number, (entry, subject) in enumerate(
            zip(rehearsal.timeline, _subjects(folder, files), strict=True)
        )
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


def _subjects(folder: Path, files: Sequence[str]) -> Iterator[str]:
    """Writes the page of each message; gives the subjects in order."""
    numbered = list(enumerate(files))
    chunks = [numbered[start : start + _CHUNK] for start in range(0, len(numbered), _CHUNK)]
    if len(files) < _WORTH_A_PROCESS:
        for chunk in chunks:
            yield from _write_chunk(folder, chunk)
        return
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for subjects in pool.map(_write_chunk, [folder] * len(chunks), chunks):
            yield from subjects


def _write_chunk(folder: Path, files: Sequence[tuple[int, str]]) -> list[str]:
    subjects = []
    for number, file in files:
        message = email.message_from_bytes((folder / file).read_bytes())
        headers = {name: _header(message, name) for name in _SHOWN}
        parts = {kind: _part(message, kind) for kind in ("text/html", "text/plain", "text/calendar")}
        page = _render("message.html", headers=headers, parts=parts, file=file)
        (folder / "messages" / f"{number}.html").write_text(page, encoding="utf-8")
        subjects.append(headers["Subject"])
    return subjects


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
