"""Files that are there whole or not at all: made under another name, and put into their place in one step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

from scheduler.errors import SchedulerError

#: What SQLite keeps beside a database: left beside another file, it would spoil that one.
SIDES = ("-wal", "-shm", "-journal")
#: What a file of SQLite begins with.
SQLITE = b"SQLite format 3\0"


def first_octets(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(SQLITE))


@contextmanager
def in_words(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SchedulerError(f"{what} ({error.strerror or error}); nothing was changed") from error


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """A new file in the same folder, readable by its owner only; gone at the end, unless it was moved."""
    handle, name = mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
    finally:
        for path in (partial, *(side(partial, end) for end in SIDES)):
            path.unlink(missing_ok=True)


def put(partial: Path, file: Path) -> None:
    """Gives it its name once it is safe on the disk, in one step."""
    _sync(partial)
    partial.replace(file)
    _sync(file.parent)


def write_text(file: Path, text: str) -> None:
    """Makes it the text of a file that anybody may read; one that is there keeps who may read it."""
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    with beside(file) as partial:
        partial.write_bytes(text.encode())
        partial.chmod(mode)
        put(partial, file)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def side(file: Path, end: str) -> Path:
    return file.with_name(file.name + end)
