"""`scheduler cases export`: the round in one file, harmless for spreadsheets (X08), without secrets."""

from __future__ import annotations

import csv
import io
import shutil
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from scheduler.cli.cases_export import harmless
from tests.cli.rounds import CITIES, DAMAGED, HOSTILE, ROUND, Desk, furnish
from tests.cli.typed import started


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Desk:
    return furnish(tmp_path_factory.mktemp("running") / "house", migrated_sqlite)


def lines_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))


def sheets_of(file: Path) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_path(file)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def mode_of(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def test_the_csv_has_a_line_for_each_case(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "round.csv"

    done = started("cases", "export", ROUND, "--to", str(file), environment=desk.environment)

    assert done.stdout == f"OK: 7 cases of {ROUND}, 5 due, written into {file}\n"
    found = {line["city"]: line for line in lines_of(file)}
    assert sorted(found) == sorted(CITIES)
    assert found["medellin"]["by which mails"] == "report-opened 1, report-reminder 1"
    assert found["medellin"]["the mail server's last answer"]
    assert (found["gdynia"]["told"], found["gdynia"]["roles not reached"]) == ("not reached", "coordinator")


def test_a_name_that_is_a_formula_is_harmless_in_a_csv(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "round.csv"

    desk.say("export", "--to", str(file))

    found = {line["city"]: line for line in lines_of(file)}
    assert found["mantes-la-jolie"]["name"] == f"'{HOSTILE}"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", " =", "\n="])
def test_whatever_a_spreadsheet_takes_for_a_formula_is_a_text(begin: str) -> None:
    assert harmless(f"{begin}1+1").startswith("'")


def test_an_ordinary_text_stays_as_it_is() -> None:
    assert harmless("'s-Hertogenbosch") == "'s-Hertogenbosch"
    assert harmless("Xi'an") == "Xi'an"


def test_the_sums_are_a_csv_of_their_own(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "sums.csv"

    desk.say("export", "--to", str(file), "--sums")

    found = lines_of(file)
    assert [line["due"] for line in found if line["by"] == "all"] == ["5"]
    for by in ("region", "country"):
        assert sum(int(line["due"]) for line in found if line["by"] == by) == 5


def test_the_workbook_has_cases_sums_mails_and_log(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "round.xlsx"

    done = desk.say("export", "--to", str(file), "--city", "gdynia", "--city", "Medellín")

    assert done.stdout.startswith(f"OK: 7 cases of {ROUND}, 5 due, with log and mails of 2")
    sheets = sheets_of(file)
    assert list(sheets) == ["cases", "sums", "mails", "log"]
    assert {row[0] for row in sheets["mails"][1:]} == {"gdynia", "medellin"}
    assert any(DAMAGED in str(row[-1]) for row in sheets["mails"])


def test_the_workbook_has_no_formulas_and_no_links(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "round.xlsx"

    desk.say("export", "--to", str(file))

    names = [row[1] for row in sheets_of(file)["cases"]]
    assert HOSTILE in names
    with zipfile.ZipFile(file) as archive:
        written = b"".join(archive.read(name) for name in archive.namelist() if "worksheets" in name)
    assert b"<f>" not in written
    assert b"<hyperlink" not in written


def test_the_page_needs_nothing_else_and_runs_nothing(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "round.html"

    desk.say("export", "--to", str(file), "--city", "all")

    page = file.read_text("utf-8")
    assert "Progress report of &lt;b&gt;now&lt;/b&gt;" in page
    assert "&lt;learningcity@gdynia.example&gt;" in page
    for word in ("<script", "<link", "src=", "href=", "<b>now"):
        assert word not in page


def test_only_its_owner_reads_an_export(desk: Desk, tmp_path: Path) -> None:
    desk.say("export", "--to", str(tmp_path / "own.csv"))
    desk.say("export", "--to", str(tmp_path / "partners.csv"), "--partners")

    assert mode_of(tmp_path / "own.csv") == 0o600
    assert mode_of(tmp_path / "partners.csv") == 0o644


@pytest.mark.parametrize("ending", ["csv", "html", "xlsx"])
def test_partners_see_no_address_no_reason_and_no_servers_words(
    desk: Desk, tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"round.{ending}"

    desk.say("export", "--to", str(file), "--partners", *(("--city", "all") if ending != "csv" else ()))

    shown = str(sheets_of(file)) if ending == "xlsx" else file.read_text("utf-8-sig")
    for secret in ("learningcity@", "mayor@", DAMAGED, "staff", "Floods in Victoria", "new/"):
        assert secret not in shown
    assert "Medell" in shown


@pytest.mark.parametrize("ending", ["csv", "html", "xlsx"])
def test_no_export_has_the_code_of_a_city(desk: Desk, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"round.{ending}"

    desk.say("export", "--to", str(file), *(("--city", "all") if ending != "csv" else ()))

    shown = str(sheets_of(file)) if ending == "xlsx" else file.read_text("utf-8-sig")
    assert "token" not in shown


def test_another_format_is_refused(desk: Desk, tmp_path: Path) -> None:
    done = desk.say("export", "--to", str(tmp_path / "round.pdf"))

    assert done.returncode == 2
    assert "write a name that ends in .csv, .xlsx or .html" in done.stderr


def test_a_csv_has_no_room_for_mails(desk: Desk, tmp_path: Path) -> None:
    assert desk.say("export", "--to", str(tmp_path / "a.csv"), "--city", "all").returncode == 2


def test_an_export_that_fails_leaves_the_file_of_before(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "round.csv"
    file.write_text("before")

    done = desk.say("export", "--to", str(file), "--cycle", "report-1999")

    assert done.returncode == 1
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_is_no_file(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "round.csv").mkdir()

    done = desk.say("export", "--to", str(tmp_path / "round.csv"))

    assert done.returncode == 1
    assert "is a folder" in done.stderr
    shutil.rmtree(tmp_path / "round.csv")
