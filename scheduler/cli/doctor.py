"""`scheduler doctor`: the settings in force, and one line for each thing that a service stands on.

It changes nothing, sends nothing and needs neither database nor network: what is missing is a finding.
"""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import os
import re
import resource
import shutil
import socket
import sqlite3
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer
from pydantic import SecretStr

from scheduler.cli.common import counted, links_if_any, out
from scheduler.errors import DatabaseUnusable, RelayAway, SchedulerError, SettingsRefused
from scheduler.model import times
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.store.configurations import Applied
    from scheduler.store.feed_addresses import Kept
    from scheduler.store.installation import Claim

#: Seconds that one check may take.
_PATIENCE = 10
#: Free space: below the first a service fails soon, below the second somebody should look.
_FULL, _NEARLY_FULL = 100_000_000, 1_000_000_000
#: Letters of a secret key that nobody can guess.
_LONG_KEY = 32
#: Open files that connections, feeds and databases can need together.
_FILES = 1024
#: Clocks that differ by less do no harm.
_ASTRAY = timedelta(minutes=1)
_HOST = r"(?:[\w.-]*|\[[\w.:]+\])(?::\d+)?"
#: Scheme, user, password with its colon (up to the last @), hosts with ports and name, query.
_URL = re.compile(rf"([\w+]+://)(?:([^:@/]*)(:.*)?@)?({_HOST}(?:,{_HOST})*(?:/[^@?:]*)?)(\?.*)?")
_SECRET = re.compile(r"(?i)(pass[a-z]*)=[^&]*")
#: A write-ahead log needs memory that is shared with all who have the file open.
_NETWORK_FILES = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    level: Level
    #: what it is about
    about: str
    #: what was found
    what: str
    #: what to do
    do: str = ""
    #: it is of no use to look further
    is_the_end: bool = False

    def __str__(self) -> str:
        return f"{self.level:<8} {self.about:<13} {self.what}" + (f" -> {self.do}" if self.do else "")


Findings = Iterator[Finding]
Check = Callable[[], Findings]


def doctor() -> None:
    """Show the settings, and check all that a service stands on. Changes nothing, sends nothing."""
    now = datetime.now(UTC)
    try:
        settings = read_settings()
    except SettingsRefused as error:
        out.print(str(Finding(Level.PROBLEM, "settings", str(error), "see the settings in README.md")))
        out.print("Not well: 1 problem; the rest cannot be checked before that")
        raise typer.Exit(1) from None
    for line in lines_of(settings):
        out.print(line)
    out.print()
    findings = look_at_all(checks(settings, now))
    for finding in findings:
        out.print(str(finding))
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    said = f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}"
    out.print(f"Not well: {said}" if problems else f"OK: {said}")
    if problems:
        raise typer.Exit(1)


def checks(settings: Settings, now: datetime) -> dict[str, Check]:
    """What each is about -> how to look."""
    data = settings.data
    return {
        "settings": lambda: unknown_names(os.environ),
        "configuration": lambda: of_configuration(settings.config),
        "database": lambda: of_database(settings, now),
        "data folder": lambda: of_folder("data folder", data),
        "mail": lambda: of_mail(settings),
        "secret key": lambda: of_key(settings),
        "base URL": lambda: of_base_url(settings.base_url, "base_url" in settings.model_fields_set),
        "listen": lambda: of_listen(*settings.listen),
        "clock": lambda: of_year(now, times.tzdata_version()),
        "time zones": lambda: of_time_zones(now.date(), times.tzdata_version()),
        "open files": lambda: of_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    }


def look_at_all(checks: Mapping[str, Check], patience: float = _PATIENCE) -> list[Finding]:
    """All at once, in the order given. None of them can end the command, or keep it from its end."""
    found: dict[str, list[Finding]] = {}

    def look(about: str, check: Check) -> None:
        try:
            found[about] = list(check())
        except Exception as error:  # one check; only the name, for its text may hold a password
            said = f"the check itself failed ({type(error).__name__})"
            found[about] = [Finding(Level.PROBLEM, about, said, "tell the developers")]

    threads = [Thread(target=look, args=one, name=one[0], daemon=True) for one in checks.items()]
    for thread in threads:
        thread.start()
    until = monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, until - monotonic()))
    late = f"did not answer within {patience:g} seconds"
    return [
        finding
        for about in checks
        for finding in found.get(
            about, [Finding(Level.PROBLEM, about, late, "see whether disk and net are well")]
        )
    ]


# settings


def lines_of(settings: Settings) -> Iterator[str]:
    """Each as it would be written in the environment, without what is secret."""
    for name in type(settings).model_fields:
        by_default = "" if name in settings.model_fields_set else "  (default)"
        yield f"SCHEDULER_{name.upper():<20} {_shown(name, getattr(settings, name))}{by_default}"


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        written = value.get_secret_value()
        return masked(written) if name.endswith("_url") else "***" if written else "-"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}"
    if name == "retry_minutes" and isinstance(value, tuple):
        return ",".join(f"{step.total_seconds() / 60:g}" for step in value)
    if name == "listen" and isinstance(value, tuple):
        return _address(*value)
    if name == "hosts" and isinstance(value, tuple):
        return ",".join(value) or "-"
    return "-" if value is None else str(value)


def masked(url: str) -> str:
    """The URL with stars for its password; all stars where it cannot be told what is one."""
    if url.startswith(("sqlite:", "maildir:")):
        return url
    found = _URL.fullmatch(url)
    if not found:
        return "***"
    scheme, user, password, place, query = (part or "" for part in found.groups())
    who = f"{user}:***@" if password else f"{user}@" if user else ""
    return f"{scheme}{who}{place}" + _SECRET.sub(r"\1=***", query)


def unknown_names(environment: Mapping[str, str]) -> Findings:
    """A name with a typing error is silently no setting."""
    known = {f"SCHEDULER_{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}
    strange = sorted(name for name in environment if name.startswith("SCHEDULER_") and name not in known)
    for name in strange:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it"
        yield Finding(Level.WARNING, "settings", f"{name} is no setting, so it does nothing", hint)
    if not strange:
        yield Finding(Level.OK, "settings", "all names are known")


# files


def of_configuration(folder: Path) -> Findings:
    from scheduler.configuration.load import load
    from scheduler.configuration.problems import Severity

    loaded = load(folder)
    errors = sum(problem.severity is Severity.ERROR for problem in loaded.problems)
    said = f"{folder}: {counted(errors, 'error')}, {counted(len(loaded.problems) - errors, 'warning')}"
    if errors:
        yield Finding(Level.PROBLEM, "configuration", said, "see all with: scheduler check")
    else:
        yield Finding(Level.OK, "configuration", f"{said} (without the advice of scheduler check)")


def of_folder(about: str, folder: Path) -> Findings:
    """Writable, on a disk with room; where it is not there yet, whether it can be made."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"well?")
    except OSError as error:
        what = f"{folder} cannot be written ({error.strerror})"
        yield Finding(Level.PROBLEM, about, what, f"give {there} to the user that runs the service")
        return
    yield of_space(about, folder, shutil.disk_usage(there).free, is_there=there == folder.absolute())


def of_space(about: str, folder: Path, free: int, *, is_there: bool) -> Finding:
    made = "writable" if is_there else "will be made"
    what = f"{folder} {made}, {free / 1e9:,.1f} GB free"
    if free >= _NEARLY_FULL:
        return Finding(Level.OK, about, what)
    return Finding(Level.PROBLEM if free < _FULL else Level.WARNING, about, what, "make room on this disk")


def of_key(settings: Settings) -> Findings:
    from scheduler.service.bootstrap import key_file
    from scheduler.store.backup import sqlite_target

    given = settings.secret_key.get_secret_value()
    if given:
        yield of_length(len(given), "given by the environment")
        return
    try:
        database = sqlite_target(settings.database_url.get_secret_value())
    except DatabaseUnusable:
        yield Finding(
            Level.WARNING, "secret key", "its place hangs on the database, which is not named rightly"
        )
        return
    file = key_file(settings)
    if database is None:
        what = f"in the file {file}, which other machines do not have"
        do = "for several replicas give all the same SCHEDULER_SECRET_KEY (or _FILE)"
        yield Finding(Level.WARNING, "secret key", what, do)
    if file.exists():
        yield of_key_file(file)
    elif database and database.exists():
        what = f"{file} is missing beside a database; a new one makes every city's feed address void"
        yield Finding(Level.PROBLEM, "secret key", what, "put it back, or set SCHEDULER_SECRET_KEY")
    else:
        yield Finding(Level.OK, "secret key", f"{file} will be made at the first start")


def of_key_file(file: Path) -> Finding:
    try:
        found, key = file.stat(), file.read_bytes().strip()
    except OSError as error:
        what = f"{file} cannot be read ({error.strerror})"
        return Finding(Level.PROBLEM, "secret key", what, "give it to the user that runs the service")
    if not key:
        return Finding(
            Level.PROBLEM, "secret key", f"{file} is empty", "put the right one back, or remove it"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        what = f"{file} can be read by others (mode {stat.S_IMODE(found.st_mode):04o})"
        return Finding(Level.WARNING, "secret key", what, f"chmod 600 {file}")
    if found.st_uid != os.geteuid():
        what = f"{file} belongs to user {found.st_uid}, and this is user {os.geteuid()}"
        return Finding(Level.WARNING, "secret key", what, "run doctor as the user that runs the service")
    return of_length(len(key), f"{file}, for its owner only")


def of_length(letters: int, where: str) -> Finding:
    if letters >= _LONG_KEY:
        return Finding(Level.OK, "secret key", where)
    what = f"{where}, only {counted(letters, 'letter')} long"
    do = f"{_LONG_KEY} or more cannot be guessed; but a new key makes every city's feed address void"
    return Finding(Level.WARNING, "secret key", what, do)


# database


@dataclass(frozen=True)
class Look:
    """What was seen in a database with the tables of this program."""

    #: "SQLite var/scheduler.sqlite", "PostgreSQL 18.6"
    what: str
    #: what its clock says; None: it has none of its own
    server_now: datetime | None
    settled_until: datetime | None
    applied: Applied | None
    claim: Claim | None
    #: secret addresses that were renewed, added, ended or used
    addresses: tuple[Kept, ...] = ()


def of_database(settings: Settings, now: datetime) -> Findings:
    from scheduler.store.backup import sqlite_target

    url = settings.database_url.get_secret_value()
    try:
        file = sqlite_target(url)
    except DatabaseUnusable as error:
        yield Finding(Level.PROBLEM, "database", str(error))
        return
    if file and not file.exists():
        yield Finding(Level.OK, "database", f"SQLite {file} will be made at the first start")
        yield from _ills(of_folder("database", file.parent))
        return
    if file:
        ills = list(of_file(file))
        yield from ills
        if ills and ills[-1].is_the_end:
            return
    yield from _of_look(settings, file, now)


def _ills(findings: Findings) -> Findings:
    """Without what is well and said elsewhere."""
    return (finding for finding in findings if finding.level is not Level.OK)


def _of_look(settings: Settings, file: Path | None, now: datetime) -> Findings:
    try:
        look = asyncio.run(_look(settings.database_url.get_secret_value(), file))
    except SchedulerError as error:
        do = "" if "scheduler db" in str(error) else "see SCHEDULER_DATABASE_URL, and whether the server runs"
        yield Finding(Level.PROBLEM, "database", str(error), do)
        return
    yield Finding(Level.OK, "database", look.what)
    yield from of_force(look)
    yield from of_clocks(look, now)
    yield from of_addresses(look, settings)
    if file is None:
        yield of_pg_dump(look.what)


def of_file(file: Path) -> Findings:
    """An SQLite file, before it is opened the usual way, which would set its mode."""
    if not os.access(file, os.R_OK | os.W_OK):
        what, do = f"{file} cannot be written", "give it to the user that runs the service"
        yield Finding(Level.PROBLEM, "database", what, do, is_the_end=True)
        return
    yield from _ills(of_folder("database", file.parent))
    kind = file_system_of(file.parent, Path("/proc/self/mounts"))
    if kind in _NETWORK_FILES:
        what = f"{file} is on a network file system ({kind}), where SQLite can lose what it wrote"
        yield Finding(Level.PROBLEM, "database", what, "use a local disk, or PostgreSQL")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=rw", uri=True, timeout=5)) as opened:
            mode = opened.execute("PRAGMA journal_mode").fetchone()[0]
    except sqlite3.Error as error:
        what = f"{file} cannot be read ({error})"
        do = "put a backup back: scheduler db restore FILE"
        yield Finding(Level.PROBLEM, "database", what, do, is_the_end=True)
        return
    if mode != "wal":
        what = f"{file} was copied here by hand and not opened since (journal mode {mode}, not wal)"
        do = "put it in place with: scheduler db restore FILE"
        yield Finding(Level.WARNING, "database", what, do, is_the_end=True)


def file_system_of(folder: Path, mounts: Path) -> str:
    """Such as "ext4"; empty where the system does not say."""
    try:
        lines = [line.split() for line in mounts.read_text("utf-8", "replace").splitlines()]
    except OSError:
        return ""
    path = folder.resolve()
    kinds = {Path(line[1]): line[2] for line in lines if len(line) > 2}
    return next((kinds[place] for place in (path, *path.parents) if place in kinds), "")


async def _look(url: str, file: Path | None) -> Look:
    from scheduler.store import configurations, feed_addresses, installation, ledger
    from scheduler.store.database import open_database
    from scheduler.store.migrate import check_version

    database = open_database(url)
    try:
        await check_version(database)
        async with database.read() as connection:
            what, server_now = f"SQLite {file}", None
            if file is None:
                asked = await connection.exec_driver_sql("SELECT now() AS at, version() AS what")
                row = asked.mappings().one()
                what, server_now = " ".join(row["what"].split()[:2]), row["at"]
            return Look(
                f"{what}, with the tables of this program",
                server_now,
                await ledger.settled_until(connection),
                await configurations.latest(connection),
                await installation.claimed(connection),
                await feed_addresses.read(connection),
            )
    finally:
        await database.close()


def of_addresses(look: Look, settings: Settings) -> Findings:
    """Secret addresses that were given out, but signed with another key than that of now."""
    from scheduler.service.feed_addresses import void

    links = links_if_any(settings)
    number = len(void(look.addresses, links)) if links else 0
    if number:
        are = "address of a city's calendar is" if number == 1 else "addresses of cities' calendars are"
        what = (
            f"{number:,} {are} void: made with another secret key, and who subscribed sees no change any more"
        )
        do = "put the right key back; or see whom to tell with: scheduler feeds list"
        yield Finding(Level.WARNING, "secret key", what, do)


def of_force(look: Look) -> Findings:
    """What is in force, and whether it sends."""
    from scheduler.configuration import normal

    if look.applied is None:
        yield Finding(
            Level.WARNING, "in force", "no configuration yet", "scheduler apply, or scheduler serve"
        )
        return
    since = (
        f"since {_minute(look.applied.applied_at)}, by {look.applied.applied_by} ({look.applied.hash[:12]})"
    )
    yield Finding(Level.OK, "in force", since)
    if look.claim is None:
        what = "held: this database is a copy, and sends nothing"
        yield Finding(Level.WARNING, "sending", what, "scheduler db claim --skip or --resend")
    only_to = normal.from_text(look.applied.content).network.only_to
    if only_to:
        what = f"only to addresses below {', '.join(only_to)}; all others are refused"
        yield Finding(Level.WARNING, "sending", what, "remove only_to in network.yaml when all is ready")
    elif look.claim:
        yield Finding(Level.OK, "sending", f"since {_minute(look.claim.claimed_at)}, to all addresses")


def of_clocks(look: Look, now: datetime) -> Findings:
    ahead = look.settled_until - now if look.settled_until else timedelta(0)
    if ahead > _ASTRAY:
        what = f"this clock ({_minute(now)}) is {_length(ahead)} behind what the database has settled"
        do = "set the clock: until it has caught up, nothing falls due"
        yield Finding(Level.PROBLEM, "clock", what, do)
    apart = abs(look.server_now - now) if look.server_now else timedelta(0)
    if apart > _ASTRAY:
        what = f"this clock and that of the database server are {_length(apart)} apart"
        yield Finding(Level.WARNING, "clock", what, "let both follow a time server")


def of_pg_dump(server: str) -> Finding:
    """It must not be older than the server."""
    found = shutil.which("pg_dump")
    if not found:
        do = "install postgresql-client, if backups are made on this machine"
        return Finding(Level.WARNING, "backup", "pg_dump is not installed; scheduler db backup needs it", do)
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    ours, theirs = (re.search(r"(\d+)[.\d]*", words) for words in (said, server))
    if ours and theirs and int(ours[1]) < int(theirs[1]):
        what = f"pg_dump {ours[0]} is older than the server ({theirs[0]}) and will refuse"
        return Finding(Level.WARNING, "backup", what, f"install postgresql-client-{theirs[1]}")
    return Finding(Level.OK, "backup", said.strip() or "pg_dump is there")


# mail


def of_mail(settings: Settings) -> Findings:
    url = settings.mail_url.get_secret_value()
    if url.startswith("maildir:"):
        folder = Path(url.removeprefix("maildir:"))
        ills = list(_ills(of_folder("mail", folder / "new")))
        yield from ills
        if not ills:
            what = f"into the mailbox {folder} on this machine; no city gets any"
            yield Finding(
                Level.WARNING, "mail", what, "name a mail server in SCHEDULER_MAIL_URL when all is ready"
            )
        return
    try:
        yield Finding(Level.OK, "mail", asyncio.run(_log_in(settings)))
    except RelayAway as error:
        do = "mend that; until then all mail waits" if error.needs_a_person else "is it reachable from here?"
        yield Finding(Level.PROBLEM, "mail", str(error), do)
    except SchedulerError as error:
        yield Finding(Level.PROBLEM, "mail", str(error))
    except TimeoutError:
        what = f"the mail server did not answer within {_PATIENCE - 1} seconds"
        yield Finding(Level.PROBLEM, "mail", what, "is it reachable from here? Providers often bar port 25")


async def _log_in(settings: Settings) -> str:
    from scheduler.mail.smtp import Relay
    from scheduler.service.bootstrap import open_post

    post = open_post(settings)
    assert isinstance(post, Relay)  # noqa: S101 - the mailbox was asked for before
    async with asyncio.timeout(_PATIENCE - 1):
        return await post.log_in()


# the world around


def of_base_url(url: str, is_set: bool) -> Findings:
    """is_set: somebody wrote it; else it is the example's."""
    parts = urlsplit(url)
    if not is_set or (parts.hostname or "").endswith(".example"):
        what, do = (
            f"{url} is an example; every mail prints it",
            "set SCHEDULER_BASE_URL to what cities can reach",
        )
    elif parts.scheme != "https":
        what, do = f"{url} is without https; secret feed addresses can be read on the way", "use https"
    else:
        yield Finding(Level.OK, "base URL", url)
        return
    yield Finding(Level.WARNING, "base URL", what, do)


def of_listen(host: str, port: int) -> Findings:
    """Free, or served by us already."""
    address = _address(host, port)
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        if is_ours(host, port):
            yield Finding(Level.OK, "listen", f"{address} is served by a scheduler already")
            return
        what = f"{address} cannot be listened on ({error.strerror})"
        is_taken = error.errno == errno.EADDRINUSE
        do = "end the other program, or set SCHEDULER_LISTEN" if is_taken else "set SCHEDULER_LISTEN"
        yield Finding(Level.PROBLEM, "listen", what, do)
        return
    yield Finding(Level.OK, "listen", f"{address} is free")


def is_ours(host: str, port: int) -> bool:
    """Somebody there answers as we do."""
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to be asked, not bound
    connection = http.client.HTTPConnection(there, port, timeout=3)
    try:
        connection.request("GET", "/health/live")
        said = json.loads(connection.getresponse().read(1000))
        return isinstance(said, dict) and "tick_age_seconds" in said
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()


def of_year(now: datetime, release: str) -> Findings:
    """release: of the tz database that came with this program, such as "2026f"."""
    if now.year < int(release[:4]):
        what = f"it is set to {_minute(now)}, before this program was made"
        yield Finding(Level.PROBLEM, "clock", what, "set it, and let it follow a time server")
    else:
        yield Finding(Level.OK, "clock", _minute(now))


def of_time_zones(today: date, release: str) -> Findings:
    """A release of the year's middle, on average: what lies a year behind it is old."""
    what = f"tz database {release}"
    if today > date(int(release[:4]) + 1, 7, 1):
        do = "update the program: countries change their clocks at short notice"
        yield Finding(Level.WARNING, "time zones", f"{what} is more than about a year old", do)
    else:
        yield Finding(Level.OK, "time zones", what)


def of_open_files(limit: int) -> Findings:
    if 0 <= limit < _FILES:
        what = f"this user may open only {limit} at once"
        yield Finding(Level.WARNING, "open files", what, "ulimit -n 4096, or LimitNOFILE=4096 in the unit")
    else:
        yield Finding(Level.OK, "open files", f"up to {limit}" if limit > 0 else "no limit")


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _length(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
