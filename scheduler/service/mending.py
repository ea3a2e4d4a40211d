"""`scheduler check --fix`: the canonical form is written where something else was understood.

Only the spans change; every other byte of a file stays, its mark of UTF-8, line ends and mode as well.
"""

from __future__ import annotations

import codecs
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import Rewrite
from scheduler.configuration.writing.rewriting import rewritten
from scheduler.errors import SchedulerError
from scheduler.store.whole_files import beside, in_words, put


def mend(loaded: Loaded) -> dict[str, int]:
    """Writes all rewrites, each file whole or not at all; name of a file -> how many places were written.

    A file is never written when it is no longer the one that was read. Raises SchedulerError.
    """
    by_file = _by_file(loaded.rewrites)
    mended = {file: _mended(file, loaded.texts, rewrites) for file, rewrites in by_file.items()}
    for file, octets in mended.items():
        _write(Path(file).resolve(), octets)
    return {file: len(rewrites) for file, rewrites in by_file.items()}


def _by_file(rewrites: Iterable[Rewrite]) -> dict[str, list[Rewrite]]:
    found: dict[str, list[Rewrite]] = defaultdict(list)
    for rewrite in sorted(rewrites):
        found[rewrite.file].append(rewrite)
    return found


def _mended(file: str, texts: Mapping[str, str], rewrites: Iterable[Rewrite]) -> bytes:
    with in_words(f"{file} cannot be read"):
        octets = Path(file).read_bytes()
    if octets.removeprefix(codecs.BOM_UTF8) != texts[file].encode():
        raise SchedulerError(f"{file} has changed since it was read; nothing was written, so ask again")
    return rewritten(octets, rewrites)


def _write(file: Path, octets: bytes) -> None:
    """file: no symbolic link, so that one that points here goes on doing so."""
    with in_words(f"{file} cannot be written"), beside(file) as partial:
        partial.write_bytes(octets)
        shutil.copymode(file, partial)
        _give_back(file, partial)
        put(partial, file)


def _give_back(file: Path, partial: Path) -> None:
    """Whoever owns the file keeps it, where we may do that (as root in a container we may)."""
    was, now = file.stat(), partial.stat()
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        try:
            os.chown(partial, was.st_uid, was.st_gid)
        except PermissionError:
            return
