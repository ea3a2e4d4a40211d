"""Answers as they are taken in, and where staff read what was answered: plan, status, members."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from scheduler.service.in_force import Memory
from scheduler.service.stopping import ONE_CLICK, Stopping
from scheduler.store import tables
from scheduler.store.database import Database, open_database
from tests.cli.typed import Done, started, typed
from tests.ical.answered import calendar, mail, part
from tests.serving.house import House, address

STARTS = (datetime.now(UTC) + timedelta(days=9)).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three cities that were invited to a session in nine days."""
    house = House(tmp_path_factory.mktemp("furnished") / "house").furnish(3)
    house.write_session(STARTS)
    say(house, "apply")
    asyncio.run(_tell(a_database(house)))
    return house.folder


async def _tell(database: Database) -> None:
    row = {
        "occurrence": "first.talks",
        "uid": "first.talks@learning-cities.example",
        "sequence": 0,
        "method": "REQUEST",
        "starts_at": STARTS,
        "status": "confirmed",
        "place": "",
        "told_at": datetime.now(UTC),
    }
    async with database.write() as connection:
        for contact_id in (1, 2, 3):
            await connection.execute(tables.told.insert().values(**row, contact_id=contact_id))
    await database.close()


@pytest.fixture
def house(furnished: Path, tmp_path: Path) -> House:
    return House(shutil.copytree(furnished, tmp_path / "house"))


def a_database(house: House) -> Database:
    return open_database(f"sqlite:///{house.folder / 'var' / 'scheduler.sqlite'}")


def surroundings(house: House) -> dict[str, str]:
    return {"SCHEDULER_CONFIG": str(house.config), "SCHEDULER_DATA": str(house.folder / "var")}


def say(house: House, *words: str) -> Done:
    return typed(*words, environment=surroundings(house))


def a_reply(house: House, city: int, answer: str, minutes_ago: int = 5, **changes: str) -> str:
    """A mail in a file; gives its path."""
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    said = {"attendee": f"MAILTO:{address(city)}", "stamp": f"DTSTAMP:{at:%Y%m%dT%H%M%SZ}"} | changes
    text = calendar(partstat=answer, start=f"DTSTART:{STARTS:%Y%m%dT%H%M%SZ}", **said)
    file = house.folder / f"{city}-{answer}-{minutes_ago}.eml"
    file.write_bytes(mail(part(text), address(city)))
    return str(file)


def stop(house: House, contact_id: int) -> None:
    async def _stop() -> None:
        database = a_database(house)
        await Stopping(database, Memory()).stop(contact_id, ONE_CLICK, datetime.now(UTC))
        await database.close()

    asyncio.run(_stop())


def test_each_file_says_what_became_of_it(house: House) -> None:
    files = [a_reply(house, 1, "ACCEPTED"), a_reply(house, 2, "DECLINED"), a_reply(house, 3, "TENTATIVE")]

    done = started("replies", "import", *files, "--by", "Anna", environment=surroundings(house))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{files[0]}: city-1 accepted first.talks",
        f"{files[1]}: city-2 declined first.talks",
        f"{files[2]}: city-3 accepted tentatively first.talks",
        "OK: 3 answers taken",
    ]


def test_an_older_answer_is_told_as_older(house: House) -> None:
    say(house, "replies", "import", a_reply(house, 1, "DECLINED"))

    done = say(house, "replies", "import", a_reply(house, 1, "ACCEPTED", minutes_ago=60))

    assert done.returncode == 0
    assert "before the answer that counts; nothing was changed" in done.stdout
    assert done.stdout.endswith("OK: 0 answers taken, 1 older than the one that counts\n")


def test_what_is_refused_stops_no_other(house: House) -> None:
    foreign = a_reply(house, 2, "ACCEPTED", uid="other@elsewhere.example")
    files = [foreign, str(house.folder / "none.eml"), str(house.config), a_reply(house, 1, "ACCEPTED")]

    done = say(house, "replies", "import", *files)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"! {foreign}: it answers an invitation that is none of ours, or to a session that is gone",
        f"! {files[1]}: No such file or directory",
        f"! {files[2]}: Is a directory",
    ]
    assert done.stdout.endswith("1 answer taken; 3 files refused\n")
    assert "@" not in done.stdout


def test_who_took_it_in_stands_in_the_journal(house: House) -> None:
    say(house, "replies", "import", a_reply(house, 2, "DECLINED"), "--by", "Anna")

    async def journal() -> list[tuple[str, ...]]:
        database, table = a_database(house), tables.journal.c
        async with database.read() as connection:
            query = select(table.actor, table.action, table.subject, table.detail).order_by(table.id)
            found = [tuple(row) for row in await connection.execute(query)]
        await database.close()
        return found

    assert asyncio.run(journal())[-1] == ("Anna", "answer by mail", "first.talks", "city-2: declined")


def test_nothing_is_taken_in_where_nothing_is_in_force(tmp_path: Path) -> None:
    done = typed("replies", "import", "x.eml", environment={"SCHEDULER_DATA": str(tmp_path)})

    assert done.returncode == 1
    assert done.stderr.startswith("error: there is no database ")


def test_answers_are_counted_where_staff_look(house: House) -> None:
    say(house, "replies", "import", a_reply(house, 1, "ACCEPTED"), a_reply(house, 2, "DECLINED"))
    stop(house, 3)
    counted = "first.talks: 1 comes, 1 does not come (no reminders), 1 has not answered"

    status, plan = say(house, "status").stdout, say(house, "plan").stdout

    assert f"Answers    {counted}" in status
    assert "1 contact ended the mails about webinars; reports still go there" in status
    assert counted in plan
    assert "1 contact gets no mails about webinars any more, only those of reports" in plan


def test_programs_read_the_counts(house: House) -> None:
    say(house, "replies", "import", a_reply(house, 1, "ACCEPTED"), a_reply(house, 2, "DECLINED"))
    stop(house, 3)

    status, plan = (json.loads(say(house, word, "--json").stdout) for word in ("status", "plan"))

    count = {"come": 1, "maybe": 0, "declined": 1, "outdated": 0, "silent": 1}
    assert (status["answers"], status["ended"]) == ([{"occurrence": "first.talks", **count}], 1)
    assert (plan["answers"], plan["ended"]) == ([{"id": "first.talks", **count}], 1)


def test_a_citys_plan_says_what_it_answered(house: House) -> None:
    say(house, "replies", "import", a_reply(house, 2, "DECLINED"))
    stop(house, 2)

    text = say(house, "plan", "--member", "city-2").stdout
    data = json.loads(say(house, "plan", "--member", "city-2", "--json").stdout)

    assert "coordinator: declined first.talks (no reminders)" in text
    assert "coordinator: ended the mails about webinars" in text
    answer = {"occurrence": "first.talks", "role": "coordinator", "answer": "declined", "is_outdated": False}
    assert (data["answers"], data["ended"], data["mails"]) == ([answer], ["coordinator"], [])


def test_a_city_is_shown_with_what_it_said(house: House) -> None:
    say(house, "replies", "import", a_reply(house, 2, "DECLINED"))
    stop(house, 2)

    lines = say(house, "members", "find", "city-2").stdout.splitlines()

    said = [line.split()[:3] for line in lines if line.startswith(("  ended", "  answered"))]
    assert said == [["ended", "coordinator:", "no"], ["answered", "coordinator:", "declined"]]


def test_a_city_that_wrote_stop_gets_no_more_mails_about_webinars(house: House) -> None:
    done, again, nobody = (
        say(house, "members", "unsubscribe", "City 2", "--by", "Anna", *role)
        for role in (("--role", "coordinator"), (), ("--role", "chef"))
    )

    assert done.stdout == "OK: no mails about webinars go to 1 contact of city-2, coordinator any more\n"
    assert again.stdout.endswith("still gets mails about webinars; nothing was changed\n")
    assert (nobody.returncode, "write one of coordinator" in nobody.stderr) == (2, True)
    assert "(asked for it by mail)" in say(house, "members", "find", "city-2").stdout


def test_staff_write_to_a_city_again(house: House) -> None:
    stop(house, 2)

    done, again = (say(house, "members", "resubscribe", "City 2", "--by", "Anna") for _ in range(2))

    assert done.stdout == "OK: mails about webinars go to 1 contact of city-2 again\n"
    assert again.stdout.endswith("had ended the mails about webinars; nothing was changed\n")
