"""The command line, run as people run it: each command as a process, its further cases in this one."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cast import CONFIG
from tests.cli.typed import started, typed


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A copy of the real configuration with a typing error in two files."""
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    recovery = folder / "series" / "covid-19-recovery.yaml"
    recovery.write_text(recovery.read_text("utf-8").replace("audience: World", "audience: Wrld"), "utf-8")
    members = folder / "members.csv"
    members.write_text(
        members.read_text("utf-8").replace("2025-12,announced", "Dec-25,announced", 1), "utf-8"
    )
    return folder


def test_check_ends_with_what_it_saw() -> None:
    done = started("check")

    last = done.stdout.splitlines()[-1]
    assert done.returncode == 0
    seen = r"OK: 336 members, 3 series, 3 cycles, 33 occurrences until 2027-12-08; \d+ warnings, \d+ notes"
    assert re.fullmatch(seen, last)


def test_check_names_every_problem_of_every_file(broken: Path) -> None:
    done = typed("check", "--config", str(broken))

    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert done.returncode == 1
    assert re.match(r'.*members\.csv:2:63: error: memberships: "Dec-25" may be a month or a day', errors[0])
    assert re.match(
        r'.*covid-19-recovery\.yaml:\d+:11: error: the audience "Wrld".*; did you mean "World"\?', errors[1]
    )
    assert len(errors) == 2


def test_a_broken_configuration_is_never_rehearsed(broken: Path, tmp_path: Path) -> None:
    span = ("--from", "2020-06-01", "--to", "2020-06-02")

    done = started("rehearse", *span, "--config", str(broken), "--into", str(tmp_path / "out"))

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_rehearse_prints_a_time_line_and_totals(tmp_path: Path) -> None:
    into = tmp_path / "out"
    words = ("--cycle", "report-2021", "--from", "2021-09-27", "--to", "2021-10-01", "--into", str(into))

    done = typed("rehearse", *words)

    assert done.stdout.splitlines() == [
        "Monday 27 September 2021",
        "  report-opened, report-2021: 111 mails, at 14 local hours, 00:59 to 23:59",
        "Thursday 30 September 2021",
        "  report-reminder days-90, report-2021: 7 mails, at 2 local hours, 00:59 to 01:59",
        "  report-digest digest-days-90, report-2021: 4 mails, at 2 local hours, 00:59 to 01:59",
        "",
        "  report-opened          111",
        "  report-reminder          7",
        "  report-digest            4",
        f"OK: 122 mails to 111 members, 353 feeds; open {into}/index.html",
    ]


def test_plan_promises_what_a_rehearsal_sends(tmp_path: Path) -> None:
    span = ("--from", "2020-05-15", "--to", "2020-05-21", "--series", "covid-19-recovery")

    planned = typed("plan", *span)
    typed("rehearse", *span, "--into", str(tmp_path / "out"))

    sent = json.loads((tmp_path / "out" / "timeline.json").read_text("utf-8"))
    promised = re.search(r"OK: ([\d,]+) mails", planned.stdout)
    assert promised
    assert int(promised[1].replace(",", "")) == len(sent) > 0


def test_plan_shows_the_year_of_one_member_in_its_own_time() -> None:
    done = started("plan", "--member", "Medellín", "--from", "2021-09-27", "--cycle", "report-2021")

    assert "Friday 1 October 2021, 09:00  report-reminder days-90" in done.stdout
    assert "OK: 10 mails to Medellín; 2021-09-27 until 2022-09-27" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "--from", "spring"), '"spring" is no date'),
        (("rehearse", "--from", "2020-06-02", "--to", "2020-06-01"), "does not come after"),
        (("rehearse", "--from", "2020-06-01", "--to", "2020-06-02", "--edit", "soon"), "is no edit"),
        (("rehearse",), "Missing option"),
    ],
)
def test_wrong_usage_ends_with_two(words: tuple[str, ...], said: str) -> None:
    done = typed(*words)

    assert done.returncode == 2
    assert said in done.stderr


def test_wrong_usage_ends_a_process_with_two() -> None:
    done = started("plan", "--from", "spring")

    assert done.returncode == 2
    assert '"spring" is no date' in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("plan", "--series", "nothing"),
            'error: "nothing" is no series and no cycle; known: covid-19-recovery',
        ),
        (("plan", "--member", "Atlantis"), 'error: "Atlantis" is no member'),
        (("check", "--config", "nowhere"), "nowhere:1:1: error: there is no such folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(words: tuple[str, ...], said: str) -> None:
    done = typed(*words)

    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_db_upgrade_makes_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'new.sqlite'}"

    done = started("db", "upgrade", environment={"SCHEDULER_DATABASE_URL": url})

    assert done.stdout == "OK: the database is at version 0006\n"
    assert (tmp_path / "deep" / "new.sqlite").is_file()


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://u:secret@host/name", "postgresql://u:secret@127.0.0.1:1/x"]
)
def test_a_database_that_cannot_be_had_is_said_without_its_password(url: str) -> None:
    done = typed("db", "upgrade", environment={"SCHEDULER_DATABASE_URL": url})

    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_db_upgrade_refuses_what_is_no_database(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.sqlite"
    garbage.write_bytes(b"this is no database, but somebody's letter\n" * 100)

    done = typed("db", "upgrade", environment={"SCHEDULER_DATABASE_URL": f"sqlite:///{garbage}"})

    assert done.returncode == 1
    assert done.stderr == "error: the database cannot be used (file is not a database); nothing was changed\n"
    assert garbage.read_bytes().startswith(b"this is no database")
