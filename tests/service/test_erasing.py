"""What is known of a person, and how a person is erased (X12, X13)."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from scheduler.errors import KeyNeeded, NoReport
from scheduler.model.answers import Answer
from scheduler.model.members import Contact
from scheduler.model.network import Configuration
from scheduler.service.answering import Answering
from scheduler.service.bounces import Bounces
from scheduler.service.erased import Erased, digest_of
from scheduler.service.erasing import Erasing, NotKnown
from scheduler.service.in_force import Memory
from scheduler.service.planning import draw_up, read_ground
from scheduler.service.return_paths import ReturnPaths
from scheduler.service.stopping import ONE_CLICK, Stopping
from scheduler.store import book, holds, ledger, tables
from scheduler.store.holds import Hold
from tests.cast import MANTES, MEDELLIN, a_configuration, a_series, a_session, at, member, real
from tests.engines import opened
from tests.mail import reports
from tests.service.stage import LINKS, Stage

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:30:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
#: After the first reminder.
REMINDED = at("2027-06-08T08:00:00+00:00")
SESSION = "first.talks"
MAYOR = Contact("mayor", "Mayor@Both.example", "Alma Ruiz Pérez")
STATES = ("queued", "deferred", "sending", "held", "failed", "missed", "withdrawn")


def house() -> Configuration:
    """Two cities with one mayor, and their own coordinators."""
    plain = a_configuration(a_series(a_session()), members=(MANTES, MEDELLIN))
    with_mayor = (replace(one, contacts=(*one.contacts, MAYOR)) for one in plain.members)
    rules = (replace(rule, to=("coordinator", "mayor")) for rule in plain.series[0].rules)
    return replace(plain, members=tuple(with_mayor), series=(replace(plain.series[0], rules=tuple(rules)),))


async def live(stage: Stage) -> None:
    """The mayor was invited, answered, ended the mails; one mail came back; and mails are in every state."""
    await stage.apply(house(), APRIL)
    await stage.play(APRIL, LATE_MAY)
    mails = [row for row in await stage.sent("invitation") if row.address == MAYOR.address]
    numbers = [row.contact_id for row in mails]
    await Answering(stage.database, Memory()).answer(numbers[0], SESSION, Answer.ACCEPTED, LATE_MAY)
    await Stopping(stage.database, Memory()).stop(numbers[0], ONE_CLICK, LATE_MAY)
    back = reports.standard(
        ReturnPaths(LINKS.key).of(real().network, mails[0].id),
        final=MAYOR.address,
        status="4.2.2",
        said=f"smtp; 452 4.2.2 <{MAYOR.address}> is full",
        original=(f"Message-ID: {mails[0].message_id}",),
    )
    await Bounces(stage.database, ReturnPaths(LINKS.key)).take(back, by="Anna", now=LATE_MAY)
    async with stage.database.write() as connection:
        query = select(tables.outbox).where(tables.outbox.c.id == mails[1].id)
        values = dict((await connection.execute(query)).one()._mapping)
        del values["id"]
        for state in STATES:
            said = {"reply": f"550 <{MAYOR.address}>", "reason": f"refused: <{MAYOR.address}>"}
            key = {"notice_key": state, "message_id": f"<{state}>", "state": state, "sent_at": None}
            token = {"claim_token": "somebody's", "method": None} if state == "sending" else {}
            await connection.execute(tables.outbox.insert().values({**values, **said, **key, **token}))


@pytest.fixture(scope="module")
def lived_in(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("erasing")
    file = Path(shutil.copy(migrated_sqlite, folder / "may.sqlite"))

    async def play() -> None:
        async with opened(file) as database:
            await live(Stage(database, folder))

    asyncio.run(play())
    return file


@pytest.fixture
async def may(lived_in: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened(Path(shutil.copy(lived_in, tmp_path / "may.sqlite"))) as database:
        yield Stage(database, tmp_path)


def desk(stage: Stage) -> Erasing:
    return Erasing(stage.database, LINKS.key)


async def erase(stage: Stage) -> None:
    await desk(stage).erase(MAYOR.address.lower(), "Anna", "asked for it", LATE_MAY)


async def everything(stage: Stage) -> str:
    """All that the database holds, as one text."""
    found = []
    async with stage.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            found += [str(tuple(row)) for row in await connection.execute(select(table))]
    return "\n".join(found)


# handed over


async def test_an_export_has_every_place(may: Stage) -> None:
    found = await desk(may).export(MAYOR.address.upper(), "Anna", LATE_MAY)

    assert [(one["city"], one["role"], one["name"]) for one in found["contacts"]] == [
        (MANTES, "mayor", MAYOR.name),
        (MEDELLIN, "mayor", MAYOR.name),
    ]
    assert {name: len(rows) for name, rows in found.items() if isinstance(rows, list)} == {
        "cities": 2,
        "contacts": 2,
        "outbox": 4 + len(STATES),
        "told": 4,
        "answers": 1,
        "bounces": 1,
        "suppressions": 1,
        "feed_addresses": 0,
        "configurations": 1,
        "journal": 3,
    }
    assert json.dumps(found)


async def test_an_export_has_nobody_else(may: Stage) -> None:
    others = [one.address for slug in (MANTES, MEDELLIN) for one in member(slug).contacts]

    text = json.dumps(await desk(may).export(MAYOR.address, "Anna", LATE_MAY))

    assert not [one for one in others if one in text]
    assert "claim_token" not in text
    assert "Anna" not in text


async def test_whom_nobody_knows_has_no_export(may: Stage) -> None:
    with pytest.raises(NotKnown, match="nobody here has this address"):
        await desk(may).export("nobody@cities.example", "Anna", LATE_MAY)


# erased


async def test_no_trace_is_left_but_a_digest(may: Stage) -> None:
    """Of no state, in no table: not in what was in force either."""
    await erase(may)

    text = (await everything(may)).lower()
    assert MAYOR.address.lower() not in text
    assert "alma ruiz" not in text
    assert digest_of(LINKS.key, MAYOR.address) in text


async def test_who_signed_with_an_address_leaves_no_trace(may: Stage) -> None:
    """As one could before `--by` refused it."""
    async with may.database.write() as connection:
        await ledger.note(connection, LATE_MAY, f"Alma <{MAYOR.address}>", "prune", "what is old")
        await holds.put(connection, Hold("talks", LATE_MAY, MAYOR.address, ""))
        await connection.execute(update(tables.configurations).values(applied_by=MAYOR.address))

    await erase(may)

    assert MAYOR.address.lower() not in (await everything(may)).lower()


async def test_the_file_has_no_trace_either(may: Stage) -> None:
    await erase(may)
    await may.database.close()

    octets = b"".join(file.read_bytes() for file in may.folder.glob("may.sqlite*")).lower()

    assert MAYOR.address.lower().encode() not in octets


async def test_nothing_is_sent_any_more(may: Stage) -> None:
    """What is claimed is not the deliverer's any more, and what falls due goes to others only."""
    before = len(await may.sent())
    await erase(may)

    await may.play(LATE_MAY, REMINDED)

    assert {row.address.partition("@")[1] for row in (await may.sent())[before:]} == {"@"}
    withdrawn = (await may.reasons("invitation"))["invitation", "withdrawn", "the contact was erased"]
    assert withdrawn == 5  # four that waited, and the one of before


async def test_what_was_sent_stays_as_a_number(may: Stage) -> None:
    before = {row.id: row.message_id for row in await may.sent()}
    await erase(may)

    after = {row.id: row for row in await may.sent()}

    assert {number: row.message_id for number, row in after.items()} == before
    assert {row.receipt for row in after.values() if row.address.startswith("erased-")} == {None}


async def test_old_links_tell_nothing(may: Stage) -> None:
    """H09: the page of a contact who was erased is that of nobody."""
    number = next(row.contact_id for row in await may.sent() if row.address == MAYOR.address)
    await erase(may)

    stopped = await Stopping(may.database, Memory()).stop(number, ONE_CLICK, LATE_MAY)

    assert (stopped.city, stopped.is_stopped) == ("", True)
    assert "erased-" not in str([row for row in (await everything(may)).splitlines() if ONE_CLICK in row])


async def test_a_bounce_of_before_leaves_no_trace(may: Stage) -> None:
    mail = next(row for row in await may.sent() if row.address == MAYOR.address)
    await erase(may)
    paths = ReturnPaths(LINKS.key)
    late = reports.standard(paths.of(real().network, mail.id), final=MAYOR.address, original=())

    with pytest.raises(NoReport, match="erased"):
        await Bounces(may.database, paths).take(late, by="Anna", now=LATE_MAY)

    assert MAYOR.address.lower() not in (await everything(may)).lower()


# and not back again


async def test_members_csv_does_not_bring_it_back(may: Stage) -> None:
    await erase(may)

    await may.apply(house(), LATE_MAY + timedelta(hours=1))

    assert MAYOR.address.lower() not in (await everything(may)).lower()


async def test_to_the_plan_the_files_say_what_is_in_force(may: Stage) -> None:
    await erase(may)

    plan = draw_up(
        house(), await read_ground(may.database, LATE_MAY, key=LINKS.key), now=LATE_MAY, until=JULY
    )

    assert plan.is_in_force
    assert MAYOR not in {contact for mailing in plan.mailings for _, contact in mailing.contacts()}


async def test_without_the_key_nothing_comes_into_force(may: Stage) -> None:
    """Another key is as bad: it would take who was erased for somebody new."""
    await erase(may)
    stranger = Stage(may.database, may.folder, links=replace(LINKS, key=b"another"))

    with pytest.raises(KeyNeeded):
        await stranger.apply(house(), LATE_MAY + timedelta(hours=1))
    with pytest.raises(KeyNeeded):
        await read_ground(may.database, LATE_MAY)


async def test_who_asks_for_it_is_a_contact_again(may: Stage) -> None:
    await erase(may)

    assert await desk(may).readmit(MAYOR.address, "Anna", LATE_MAY)
    await may.apply(house(), LATE_MAY + timedelta(hours=1))

    async with may.database.read() as connection:
        contacts = await book.contacts_at(connection, MAYOR.address)
    assert [(one.member, one.is_listed) for one in contacts] == [(MANTES, True), (MEDELLIN, True)]


async def test_who_left_the_files_long_ago_can_be_erased(may: Stage) -> None:
    plain = a_configuration(a_series(a_session()), members=(MANTES, MEDELLIN))
    await may.apply(plain, LATE_MAY + timedelta(minutes=1))

    await desk(may).erase(MAYOR.address, "Anna", "asked for it", LATE_MAY + timedelta(hours=1))

    assert MAYOR.address.lower() not in (await everything(may)).lower()
    with pytest.raises(NotKnown, match="was erased on 2027-05-25"):
        await desk(may).look(MAYOR.address)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_it_is_the_same_in_any_database(stage: Stage) -> None:
    await live(stage)
    await erase(stage)

    await stage.apply(house(), LATE_MAY + timedelta(hours=1))

    assert MAYOR.address.lower() not in (await everything(stage)).lower()


async def test_what_another_version_wrote_is_cleaned_too(may: Stage) -> None:
    first = select(tables.configurations.c.id).limit(1).scalar_subquery()
    foreign = {"old": [{"address": MAYOR.address, "name": MAYOR.name}], "to": MAYOR.address}
    await may.apply(house(), LATE_MAY)
    plain = replace(house(), network=replace(house().network, place="Hamburg-Mitte"))
    await may.apply(plain, LATE_MAY)
    async with may.database.write() as connection:
        mine = update(tables.configurations).where(tables.configurations.c.id == first)
        await connection.execute(mine.values(content=json.dumps(foreign)))

    await erase(may)

    async with may.database.read() as connection:
        query = select(tables.configurations.c.content).order_by(tables.configurations.c.id).limit(1)
        assert json.loads(str(await connection.scalar(query))) == {"old": [], "to": ""}


def test_letters_of_an_address_do_not_matter() -> None:
    erased = Erased.of(b"key", {digest_of(b"key", "Anna@City.example"): APRIL})

    assert erased.since("anna@CITY.example") == APRIL
    assert erased.since("hannah@city.example") is None
