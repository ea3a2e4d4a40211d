"""What the measurements are made on is a configuration like any other."""

from __future__ import annotations

from pathlib import Path

from bench.made_up import write_configuration
from scheduler.configuration.load import load
from scheduler.configuration.problems import Severity


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_made_up_configuration_has_no_error(tmp_path: Path) -> None:
    write_configuration(tmp_path / "config", series=3, sessions=2, members=400)

    loaded = load(tmp_path / "config")

    assert [problem for problem in loaded.problems if problem.severity is Severity.ERROR] == []
    assert loaded.configuration is not None
    assert (len(loaded.configuration.series), len(loaded.configuration.members)) == (3, 400)


def test_it_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_configuration(tmp_path / name, series=3, sessions=2, members=400)

    assert files(tmp_path / "one") == files(tmp_path / "two")
