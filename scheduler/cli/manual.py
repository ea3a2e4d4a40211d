"""`make manual`: the schemas of a configuration, and the list of keys at the head of each file, made anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from scheduler.cli.common import counted, err, out
from scheduler.configuration.writing.json_schema import schema_text
from scheduler.configuration.writing.kinds import KINDS, SCHEMAS, files_in
from scheduler.configuration.writing.manual import with_key_list, with_modeline
from scheduler.errors import SchedulerError
from scheduler.store.whole_files import in_words, write_text


def renew(folder: Path) -> list[Path]:
    """Writes what is not up to date, and gives its names. A file without a list of keys gets none."""
    changed = [(path, text) for path, text in _wanted(folder) if _read(path) != text]
    for path, text in changed:
        path.parent.mkdir(exist_ok=True)
        write_text(path, text)
    return [path for path, _ in changed]


def write_schemas(folder: Path) -> list[Path]:
    """Writes the schema of every kind of file into a folder of their own, and gives their names."""
    with in_words(f"{folder} cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        files = [(folder / f"{kind.name}.json", schema_text(kind)) for kind in KINDS]
        for file, text in files:
            write_text(file, text)
    return [file for file, _ in files]


def _wanted(folder: Path) -> Iterator[tuple[Path, str]]:
    for kind in KINDS:
        yield folder / SCHEMAS / f"{kind.name}.json", schema_text(kind)
    for kind, path in files_in(folder):
        text = _read(path)
        yield path, with_modeline(with_key_list(text, kind) or text, kind)


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8") if path.exists() else ""


def main(folder: Path) -> None:
    changed = renew(folder)
    for path in changed:
        out.print(str(path))
    out.print(f"OK: {counted(len(changed), 'file')} written anew")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except SchedulerError as error:
        err.print(f"error: {error}")
        sys.exit(1)
