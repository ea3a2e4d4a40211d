"""The plan as staff read it, and what `apply --plan` makes of its hash."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from scheduler.cli.plan_json import plan_json
from scheduler.cli.plan_picture import draw_year
from scheduler.cli.plan_text import plan_lines
from scheduler.errors import SchedulerError
from scheduler.model.network import Configuration
from scheduler.model.notices import Days
from scheduler.model.series import Session, Status
from scheduler.service.planning import Ground, Plan, draw_up, read_ground
from scheduler.store import holds
from scheduler.store.holds import Hold
from tests import cast
from tests.cast import A_DAY, DOHA, MANTES, MELTON, a_configuration, a_series, a_session, at
from tests.cli.typed import Done, typed
from tests.engines import opened
from tests.golden import assert_golden
from tests.service.stage import Stage

GOLDEN = Path(__file__).parent / "golden"
NOW = at("2020-05-28T10:00:00+02:00")
WORLD, ARABS = (
    next(s.audience for s in cast.real().series[1].sessions if s.audience.label.casefold() == label)
    for label in ("world", "arab countries")
)


def webinar(name: str, title: str, on: date, hour: int, audience: object = WORLD) -> Session:
    """An hour in Hamburg, as in the list of 2020."""
    return a_session(id=name, title=title, on=on, start=time(hour), end=time(hour + 1), audience=audience)


def of_2020(*sessions: Session) -> Configuration:
    """The response series, for all cities of today, each a member for ever."""
    series = a_series(*sessions, id="covid-19-response", title="Cities respond", announced=date(2020, 4, 1))
    return a_configuration(series)


RIGHTS = "Human & civil rights protection"
RESPONSE = "General response to COVID-19"
SENT = of_2020(
    webinar("human-rights", RIGHTS, date(2020, 6, 3), 13),
    webinar("general-response-arab", RESPONSE, date(2020, 6, 10), 13, ARABS),
)
MOVED = of_2020(
    webinar("human-rights", RIGHTS, date(2020, 6, 10), 13),
    webinar("general-response-arab", RESPONSE, date(2020, 6, 10), 11, ARABS),
    webinar("culture-and-education", "Culture and education", date(2020, 6, 3), 13),
)


@pytest.fixture(scope="module")
def june(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which the list of April was sent, as it stood on 28 May 2020."""
    file = Path(shutil.copy(migrated_sqlite, tmp_path_factory.mktemp("june") / "june.sqlite"))
    asyncio.run(lived(file, SENT, NOW - 30 * A_DAY, NOW))
    return file


@pytest.fixture(scope="module")
def two_days_later(june: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """In which the new list was applied on 28 May and told; and how many mails were sent before."""
    file = Path(shutil.copy(june, tmp_path_factory.mktemp("later") / "june.sqlite"))
    return file, asyncio.run(lived(file, MOVED, NOW, NOW + 2 * A_DAY))


async def lived(file: Path, configuration: Configuration, start: datetime, end: datetime) -> int:
    """Applies and plays; gives how many mails had been sent before."""
    async with opened(file) as database:
        stage = Stage(database, file.parent)
        earlier = len(await stage.sent())
        await stage.apply(configuration, start)
        await stage.play(start, end)
    return earlier


@pytest.fixture
async def stage(june: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    async with on(june, tmp_path) as stage:
        yield stage


@asynccontextmanager
async def on(file: Path, folder: Path) -> AsyncIterator[Stage]:
    async with opened(Path(shutil.copy(file, folder / "june.sqlite"))) as database:
        yield Stage(database, folder)


async def planned(stage: Stage, proposal: Configuration, now: datetime = NOW) -> Plan:
    ground = await read_ground(stage.database, now)
    return draw_up(proposal, ground, now=now, until=now + timedelta(days=30))


def text(plan: Plan) -> str:
    """Without the name of the change and who applied it, which are other ones with each release."""
    lines = "\n".join(plan_lines(plan, daily=False))
    return re.sub(r"--plan [0-9a-f]{12}", "--plan HASH", lines) + "\n"


async def test_the_plan_of_june_2020_shows_two_updates_and_one_new_session(stage: Stage) -> None:
    plan = await planned(stage, MOVED)

    assert_golden(GOLDEN / "plan-june-2020.txt", text(plan).encode())


async def test_what_the_plan_of_june_2020_promises_is_told(
    stage: Stage, two_days_later: tuple[Path, int], tmp_path: Path
) -> None:
    """Story US-12 (1, 2, 3)."""
    plan = await planned(stage, MOVED)

    file, earlier = two_days_later
    (tmp_path / "later").mkdir()
    async with on(file, tmp_path / "later") as later:
        news = (await later.sent())[earlier:]
    told = {(row.kind.value, row.occurrence.partition(".")[0], row.sequence) for row in news}
    assert told == {
        ("changed", "human-rights", 1),
        ("changed", "general-response-arab", 1),
        ("invitation", "culture-and-education", 0),
    }
    assert len(news) == 336 + 46 + 336
    assert sum(one.mails for one in plan.mailings if one.due_at < NOW + 2 * A_DAY) == len(news)


async def test_planning_again_after_applying_changes_nothing(
    two_days_later: tuple[Path, int], tmp_path: Path
) -> None:
    async with on(two_days_later[0], tmp_path) as stage:
        again = await planned(stage, MOVED, NOW + 2 * A_DAY)

    assert again.difference.is_empty
    assert not {"changed", "cancelled", "invitation"} & {one.rule.kind.value for one in again.mailings}


async def test_a_speakers_title_changes_the_calendars_without_a_mail(stage: Stage) -> None:
    session = SENT.series[0].sessions[0]
    other = of_2020(replace(session, title="Human and civil rights"), *SENT.series[0].sessions[1:])

    plan = await planned(stage, other)

    assert "other words (title), which the calendars show: nobody gets a mail" in text(plan)
    assert "changed" not in {one.rule.kind.value for one in plan.mailings}


@pytest.mark.parametrize(
    ("changes", "what", "said"),
    [
        ({"status": Status.CANCELLED, "reason": "the speaker is ill"}, "cancelled", "cancelled: 336 mails"),
        ({"status": Status.POSTPONED}, "postponed", "changed: 336 mails"),
        ({"audience": ARABS}, "for others", "290 go out: "),
        ({"start": None, "end": None}, "time open again", "time to be announced"),
    ],
)
async def test_each_change_is_named(stage: Stage, changes: dict[str, object], what: str, said: str) -> None:
    rights, arabs = SENT.series[0].sessions
    plan = await planned(stage, of_2020(replace(rights, **changes), arabs))  # type: ignore[arg-type]

    assert f"human-rights: {what}" in text(plan)
    assert said in text(plan)


async def test_a_session_that_vanished_is_held_and_said_to_be(stage: Stage) -> None:
    plan = await planned(stage, of_2020(SENT.series[0].sessions[1]))

    assert "human-rights: no longer in the files" in text(plan)
    assert "it is held: nothing goes out until staff decide" in text(plan)


# the year of the series by rule (stories US-06, US-07), planned from the files alone


def year_of(*cities: str) -> Plan:
    third_wednesday = next(one for one in cast.real().series if one.id == "third-wednesday-2027")
    configuration = a_configuration(third_wednesday, members=cities)
    start = at("2026-11-22T00:00:00+01:00")
    plan = draw_up(configuration, Ground(), now=start, until=start + timedelta(days=400))
    return replace(plan, hash="")


def test_cities_at_night_are_listed_for_each_date() -> None:
    lines = "\n".join(plan_lines(year_of(MELTON, MANTES, "edmonton"), daily=False))

    assert "Wed 20 Jan, 2027-01-20.third-wednesday-2027: 1 of 3 members: Melton 23:00" in lines
    assert "2027-06-16.third-wednesday-2027: 1 of 3 members: Edmonton 05:00" in lines


def test_a_moved_date_keeps_its_name_in_the_plan() -> None:
    found = plan_json(year_of(DOHA))

    moved = next(one for one in found["changes"] if one["id"] == "2027-12-15.third-wednesday-2027")
    assert moved["after"]["date"] == "2027-12-08"
    assert len(found["changes"]) == 11


def test_weeks_in_which_clocks_differ_are_listed_with_who_is_concerned() -> None:
    """2027: Victoria on 3 October, Europe on the 31st; Europe on 28 March, Egypt on 30 April."""
    lines = "\n".join(plan_lines(year_of(MELTON, MANTES, "cairo"), daily=False))

    assert "week of Monday 18 October 2027, 1:00 h later than usual: Melton" in lines
    assert "week of Monday 19 April 2027, 1:00 h earlier than usual: Cairo" in lines
    assert lines.count("than usual") == 2


@pytest.mark.parametrize("ending", [".svg", ".png"])
def test_the_year_is_drawn(tmp_path: Path, ending: str) -> None:
    files = [tmp_path / f"{name}{ending}" for name in ("one", "other")]

    for file in files:
        draw_year(year_of(MELTON, DOHA), file)

    assert files[0].read_bytes() == files[1].read_bytes()
    if ending == ".svg":
        assert ">third-wednesday-2027</text>" in files[0].read_text("utf-8")


def test_a_picture_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SchedulerError, match=r"ends in \.svg or \.png"):
        draw_year(year_of(DOHA), tmp_path / "year.docx")


# typed, with a database of their own


@pytest.fixture
def house(tmp_path: Path) -> dict[str, str]:
    """Settings of an installation with a copy of the example configuration and no database yet."""
    shutil.copytree(cast.CONFIG, tmp_path / "config")
    return {
        "SCHEDULER_CONFIG": str(tmp_path / "config"),
        "SCHEDULER_DATABASE_URL": f"sqlite:///{tmp_path / 'data' / 'house.sqlite'}",
    }


def plan_of(done: Done) -> str:
    found = re.search(r"scheduler apply --plan ([0-9a-f]{12})", done.stdout)
    assert found, done.stdout + done.stderr
    return found[1]


def edit(house: dict[str, str], old: str, new: str) -> None:
    file = Path(house["SCHEDULER_CONFIG"]) / "series" / "third-wednesday-2027.yaml"
    written = file.read_text("utf-8")
    assert old in written
    file.write_text(written.replace(old, new), "utf-8")


def test_a_plan_writes_nothing(house: dict[str, str], tmp_path: Path) -> None:
    done = typed("plan", environment=house)

    assert "Nothing is in force yet" in done.stdout
    assert not (tmp_path / "data").exists()


def test_what_the_plan_showed_is_applied(house: dict[str, str]) -> None:
    shown = plan_of(typed("plan", environment=house))

    done = typed("apply", "--plan", shown, environment=house)

    assert done.stdout.startswith("OK: in force now"), done.stderr
    assert "OK: nothing changes; " in typed("plan", environment=house).stdout


def test_files_edited_after_the_plan_are_not_applied(house: dict[str, str]) -> None:
    shown = plan_of(typed("plan", environment=house))
    edit(house, 'start: "13:00"', 'start: "12:30"')

    done = typed("apply", "--plan", shown, environment=house)

    assert done.returncode == 1
    assert "changed since this plan was shown; nothing was put in force" in done.stderr
    assert plan_of(typed("plan", environment=house)) in done.stderr


def test_a_plan_against_something_else_in_force_is_not_applied(house: dict[str, str]) -> None:
    typed("apply", environment=house)
    edit(house, 'start: "13:00"', 'start: "12:30"')
    shown = plan_of(typed("plan", environment=house))
    edit(house, 'start: "12:30"', 'start: "12:00"')
    typed("apply", environment=house)
    edit(house, 'start: "12:00"', 'start: "12:30"')

    done = typed("apply", "--plan", shown, environment=house)

    assert done.returncode == 1
    assert "Look at the new plan, " in done.stderr


def test_the_plan_of_one_series_names_only_that(house: dict[str, str]) -> None:
    done = typed("plan", "--series", "third-wednesday-2027", "--json", environment=house)

    found = json.loads(done.stdout)
    assert {one["part"] for one in found["changes"]} == {"third-wednesday-2027"}
    assert {one["occurrence"].rpartition(".")[2] for one in found["mailings"]} == {"third-wednesday-2027"}
    assert found["plan"] == plan_of(typed("plan", environment=house))


def test_the_year_of_one_member_is_for_programs_too(house: dict[str, str]) -> None:
    done = typed("plan", "--member", "Medellín", "--until", "2027-02-01", "--json", environment=house)

    found = json.loads(done.stdout)
    first = next(one for one in found["mails"] if one["kind"] == "invitation")
    assert found["zone"] == "America/Bogota"
    assert (first["local"], first["starts_local"]) == (
        "2026-12-23T09:00:00-05:00",
        "2027-01-20T07:00:00-05:00",
    )


def test_status_says_in_a_line_how_the_files_differ(house: dict[str, str]) -> None:
    typed("apply", environment=house)
    edit(house, "  2027-02-17:\n", '  2027-02-17:\n    start: "15:00"\n')

    done = typed("status", environment=house)

    assert "1 changed; see it with: scheduler plan" in done.stdout


async def test_settings_rules_and_members_are_said_old_and_new(stage: Stage) -> None:
    series = SENT.series[0]
    week = next(rule for rule in series.rules if rule.id == "week-before")
    rules = tuple(replace(rule, when=Days(-6, time(10))) if rule is week else rule for rule in series.rules)
    doha = cast.member(DOHA)
    moved = replace(
        doha, zone="Asia/Riyadh", contacts=(replace(doha.contacts[0], address="new@doha.example"),)
    )
    members = tuple(moved if member.slug == DOHA else member for member in SENT.members)
    network = replace(SENT.network, settle=timedelta(minutes=30))
    proposal = replace(SENT, series=(replace(series, rules=rules),), members=members, network=network)

    said = text(await planned(stage, proposal))

    assert "the rule week-before: 7 days before at 09:00, to coordinator → 6 days before at 10:00" in said
    assert "network.yaml, settle_minutes: 10 minutes → 30 minutes" in said
    assert "zone: Asia/Qatar → Asia/Riyadh" in said
    assert (
        "coordinator learningcity@doha.example, mayor mayor@doha.example → coordinator new@doha.example"
        in said
    )


async def test_what_is_held_and_what_waits_is_said(stage: Stage) -> None:
    async with stage.database.write() as connection:
        hold = Hold("human-rights.covid-19-response", NOW, "Eve", "the speaker is ill")
        await holds.put(connection, hold)

    said = text(await planned(stage, MOVED))

    assert "held by Eve (the speaker is ill): its 1,008 mails wait for scheduler resume human-rights" in said


def test_the_plan_of_a_part_says_what_else_it_would_put_in_force(house: dict[str, str]) -> None:
    done = typed("plan", "--series", "third-wednesday-2027", environment=house)

    assert re.search(r"To put this in force, and \d+ more changes elsewhere: scheduler apply", done.stdout)
