"""What comes back from mail servers, and what it does to an address and to what was told.

The session of the cast: Monday 14 June 2027, 13:00 in Hamburg (11:00Z); announced on 3 May, the invitation
goes out on 17 May, the reminders on 7 June and on the working day before.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from scheduler.errors import NoReport, ReportRefused
from scheduler.model.network import Configuration
from scheduler.service.bounces import Bounces, Effect, Taken, take_refusal
from scheduler.service.in_force import Memory, read_in_force
from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.service.return_paths import ReturnPaths
from scheduler.service.stopping import Stopping
from scheduler.service.untold import untold
from scheduler.store import book, bounces, suppressions, tables
from scheduler.store.bounces import Kind
from scheduler.store.outbox import Delivery
from scheduler.store.suppressions import EVERYTHING
from tests.cast import MANTES, MEDELLIN, a_configuration, a_series, a_session, at, member, real
from tests.engines import opened
from tests.mail import reports
from tests.service.stage import LINKS, Stage

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:30:00+00:00")
JUNE = at("2027-06-01T09:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
SESSION = "first.talks"
ADDRESS = member(MEDELLIN).contacts[0].address
PATHS = ReturnPaths(LINKS.key)


def house(**changes: object) -> Configuration:
    return a_configuration(a_series(a_session(**changes)), members=(MANTES, MEDELLIN))


async def invite(stage: Stage) -> None:
    """Both cities, as of late May."""
    await stage.apply(house(), APRIL)
    await stage.play(APRIL, LATE_MAY)


@pytest.fixture(scope="module")
def late_may(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("may")
    file = Path(shutil.copy(migrated_sqlite, folder / "may.sqlite"))

    async def play() -> None:
        async with opened(file) as database:
            await invite(Stage(database, folder))

    asyncio.run(play())
    return file


@pytest.fixture
async def may(late_may: Path, tmp_path: Path) -> AsyncIterator[Stage]:
    """Both cities are invited."""
    async with opened(Path(shutil.copy(late_may, tmp_path / "may.sqlite"))) as database:
        yield Stage(database, tmp_path)


async def mails_to(stage: Stage, slug: str = MEDELLIN) -> list[Delivery]:
    return [row for row in await stage.sent() if row.member == slug]


async def invitation(stage: Stage) -> Delivery:
    return next(row for row in await mails_to(stage) if row.kind.value == "invitation")


async def report(stage: Stage, mail: Delivery | None = None, **changes: Any) -> bytes:
    """A report about a mail to Medellín, the invitation unless another one is meant."""
    mail = mail or await invitation(stage)
    back = PATHS.of(real().network, mail.id)
    said = {"final": ADDRESS, "original": (f"Message-ID: {mail.message_id}",)}
    return reports.standard(back, **{**said, **changes})


async def take(stage: Stage, octets: bytes, now: datetime = LATE_MAY) -> Taken:
    return await Bounces(stage.database, PATHS).take(octets, by="Anna", now=now)


async def why_nothing(stage: Stage) -> str | None:
    async with stage.database.read() as connection:
        found = await suppressions.of(connection, ADDRESS, EVERYTHING)
    return found.reason if found else None


async def later(stage: Stage, slug: str = MEDELLIN) -> Counter[str]:
    """Mails of each kind that a city got since late May."""
    rows = await mails_to(stage, slug)
    return Counter(row.kind.value for row in rows if row.sent_at and row.sent_at > LATE_MAY)


async def told(stage: Stage) -> list[tuple[str, int]]:
    """(method, SEQUENCE) of what Medellín knows of the session."""
    query = select(tables.told.c.method, tables.told.c.sequence).join(tables.contacts)
    async with stage.database.read() as connection:
        mine = (tables.contacts.c.address == ADDRESS, tables.told.c.occurrence == SESSION)
        return [tuple(row) for row in await connection.execute(query.where(*mine))]


# for good


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.10", "5.2.1"])
async def test_who_does_not_exist_is_suppressed_at_once(may: Stage, status: str) -> None:
    taken = await take(may, await report(may, status=status))

    assert (taken.effect, taken.whose) == (Effect.SUPPRESSED, f"{MEDELLIN} coordinator")
    assert status in (await why_nothing(may) or "")


async def test_nothing_is_sent_there_any_more(may: Stage) -> None:
    await take(may, await report(may))

    await may.play(LATE_MAY, at("2027-06-08T08:00:00+00:00"))

    assert await later(may) == {}
    assert await later(may, MANTES) == {"reminder": 1}


async def test_reports_do_not_reach_it_either(stage: Stage) -> None:
    """Duties pass who ended the webinars; here there is nobody, and the mayor is told instead."""
    rounds = next(cycle for cycle in real().cycles if cycle.id == "report-2021")
    begins, opened = at("2021-10-01T08:00:00+00:00"), at("2021-10-05T08:00:00+00:00")
    configuration = replace(a_configuration(members=(MANTES, MEDELLIN)), cycles=(rounds,), series=())
    await stage.apply(configuration, begins)
    async with stage.database.write() as connection:
        wanted = suppressions.Suppression(
            ADDRESS.upper(), EVERYTHING, begins, "the mailbox is closed (5.2.1)"
        )
        await suppressions.add(connection, wanted)

    await stage.play(begins, opened)

    assert {row.role for row in await mails_to(stage)} == {"mayor", "national-coordinator"}
    assert {row.role for row in await mails_to(stage, MANTES)} == {"coordinator"}


async def test_what_came_back_was_not_told(may: Stage) -> None:
    await take(may, await report(may))

    assert await told(may) == []
    assert (await may.reasons("invitation"))[
        "invitation", "failed", "it came back: the address does not exist (5.1.1)"
    ] == 1


async def test_what_came_before_stays_told(may: Stage) -> None:
    await may.apply(house(start=time(15), end=time(16)), JUNE)
    await may.play(LATE_MAY, JUNE + timedelta(hours=12))
    news = next(row for row in await mails_to(may) if row.kind.value == "changed")

    await take(may, await report(may, news), JUNE + timedelta(hours=13))

    assert news.sequence > 0
    assert await told(may) == [("REQUEST", 0)]


async def hears_what_it_missed(stage: Stage) -> None:
    await take(stage, await report(stage))
    await stage.apply(house(start=time(15), end=time(16)), JUNE)
    await stage.play(LATE_MAY, JUNE)

    lifted = await Stopping(stage.database, Memory()).lift(MEDELLIN, "", "Anna", JUNE)
    await stage.play(JUNE, JUNE + timedelta(hours=12))

    assert lifted == 1
    assert await later(stage) == {"invitation": 1}
    assert await why_nothing(stage) is None


async def test_who_is_written_to_again_hears_what_it_missed(may: Stage) -> None:
    await hears_what_it_missed(may)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_it_is_the_same_in_any_database(stage: Stage) -> None:
    await invite(stage)

    await hears_what_it_missed(stage)


async def test_the_same_report_does_not_undo_that(may: Stage) -> None:
    octets = await report(may)
    await take(may, octets)
    await Stopping(may.database, Memory()).lift(MEDELLIN, "", "Anna", LATE_MAY)

    taken = await take(may, octets.replace(b"\r\n", b"\n"))

    assert taken.effect is Effect.KNOWN
    assert await why_nothing(may) is None


async def test_a_waiting_mail_is_withdrawn_with_the_reason(may: Stage) -> None:
    """P13."""
    mail = await invitation(may)
    await may.play(LATE_MAY, at("2027-06-08T08:00:00+00:00"))
    async with may.database.write() as connection:
        waiting = update(tables.outbox).where(tables.outbox.c.kind == "reminder")
        await connection.execute(waiting.values(state="deferred", sent_at=None))
    await take(may, await report(may, mail), at("2027-06-08T08:00:00+00:00"))

    await may.play(at("2027-06-08T08:00:00+00:00"), at("2027-06-08T09:00:00+00:00"))

    reason = "nothing is sent to the address: the address does not exist (5.1.1)"
    assert (await may.reasons("reminder"))["week-before", "withdrawn", reason] == 1


# for now


async def soft(stage: Stage, number: int, days_apart: int = 1) -> list[Taken]:
    """So many different mails came back from a full mailbox, a day or more apart."""
    mail = await invitation(stage)
    async with stage.database.write() as connection:
        values = (await connection.execute(select(tables.outbox).where(tables.outbox.c.id == mail.id))).one()
        for one in range(1, number):
            key = {"notice_key": f"{one}", "message_id": f"<{one}@cities.example>", "id": 1000 + one}
            await connection.execute(tables.outbox.insert().values({**values._mapping, **key}))
    others = (replace(mail, id=1000 + one, message_id=f"<{one}@cities.example>") for one in range(1, number))
    taken = []
    for day, row in enumerate([mail, *others]):
        now = LATE_MAY + timedelta(days=day * days_apart)
        when = f"{now:%a, %d %b %Y %H:%M:%S} +0000"
        said = "smtp; 552 5.2.2 mailbox full"
        taken.append(await take(stage, await report(stage, row, status="5.2.2", said=said, when=when), now))
    return taken


async def test_a_full_mailbox_counts_five_times(may: Stage) -> None:
    taken = await soft(may, 5)

    assert [one.effect for one in taken] == [Effect.COUNTED] * 4 + [Effect.SUPPRESSED]
    assert [one.number for one in taken] == [1, 2, 3, 4, 5]
    assert await why_nothing(may) == "5 mails came back within 14 days; the last: the mailbox is full (5.2.2)"


async def test_five_in_a_longer_time_are_no_reason(may: Stage) -> None:
    taken = await soft(may, 5, days_apart=4)

    assert {one.effect for one in taken} == {Effect.COUNTED}
    assert await why_nothing(may) is None


async def test_several_reports_about_one_mail_are_one(may: Stage) -> None:
    mail = await invitation(may)
    several = [await report(may, mail, status="4.2.2", more=(f"X-Number: {n}",)) for n in range(6)]

    assert [(await take(may, octets)).number for octets in several] == [1] * 6
    assert await why_nothing(may) is None


async def test_what_a_full_mailbox_did_not_take_stays_told(may: Stage) -> None:
    """The next mail about it says all there is."""
    await soft(may, 1)

    assert await told(may) == [("REQUEST", 0)]


async def test_who_fails_behind_the_address_is_counted_only(may: Stage) -> None:
    """The address hands mail on, to a colleague who left: it reads on itself."""
    taken = await take(may, await report(may, final="colleague@elsewhere.example"))

    assert (taken.kind, taken.effect) == (Kind.SOFT, Effect.COUNTED)


# for staff, and for nobody


@pytest.mark.parametrize("status", ["5.7.1", "5.7.26", "5.3.4", "5.6.0", "5.0.0"])
async def test_a_refusal_of_the_mail_leaves_the_address(may: Stage, status: str) -> None:
    taken = await take(may, await report(may, status=status, said="smtp; 550 refused <anna@city.example>"))

    assert (taken.kind, taken.effect) == (Kind.POLICY, Effect.NOTED)
    assert await why_nothing(may) is None
    async with may.database.read() as connection:
        ((_, _, kept),) = await bounces.of_kind(connection, Kind.POLICY, APRIL)
    assert kept.said == "550 refused [address]>" or "@" not in kept.said


async def test_a_complaint_ends_everything_at_once(may: Stage) -> None:
    mail = await invitation(may)
    octets = reports.complaint(PATHS.of(real().network, mail.id))

    taken = await take(may, octets.replace(b"<first.talks.invitation.0.1@cities.example>", b""))

    assert (taken.kind, taken.effect) == (Kind.COMPLAINT, Effect.SUPPRESSED)
    assert await told(may) == [("REQUEST", 0)]


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
async def test_what_has_not_failed_changes_nothing(may: Stage, action: str) -> None:
    with pytest.raises(NoReport):
        await take(may, await report(may, action=action, status="4.4.1"))


async def test_a_report_that_nobody_signed_changes_nothing(may: Stage) -> None:
    mail = await invitation(may)
    forged = f"webinars+b{mail.id}.aaaaaaaaaaaaaaaa@cities.example"

    with pytest.raises(ReportRefused, match="signature"):
        await take(may, reports.standard(forged, final=ADDRESS))

    assert await why_nothing(may) is None


async def test_a_number_that_means_another_mail_is_noticed(may: Stage) -> None:
    """After a database was restored, numbers begin again. Some mail servers give mails names of their own."""
    ours = f"Message-ID: <other@{real().network.uid_domain}>"
    with pytest.raises(ReportRefused, match="another one"):
        await take(may, await report(may, original=(ours,)))

    taken = await take(may, await report(may, original=("Message-ID: <0100018f@relay.example>",)))

    assert taken.effect is Effect.SUPPRESSED


async def test_a_mail_that_is_forgotten_is_said_to_be(may: Stage) -> None:
    mail = replace(await invitation(may), id=999)

    with pytest.raises(ReportRefused, match="not remembered"):
        await take(may, await report(may, mail))


# refused while it was handed over


@pytest.mark.parametrize(
    ("said", "effect"),
    [
        ("550 5.1.1 no such user", Effect.SUPPRESSED),
        ("552 5.2.2 mailbox full", Effect.COUNTED),
        ("451 4.2.1 try again later", Effect.COUNTED),
        ("451 4.3.0 our own disk is full", None),
        ("550 5.7.1 no spam here", None),
        ("550 no such user", None),
    ],
)
async def test_a_refusal_says_as_much_as_a_report(may: Stage, said: str, effect: Effect | None) -> None:
    """But what our own mail server says of itself would silence everybody."""
    row = await invitation(may)

    async with may.database.write() as connection:
        taken = await take_refusal(connection, row, said, LATE_MAY)
        again = await take_refusal(connection, row, said, LATE_MAY)

    assert (taken.effect if taken else None) == effect
    assert (again.effect if again else None) == (Effect.KNOWN if effect else None)


# what staff see


async def plan_of(stage: Stage, now: datetime) -> Plan:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    ground = await read_ground(stage.database, now)
    return draw_up(in_force.configuration, ground, now=now, until=JULY)


async def test_the_plan_promises_nothing_to_it_and_says_so(may: Stage) -> None:
    await take(may, await report(may))

    plan = await plan_of(may, LATE_MAY)

    assert {m.slug for mailing in plan.mailings for m, _ in mailing.contacts()} == {MANTES}
    (said,) = [one for one in untold(plan) if "came back" in one.why]
    assert (said.what, f"{MEDELLIN} coordinator" in said.why) == ("1 contact", True)


async def test_the_journal_names_it_without_an_address(may: Stage) -> None:
    await take(may, await report(may))
    await Stopping(may.database, Memory()).lift(MEDELLIN, "", "Berta", LATE_MAY)

    async with may.database.read() as connection:
        number = (await book.contacts_of(connection, MEDELLIN))[0].id
        lines = (await connection.execute(select(tables.journal))).all()[-2:]

    whose, reason = f"{MEDELLIN} coordinator", "the address does not exist (5.1.1)"
    assert [(one.actor, one.action, one.subject, one.detail) for one in lines] == [
        ("Anna", "suppress", whose, f"{reason}; contact {number}"),
        ("Berta", "lift", whose, f"contact {number}"),
    ]
