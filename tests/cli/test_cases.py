"""`scheduler cases` as it is typed: list, show, decide, mark, report and picture."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from scheduler.cli.cases_round import find_round
from scheduler.cli.cases_say import read_moment
from scheduler.errors import SchedulerError
from tests.cast import at, real
from tests.cli.rounds import CITIES, DAMAGED, NOW, ROUND, Desk, furnish
from tests.cli.typed import started

DUE = ("gdynia", "kashan", "mantes-la-jolie", "medellin", "melton")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Desk:
    """A round in its 41st day; to be looked at only."""
    return furnish(tmp_path_factory.mktemp("running") / "house", migrated_sqlite)


@pytest.fixture
def desk(running: Desk, tmp_path: Path) -> Desk:
    """The same, to be changed."""
    return Desk(shutil.copytree(running.folder, tmp_path / "house"))


def rows(desk: Desk, *words: str) -> dict[str, str]:
    """City -> its line in the list."""
    lines = desk.say("list", *words).stdout.splitlines()
    return {line.split()[0]: line for line in lines[1:-1]}


def test_the_list_has_a_line_for_each_case_and_counts_the_states(running: Desk) -> None:
    done = started("cases", "list", environment=running.environment)

    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].split("  ")[0] == "city"
    assert sorted(line.split()[0] for line in lines[1:-1]) == sorted(CITIES)
    counts = "1 undecided, 1 excepted, 5 open; 2 not reached"
    assert lines[-1] == f"OK: 7 cases in {ROUND}: {counts}"


def test_the_list_shows_who_was_not_reached_and_why(running: Desk) -> None:
    found = rows(running)

    assert "not reached" in found["kashan"]
    assert found["kashan"].endswith("the address does not exist (5.1.1)")
    assert "coordinator" in found["medellin"]


def test_a_deadline_is_in_the_citys_own_time(running: Desk) -> None:
    """Half past two of the next day in Kashan."""
    found = rows(running)

    assert "02:29:59" in found["kashan"]
    assert "extended: Floods in Victoria" in found["melton"]


def test_the_list_of_one_state_says_of_how_many(running: Desk) -> None:
    done = running.say("list", "--state", "undecided")

    assert "garissa" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(f"OK: 1 of 7 cases in {ROUND}")


def test_a_state_that_is_none_is_said(running: Desk) -> None:
    done = running.say("list", "--state", "lost")

    assert done.returncode == 2
    assert "there is no state" in done.stderr


def test_the_list_for_programs_has_neither_addresses_nor_codes(running: Desk) -> None:
    done = running.say("list", ROUND, "--json")

    found = json.loads(done.stdout)
    assert {one["city"] for one in found["cases"]} == set(CITIES)
    assert "@" not in done.stdout
    assert "token" not in done.stdout


def test_a_round_that_is_none_is_said(running: Desk) -> None:
    done = running.say("list", "--cycle", "report-nwo")

    assert (done.returncode, done.stderr) == (
        1,
        'error: no round "report-nwo" is in force; did you mean "report-now"?\n',
    )


def test_two_names_for_one_round_are_wrong_usage(running: Desk) -> None:
    done = running.say("list", ROUND, "--cycle", "report-2021")

    assert done.returncode == 2


def test_the_only_round_that_is_running_need_not_be_named() -> None:
    """report-2021 runs from 27 September to 31 December 2021."""
    assert find_round(real(), None, at("2021-11-01T12:00:00+01:00")).id == "report-2021"


def test_where_no_round_is_running_its_name_is_asked_for() -> None:
    with pytest.raises(SchedulerError, match="no round is running; say which one with --cycle: report-2021"):
        find_round(real(), None, at("2021-09-01T12:00:00+02:00"))


# the proof


def test_the_proof_of_a_city_has_both_readings_of_its_deadline(running: Desk) -> None:
    done = started("cases", "show", "melton", "--cycle", ROUND, environment=running.environment)

    assert done.returncode == 0
    deadline = next(line for line in done.stdout.splitlines() if line.startswith("deadline"))
    assert "09:59:59 in Melton; " in deadline
    assert "23:59:59 Hamburg time (CET, UTC+1); " in deadline
    assert deadline.endswith("T22:59:59Z")


def test_the_proof_names_duty_log_and_every_mail(running: Desk) -> None:
    said = running.say("show", "Medellín").stdout

    assert "duty         due; its membership began between 2018-01-01 and 2018-12-31 (stated)" in said
    assert "due -> open  the round opens" in said
    assert "told         coordinator <learningcity@medellin.example>: 2 mails, the first on " in said
    assert "report-reminder  days-30" in said
    assert said.splitlines()[-1].endswith("told: coordinator")


def test_what_came_back_is_not_counted_as_told(running: Desk) -> None:
    said = running.say("show", "gdynia").stdout

    assert f"not reached  coordinator <learningcity@gdynia.example>: {DAMAGED}" in said
    assert said.splitlines()[-1].endswith("nobody was told")


def test_the_proof_for_programs_has_no_addresses(running: Desk) -> None:
    done = running.say("show", "gdynia", "--json")

    found = json.loads(done.stdout)
    assert found["reach"] == "not reached"
    assert found["unreached"][0]["role"] == "coordinator"
    assert "@" not in done.stdout


def test_a_name_that_is_no_city_is_said(running: Desk) -> None:
    done = running.say("show", "Gdinya")

    assert done.returncode == 1
    assert '"Gdinya" is no member' in done.stderr


# decisions


def test_a_decision_shows_first_what_would_follow(desk: Desk) -> None:
    done = desk.say("decide", "garissa", "due", "--because", "their letter of 3 May")

    assert done.returncode == 1
    assert "  garissa: undecided -> open; deadline " in done.stdout
    assert "mails would follow (1 report-opened, " in done.stdout
    assert "Nothing was decided; to do it, say so with --yes" in done.stdout
    assert "undecided" in rows(desk)["garissa"]


def test_a_decision_is_made_with_name_and_reason(desk: Desk) -> None:
    words = ("decide", "garissa", "due", "--because", "their letter of 3 May", "--by", "Anna", "--yes")

    done = started("cases", *words, environment=desk.environment)

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == f"OK: garissa is due in {ROUND}, by Anna"
    said = desk.say("show", "garissa").stdout
    assert f"Anna decided on {NOW:%Y-%m-%d}: due; their letter of 3 May" in said


def test_mails_that_fall_away_are_counted_before(desk: Desk) -> None:
    done = desk.say("decide", "medellin", "excepted", "--because", "war")

    assert "  medellin: open -> excepted; " in done.stdout
    assert "planned mails not sent" in done.stdout
    assert "No mail would follow." in done.stdout


def test_a_decision_is_taken_back(desk: Desk) -> None:
    desk.say("decide", "garissa", "due", "--because", "their letter of 3 May", "--yes")

    done = desk.say("decide", "garissa", "undecided", "--because", "another city's", "--yes", "--by", "Anna")

    assert "  garissa: open -> undecided; 11 planned mails not sent" in done.stdout
    assert done.stdout.splitlines()[-1] == (
        f"OK: what the files say counts again for garissa in {ROUND}, by Anna"
    )
    assert "undecided" in rows(desk)["garissa"]


def test_a_decision_without_a_reason_is_wrong_usage(desk: Desk) -> None:
    assert desk.say("decide", "garissa", "due").returncode == 2
    assert desk.say("decide", "garissa", "due", "--because", " ").returncode == 2


def test_a_decision_that_is_none_is_said(desk: Desk) -> None:
    done = desk.say("decide", "garissa", "maybe", "--because", "why")

    assert done.returncode == 2
    assert "write due, excepted or undecided as the last word" in done.stderr


# what is said of cases


def test_a_report_that_came_is_marked(desk: Desk) -> None:
    came = (NOW - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")

    done = started("cases", "mark", "medellin", "submitted", "--at", came, environment=desk.environment)

    assert done.stdout == f"OK: medellin is submitted in {ROUND}; 1 receipt goes out\n"
    found = json.loads(desk.say("list", "--state", "submitted", "--json").stdout)
    assert [one["city"] for one in found["cases"]] == ["medellin"]
    assert found["cases"][0]["submitted_at"].startswith(came.removesuffix("Z"))


def test_what_was_known_already_is_said(desk: Desk) -> None:
    desk.say("mark", "medellin", "submitted")

    done = desk.say("mark", "medellin", "submitted")

    assert done.stdout == "OK: medellin is that already; nothing was changed there\n"


def test_several_refusals_are_several_lines(desk: Desk) -> None:
    done = desk.say("mark", "al-shahaniya", "garissa", "medellin", "submitted")

    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line[:14] for line in lines[:2]] == ["! al-shahaniya", "! garissa is u"]
    assert lines[-1] == "error: nothing was changed"
    assert " open " in rows(desk)["medellin"]


def test_an_outcome_says_that_its_letter_waits(desk: Desk) -> None:
    desk.say("mark", "medellin", "submitted")

    done = desk.say("mark", "medellin", "no-progress", "--because", "Items 12 to 30", "--by", "Anna")

    assert done.stdout == (
        f"OK: medellin is no progress in {ROUND}; no letter leaves before: scheduler cases release\n"
    )


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2021-12-31T22:59:59Z", "2021-12-31T22:59:59+00:00"),
        ("2021-12-31T23:59:59+01:00", "2021-12-31T22:59:59+00:00"),
        ("2021-12-31 23:59:59 Europe/Berlin", "2021-12-31T22:59:59+00:00"),
        ("2022-01-01 09:59 Australia/Melbourne", "2021-12-31T22:59:00+00:00"),
        ("2021-12-31 23:59:59 +01:00", "2021-12-31T22:59:59+00:00"),
    ],
)
def test_a_moment_is_read_with_its_zone(written: str, instant: str) -> None:
    assert read_moment(written).isoformat() == instant


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("2021-12-31 23:59:59", "has no zone, and which one is meant is not guessed"),
        ("2021-12-31", "has no zone"),
        ("2021-12-31 23:59:59 CET", '"CET" is no zone; write a place such as Europe/Berlin'),
        ("31.12.2021 23:59 Europe/Berlin", "is no moment"),
        ("yesterday", "is no moment"),
        ("2021-03-28 02:30 Europe/Berlin", "does not exist"),
        ("2021-10-31 02:30 Europe/Berlin", "exists twice"),
        ("1021-10-31T02:30Z", "too far away"),
    ],
)
def test_a_moment_that_could_be_several_is_refused(written: str, why: str) -> None:
    with pytest.raises(typer.BadParameter, match=why):
        read_moment(written)


def test_a_moment_belongs_to_a_report_that_came(desk: Desk) -> None:
    done = desk.say("mark", "medellin", "draft", "--at", "2021-12-31T22:59:59Z")

    assert done.returncode == 2
    assert "write it with submitted" in done.stderr


# sums and picture


def test_the_report_adds_up_by_region_and_country(running: Desk) -> None:
    done = started("cases", "report", environment=running.environment)

    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["region", "due", "in", "time", "extended", "late", "none"]
    totals = [line.split()[1:] for line in lines if line.startswith("all ")]
    assert totals == [["5", "0", "0", "0", "5"]] * 2
    assert lines[-1] == f"OK: {ROUND}: 5 due = 0 in time, 0 extended, 0 late, 5 none"


def test_the_report_for_programs_adds_up(running: Desk) -> None:
    found = json.loads(running.say("report", "--json").stdout)

    assert found["total"] == {"name": "all", "due": 5, "in_time": 0, "extended": 0, "late": 0, "none": 5}
    for by in ("regions", "countries"):
        assert sum(one["due"] for one in found[by]) == 5


def test_the_picture_shows_reports_rungs_and_deadlines(desk: Desk, tmp_path: Path) -> None:
    desk.say("mark", "medellin", "submitted")
    file = tmp_path / "round.svg"

    done = started("cases", "picture", "--to", str(file), environment=desk.environment)

    assert done.stdout == f"OK: 1 of 5 reports of {ROUND}, drawn into {file}\n"
    drawn = file.read_text("utf-8")
    for words in ("reports that came", "days-30", "deadline", "more time, for some or all"):
        assert words in drawn
    assert "Progress report of &lt;b&gt;now&lt;/b&gt;" in drawn


def test_a_picture_of_another_kind_is_refused(running: Desk, tmp_path: Path) -> None:
    done = running.say("picture", "--to", str(tmp_path / "round.gif"))

    assert done.returncode == 1
    assert "write a name that ends in .svg or .png" in done.stderr
