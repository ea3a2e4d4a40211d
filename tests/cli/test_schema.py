"""`scheduler schema`: one kind of file, or all of them into a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scheduler.cli.manual import main
from tests.cast import CONFIG
from tests.cli.typed import started, typed
from tests.configuration.house import House


def test_one_schema_is_printed_as_it_stands_in_the_folder() -> None:
    done = started("schema", "series")

    assert done.returncode == 0
    assert done.stdout == (CONFIG / "schema" / "series.json").read_text("utf-8")


def test_all_schemas_are_written_into_a_folder(tmp_path: Path) -> None:
    done = typed("schema", "--into", str(tmp_path / "deep" / "schema"))

    files = sorted(path.name for path in (tmp_path / "deep" / "schema").iterdir())
    assert files == ["cycle.json", "network.json", "notices.json", "seasons.json", "series.json"]
    assert done.stdout.startswith("OK: 5 schemas in ")


def test_a_schema_is_readable_by_the_service_itself(tmp_path: Path) -> None:
    typed("schema", "--into", str(tmp_path))

    assert (tmp_path / "series.json").stat().st_mode & 0o777 == 0o644
    assert json.loads((tmp_path / "series.json").read_bytes())["title"] == "series"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say one of network, notices, series, cycle, seasons, or --into FOLDER for all"),
        (("seires",), '"seires" is no kind of file; did you mean "series"?'),
        (("members",), '"members" is no kind of file; known: network, notices, series, cycle, seasons'),
        (("series", "--into", "folder"), "say one of"),
    ],
)
def test_wrong_usage_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = typed("schema", *words)

    assert done.returncode == 2
    assert said in done.stderr


def test_nothing_is_written_where_all_is_up_to_date(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house = House.copied_to(tmp_path / "config")

    main(house.folder)

    assert capsys.readouterr().out == "OK: 0 files written anew\n"
