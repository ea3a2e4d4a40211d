"""The folders that a service reads and writes, and its secret key."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from scheduler.cli.checkup.finding import Finding, Findings, Level
from scheduler.cli.common import counted
from scheduler.errors import DatabaseUnusable
from scheduler.settings import Settings

if TYPE_CHECKING:
    from scheduler.configuration.load import Loaded

#: Free space: below the first a service fails soon, below the second somebody should look.
_FULL, _NEARLY_FULL = 100_000_000, 1_000_000_000
#: Letters of a secret key that nobody can guess.
_LONG_KEY = 32


class Files:
    """What a folder says, read once however many checks ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = Lock()
        self._loaded: Loaded | None = None

    def read(self) -> Loaded:
        from scheduler.configuration.load import load

        with self._lock:
            self._loaded = self._loaded or load(self.folder)
        return self._loaded


def of_configuration(files: Files) -> Findings:
    from scheduler.configuration.problems import Severity

    loaded, folder = files.read(), files.folder
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
