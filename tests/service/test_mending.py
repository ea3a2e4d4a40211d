"""`check --fix` writes a file whole or not at all, and never one that was edited meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import Rewrite
from scheduler.errors import SchedulerError
from scheduler.service.mending import mend


def loaded(*files: Path) -> Loaded:
    """Each file holds "old text", of which the first word may be written anew."""
    rewrites = [Rewrite(str(file), 0, 3, "new") for file in files]
    return Loaded(None, [], rewrites, {str(file): "old text" for file in files})


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "a.yaml", tmp_path / "b.yaml"]
    for file in files:
        file.write_text("old text", encoding="utf-8")
    return files


def test_only_the_span_is_written(files: list[Path]) -> None:
    assert mend(loaded(*files)) == {str(file): 1 for file in files}

    assert [file.read_text("utf-8") for file in files] == ["new text", "new text"]


def test_where_one_file_was_edited_meanwhile_none_is_written(files: list[Path]) -> None:
    files[1].write_text("old texts", encoding="utf-8")

    with pytest.raises(SchedulerError, match=r"b\.yaml has changed since it was read; nothing was written"):
        mend(loaded(*files))

    assert files[0].read_text("utf-8") == "old text"


def test_a_file_that_vanished_is_one_sentence(files: list[Path]) -> None:
    files[0].unlink()

    with pytest.raises(SchedulerError, match=r"a\.yaml cannot be read \(No such file or directory\)"):
        mend(loaded(*files))


def test_nothing_is_left_beside_the_files(files: list[Path]) -> None:
    mend(loaded(*files))

    assert sorted(files[0].parent.iterdir()) == files
