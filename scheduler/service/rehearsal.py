"""A span of time played through the real engine, outbox, letters and mailbox, on a virtual clock."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from scheduler.errors import SchedulerError
from scheduler.mail.mailbox import Maildir
from scheduler.model import changes, times
from scheduler.model.network import Configuration
from scheduler.model.notices import REPORTS, Kind
from scheduler.service.apply import put_in_force
from scheduler.service.bootstrap import Rehearsing, build_rehearsing
from scheduler.service.feeds import Feed, Feeds
from scheduler.service.in_force import InForce, read_in_force
from scheduler.service.links import Links
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import counts, outbox
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

#: Signs the addresses in rehearsed mails: never the key of a real installation, so that no rehearsal
#: lays open a real city's address, and two rehearsals give the same bytes.
REHEARSAL_KEY = b"rehearsal"
#: What a folder may hold to be emptied for a new rehearsal.
_OURS = {"mailbox", "feeds", "messages", "timeline.json", "index.html"}
#: Never the name of a real installation's database.
_DATABASE = "rehearsal.sqlite"
#: Says that a folder was made by a rehearsal, and may be emptied for another one.
_MARK = ".rehearsal"

Progress = Callable[[datetime], None]


@dataclass(frozen=True)
class Edit:
    """Another configuration that is applied in the middle of a rehearsal."""

    at: datetime
    configuration: Configuration


@dataclass(frozen=True)
class Entry:
    """One delivery of the time line."""

    #: when it was sent, aware UTC
    instant: datetime
    kind: str
    occurrence: str
    rule: str
    member: str
    role: str
    address: str
    message_id: str
    #: start of the session, or the deadline, as the mail shows it there; ISO 8601 with offset
    shown_local: str | None
    method: str | None
    sequence: int | None
    #: inside the folder of the rehearsal
    file: str
    #: the zone whose hours the mail says
    zone: str


@dataclass(frozen=True)
class Rehearsal:
    """What was played, and where it lies."""

    folder: Path
    start: datetime
    end: datetime
    timeline: Sequence[Entry]
    #: (kind, state) -> number, for what was not sent
    unsent: dict[tuple[str, str], int]
    feeds: Sequence[Feed]
    #: what vanished from the files on the way, and waits for a decision
    held: Sequence[str]
    in_force: InForce


async def rehearse(
    configuration: Configuration,
    start: datetime,
    end: datetime,
    folder: Path,
    base_url: str,
    edits: Sequence[Edit] = (),
    progress: Progress | None = None,
) -> Rehearsal:
    """Plays [start, end) with a fresh database into `folder`, which is emptied first.

    Raises SchedulerError for a folder that holds anything else than an earlier rehearsal.
    """
    _make_room(folder)
    clock = VirtualClock(start, end, progress)
    mailbox = Maildir(folder / "mailbox", durable=False).open()
    links = Links(base_url, REHEARSAL_KEY)
    database = open_database(f"sqlite:///{folder / _DATABASE}", durable=False)
    try:
        await migrate(database)
        await put_in_force(database, configuration, now=start, by="rehearsal", replaces=None)
        await _play(database, clock, mailbox, links, edits)
        async with database.read() as connection:
            in_force = await read_in_force(connection)
            timeline = [_entry(row) async for row in outbox.sent(connection)]
            states = await counts.count_by_state(connection)
    finally:
        await database.close()
    feeds = _write_feeds(folder, Feeds(in_force, links, end))
    _write_timeline(folder, timeline)
    unsent = {key: number for key, number in states.items() if key[1] != outbox.SENT}
    held = changes.held(in_force.configuration)
    return Rehearsal(folder, start, end, timeline, unsent, feeds, held, in_force)


async def _play(
    database: Database, clock: VirtualClock, mailbox: Maildir, links: Links, edits: Sequence[Edit]
) -> None:
    # a rehearsal that is cut short is played again: nothing is gained by small groups
    service = build_rehearsing(database, clock, mailbox, links, max_in_flight=100)
    ends = [asyncio.create_task(clock.over())]
    if edits:
        ends.append(asyncio.create_task(_edit(database, clock, edits, service)))
    async with service.running() as tasks:
        done, _ = await asyncio.wait([*ends, tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in ends:
        task.cancel()
    for task in done:
        await task


async def _edit(database: Database, clock: VirtualClock, edits: Sequence[Edit], service: Rehearsing) -> None:
    """Applies each edit at its moment, as staff would; then only sleeps."""
    bell = clock.bell()
    for edit in sorted(edits, key=lambda edit: edit.at):
        await clock.sleep_until(edit.at, bell)
        async with database.read() as connection:
            replaces = (await read_in_force(connection)).hash
        await put_in_force(database, edit.configuration, now=clock.now(), by="rehearsal", replaces=replaces)
        service.engine.bell.ring()
    await clock.sleep_until(None, bell)


def _make_room(folder: Path) -> None:
    """An empty folder with our mark; only one that carries it, and nothing else than ours, is emptied."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_ours = (folder / _MARK).is_file()
        for path in folder.iterdir():
            if not is_ours or not _is_made_here(path):
                what = f'{folder} holds "{path.name}", which no rehearsal made'
                raise SchedulerError(f"{what}; name an empty folder")
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        (folder / _MARK).write_text("`scheduler rehearse` empties this folder.\n", encoding="utf-8")
    except OSError as error:
        raise SchedulerError(f"{folder} cannot be used ({error.strerror}); name another folder") from error


def _is_made_here(path: Path) -> bool:
    return path.name in (*_OURS, _MARK) or path.name.startswith(_DATABASE)


def _entry(row: outbox.Delivery) -> Entry:
    return Entry(
        instant=row.sent_at or row.due_at,
        kind=row.kind.value,
        occurrence=row.occurrence,
        rule=row.rule,
        member=row.member,
        role=row.role,
        address=row.address,
        message_id=row.message_id,
        shown_local=_shown_local(row),
        method=row.method,
        sequence=row.sequence if row.method else None,
        file=f"mailbox/{row.receipt}",
        zone=row.zone or "UTC",
    )


def _shown_local(row: outbox.Delivery) -> str | None:
    if row.kind is Kind.ANNOUNCEMENT:
        return None
    is_of_deadline = row.kind in REPORTS and row.kind is not Kind.REPORT_RECEIVED
    shown = row.ends_at if is_of_deadline else row.starts_at
    return times.local(shown, row.zone).isoformat() if shown and row.zone else None


def _write_feeds(folder: Path, feeds: Feeds) -> list[Feed]:
    written = list(feeds.all_feeds())
    for feed in written:
        file = folder / feed.path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(feed.octets)
    return written


def _write_timeline(folder: Path, timeline: Sequence[Entry]) -> None:
    rows = [{**asdict(entry), "instant": entry.instant.astimezone(UTC).isoformat()} for entry in timeline]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "timeline.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
