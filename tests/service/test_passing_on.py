"""A mail about a report that came back has told nobody: the next of the chain is told, and staff see it.

The round of 2021 in Medellín (UTC−5, no summer time): it opens on Monday 27 September, 09:00 (14:00Z), the
first rung is due on Friday 1 October, 09:00; the last moment is 31 December, 23:59:59 in Hamburg (22:59:59Z).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from scheduler.mail.post import Fate, Outgoing
from scheduler.model.cases import State
from scheduler.model.members import CHAIN, Contact
from scheduler.model.network import Configuration
from scheduler.model.notices import OF_ONE_CITY
from scheduler.service.bounces import Bounces, Effect, Taken
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory
from scheduler.service.passing_on import next_of, unreached_in_words
from scheduler.service.return_paths import ReturnPaths
from scheduler.store import passing_on, suppressions, tables
from scheduler.store.passing_on import Addressee
from scheduler.store.suppressions import EVERYTHING, Suppression
from tests.cast import MEDELLIN, a_configuration, at, member, real
from tests.mail import reports
from tests.service.stage import LINKS, Stage
from tests.service.test_post import ScriptedPost

ROUND = "report-2021"
BEFORE = at("2021-09-20T08:00:00+00:00")
OPENED = at("2021-09-27T14:00:00+00:00")
#: In the forenoon there, while the round is young.
MONDAY = at("2021-09-27T16:00:00+00:00")
TUESDAY = at("2021-09-28T16:00:00+00:00")
#: Three in the morning there, and when the quiet hours end.
NIGHT, MORNING = at("2021-09-28T08:00:00+00:00"), at("2021-09-28T12:00:00+00:00")
#: After the first rung.
OCTOBER = at("2021-10-02T08:00:00+00:00")
PATHS = ReturnPaths(LINKS.key)

ALL = {role: f"{role}@medellin.example" for role in CHAIN}
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def house(people: dict[str, str] | None = None, **to: tuple[str, ...]) -> Configuration:
    """Medellín with these contacts, by role, in one round. to: rule -> the roles it goes to."""
    contacts = tuple(Contact(role, address) for role, address in (ALL if people is None else people).items())
    city = replace(member(MEDELLIN), contacts=contacts)
    cycle = next(cycle for cycle in real().cycles if cycle.id == ROUND)
    rules = tuple(replace(rule, to=to.get(rule.id, rule.to)) for rule in cycle.rules)
    configuration = a_configuration(members=(MEDELLIN,))
    return replace(configuration, members=(city,), cycles=(replace(cycle, rules=rules),))


async def opens(stage: Stage, configuration: Configuration | None = None) -> None:
    """The round, and its first mails."""
    await stage.apply(configuration or house(), BEFORE)
    await stage.play(BEFORE, MONDAY)


async def rows(stage: Stage, **wanted: str) -> list[Any]:
    """(role, rule, state, reason, ...) of all rows, in the order in which they were written."""
    table, whose = tables.outbox, tables.contacts.c.role
    query = select(table, whose).join(tables.contacts).order_by(table.c.id)
    async with stage.database.read() as connection:
        found = (await connection.execute(query)).all()
    return [row for row in found if all(getattr(row, name) == value for name, value in wanted.items())]


async def who(stage: Stage, rule: str = "opened") -> list[tuple[str, str]]:
    """(role, state) of all rows of a rule."""
    return [(row.role, row.state) for row in await rows(stage, rule=rule)]


async def comes_back(
    stage: Stage, role: str = "coordinator", rule: str = "opened", now: datetime = MONDAY, **changes: Any
) -> Taken:
    """A report about the mail to a role."""
    mail = next(row for row in await stage.sent() if (row.role, row.rule) == (role, rule))
    said = {"final": mail.address, "original": (f"Message-ID: {mail.message_id}",), **changes}
    octets = reports.standard(PATHS.of(real().network, mail.id), **said)
    return await Bounces(stage.database, PATHS).take(octets, by="Anna", now=now)


async def bar(stage: Stage, *addresses: str) -> None:
    async with stage.database.write() as connection:
        for address in addresses:
            await suppressions.add(connection, Suppression(address, EVERYTHING, BEFORE, "a test"))


async def unreached(stage: Stage, now: datetime = TUESDAY) -> dict[str, tuple[str, ...]]:
    async with stage.database.read() as connection:
        return await passing_on.unreached(connection, now)


# to whom


async def test_the_next_of_the_chain_gets_the_same_notice(stage: Stage) -> None:
    await opens(stage)

    await comes_back(stage)
    await stage.play(MONDAY, TUESDAY)

    assert await who(stage) == [("coordinator", "failed"), ("deputy", "sent")]
    first, second = await rows(stage, rule="opened")
    assert (second.ends_at, second.useful_by, second.uid) == (first.ends_at, first.useful_by, first.uid)
    assert (second.due_at, second.sent_at) == (MONDAY, MONDAY)
    assert second.reason == "in the place of the coordinator, whom the mail did not reach"


async def test_it_goes_on_to_the_end_of_the_chain(stage: Stage) -> None:
    await opens(stage)

    for hours, role in enumerate(CHAIN):
        now = MONDAY + timedelta(hours=hours)
        await comes_back(stage, role, now=now)
        await stage.play(now, now + timedelta(hours=1))

    assert await who(stage) == [(role, "failed") for role in CHAIN]
    assert await unreached(stage) == {ROUND: (MEDELLIN,)}


@ON_SQLITE
@pytest.mark.parametrize("status", ["5.1.1", "5.2.2", "4.4.7", "5.7.1", "5.6.0", ""])
async def test_whatever_the_reason(stage: Stage, status: str) -> None:
    """Also where the address stays: a full mailbox was not told, either, and rungs are weeks apart."""
    await opens(stage)

    await comes_back(stage, status=status)

    assert await who(stage) == [("coordinator", "failed"), ("deputy", "queued")]


@ON_SQLITE
async def test_a_complaint_is_about_a_mail_that_arrived(stage: Stage) -> None:
    await opens(stage)
    mail = (await stage.sent())[0]
    octets = reports.complaint(PATHS.of(real().network, mail.id))

    taken = await Bounces(stage.database, PATHS).take(octets, by="Anna", now=MONDAY)

    assert taken.effect is Effect.SUPPRESSED
    assert await who(stage) == [("coordinator", "sent")]


@ON_SQLITE
async def test_the_same_report_passes_nothing_on_again(stage: Stage) -> None:
    await opens(stage)

    await comes_back(stage)
    mail = (await rows(stage, state="failed"))[0]
    octets = reports.standard(
        PATHS.of(real().network, mail.id),
        final=ALL["coordinator"],
        original=(f"Message-ID: {mail.message_id.partition('|')[0]}",),
        said="another report about it",
    )
    await Bounces(stage.database, PATHS).take(octets, by="Anna", now=MONDAY)

    assert await who(stage) == [("coordinator", "failed"), ("deputy", "queued")]


@ON_SQLITE
async def test_contacts_with_one_address_count_as_one(stage: Stage) -> None:
    await opens(stage, house(ALL | {"deputy": ALL["coordinator"].upper()}))

    await comes_back(stage)

    assert await who(stage) == [("coordinator", "failed"), ("mayor", "queued")]


@ON_SQLITE
async def test_who_is_barred_is_passed_over(stage: Stage) -> None:
    await opens(stage)
    await bar(stage, ALL["deputy"])

    await comes_back(stage)

    assert await who(stage) == [("coordinator", "failed"), ("mayor", "queued")]


@ON_SQLITE
async def test_nobody_else_is_told_while_another_one_that_the_rule_names_has_it(stage: Stage) -> None:
    await opens(stage, house(opened=("coordinator", "mayor")))

    await comes_back(stage)

    assert await who(stage) == [("coordinator", "failed"), ("mayor", "sent")]
    assert await unreached(stage) == {}


@ON_SQLITE
async def test_the_next_one_is_told_when_all_whom_the_rule_names_came_back(stage: Stage) -> None:
    await opens(stage, house(opened=("coordinator", "mayor")))

    await comes_back(stage)
    await comes_back(stage, "mayor")

    assert await who(stage) == [("coordinator", "failed"), ("mayor", "failed"), ("deputy", "queued")]


@ON_SQLITE
async def test_a_copy_to_an_office_outside_the_chain_tells_the_city_nothing(stage: Stage) -> None:
    people = ALL | {"national-commission": "commission@medellin.example"}
    await opens(stage, house(people, opened=("coordinator", "national-commission")))

    await comes_back(stage)

    assert ("deputy", "queued") in await who(stage)


@ON_SQLITE
async def test_whose_report_has_come_is_asked_no_more(stage: Stage) -> None:
    await opens(stage)
    await Cases(stage.database, Memory()).record(
        ROUND, [Said(MEDELLIN, State.SUBMITTED)], by="Anna", now=MONDAY
    )

    await comes_back(stage)

    assert await who(stage) == [("coordinator", "failed")]


@ON_SQLITE
async def test_a_receipt_is_passed_on(stage: Stage) -> None:
    await opens(stage)
    await Cases(stage.database, Memory()).record(
        ROUND, [Said(MEDELLIN, State.SUBMITTED)], by="Anna", now=MONDAY
    )
    await stage.play(MONDAY, MONDAY + timedelta(hours=1))

    await comes_back(stage, rule="received", now=MONDAY + timedelta(hours=1))
    await stage.play(MONDAY + timedelta(hours=1), TUESDAY)

    assert await who(stage, "received") == [("coordinator", "failed"), ("deputy", "sent")]


@ON_SQLITE
async def test_what_is_of_no_use_any_more_is_not_passed_on(stage: Stage) -> None:
    await opens(stage)

    await comes_back(stage, now=at("2021-12-31T23:00:00+00:00"))

    assert await who(stage) == [("coordinator", "failed")]


def test_mails_about_sessions_are_passed_on_to_nobody() -> None:
    """They are news, not duties; the kinds that are passed on are those of reports."""
    assert set(OF_ONE_CITY).isdisjoint({"invitation", "changed", "cancelled", "reminder"})


# when


async def test_it_waits_for_the_morning_there(stage: Stage) -> None:
    """No rule has chosen the hour at which a mail comes back."""
    await opens(stage)
    await stage.play(MONDAY, NIGHT)
    await comes_back(stage, now=NIGHT)

    await stage.play(NIGHT, TUESDAY)

    (mail,) = [row for row in await stage.sent() if row.role == "deputy"]
    assert mail.sent_at == MORNING


@ON_SQLITE
async def test_the_night_before_the_deadline_it_goes_at_once(stage: Stage) -> None:
    last_night = at("2021-12-31T08:00:00+00:00")
    await stage.apply(house(ALL, **{"days-1": ("coordinator",)}), BEFORE)
    await stage.play(BEFORE, last_night)
    await comes_back(stage, rule="days-1", now=last_night)

    await stage.play(last_night, last_night + timedelta(hours=1))

    (mail,) = [row for row in await stage.sent("report-reminder") if row.role == "deputy"]
    assert mail.sent_at == last_night


# refused while it is handed over


def refusing(*addresses: str, fate: Fate = Fate.NEVER) -> Callable[[Outgoing, datetime, int], Fate]:
    return lambda message, _now, _before: fate if message.address in addresses else Fate.SENT


@pytest.mark.parametrize("words", ["550 5.1.1 no such user", "554 5.7.1 not wanted"])
async def test_a_refusal_passes_it_on_at_once(stage: Stage, words: str) -> None:
    stage.post = ScriptedPost(refusing(ALL["coordinator"], ALL["deputy"]), words)

    await opens(stage)

    assert await who(stage) == [("coordinator", "failed"), ("deputy", "failed"), ("mayor", "sent")]
    assert (await rows(stage, role="mayor"))[0].sent_at == OPENED


@ON_SQLITE
async def test_at_the_end_of_the_ladder_it_is_passed_on(stage: Stage) -> None:
    stage.post = ScriptedPost(refusing(ALL["coordinator"], fate=Fate.LATER))

    await opens(stage)
    await stage.play(MONDAY, at("2021-09-30T16:00:00+00:00"))

    assert await who(stage) == [("coordinator", "failed"), ("deputy", "sent")]


@ON_SQLITE
async def test_later_rungs_go_to_the_next_of_the_chain_at_once(stage: Stage) -> None:
    await opens(stage)
    await comes_back(stage)

    await stage.play(MONDAY, OCTOBER)

    assert await who(stage, "days-90") == [("deputy", "sent")]


# what waits for an address that is given up


@ON_SQLITE
@pytest.mark.parametrize("state", ["queued", "deferred"])
async def test_what_waits_for_an_address_that_is_given_up_goes_to_the_next(stage: Stage, state: str) -> None:
    """Whatever the mail that came back was about."""
    await opens(stage)
    await stage.play(MONDAY, OCTOBER)
    async with stage.database.write() as connection:
        waits = update(tables.outbox).where(tables.outbox.c.rule == "days-90")
        await connection.execute(waits.values(state=state, sent_at=None))

    await comes_back(stage, now=OCTOBER)

    assert await who(stage, "days-90") == [("coordinator", "withdrawn"), ("deputy", "queued")]


@ON_SQLITE
async def test_a_mail_that_is_begun_is_left_to_its_own_end(stage: Stage) -> None:
    await opens(stage)
    await stage.play(MONDAY, OCTOBER)
    async with stage.database.write() as connection:
        begun = update(tables.outbox).where(tables.outbox.c.rule == "days-90")
        await connection.execute(begun.values(state="sending", sent_at=None, begun_at=OCTOBER))

    await comes_back(stage, now=OCTOBER)

    assert await who(stage, "days-90") == [("coordinator", "sending")]


# who is next


def addressee(role: str, *states: str, address: str = "", is_open: bool = True) -> Addressee:
    return Addressee(CHAIN.index(role), role, address or f"{role}@x.example", is_open, states)


def test_a_row_that_was_withdrawn_was_written_to_nobody() -> None:
    everybody = [addressee("coordinator", "failed"), addressee("deputy", "withdrawn")]

    chosen = next_of(everybody, 0)

    assert chosen is not None
    assert chosen.role == "deputy"


# what staff see


@ON_SQLITE
async def test_a_city_whose_mails_arrive_is_not_named(stage: Stage) -> None:
    await opens(stage)

    assert await unreached(stage) == {}


async def test_a_city_is_not_named_while_the_next_one_is_told(stage: Stage) -> None:
    await opens(stage, house({"coordinator": ALL["coordinator"], "mayor": ALL["mayor"]}))
    await comes_back(stage)

    assert await unreached(stage) == {}


async def test_a_city_is_named_whose_contacts_are_all_barred(stage: Stage) -> None:
    """There is no row at all of it."""
    await stage.apply(house(), BEFORE)
    await bar(stage, *ALL.values())

    await stage.play(BEFORE, TUESDAY)

    assert await rows(stage) == []
    assert await unreached(stage, BEFORE) == {}
    assert await unreached(stage) == {ROUND: (MEDELLIN,)}


@ON_SQLITE
async def test_a_city_is_named_no_more_when_a_later_mail_arrives(stage: Stage) -> None:
    people = {"coordinator": ALL["coordinator"]}
    await opens(stage, house(people))
    await comes_back(stage, status="5.7.1")
    named = await unreached(stage)

    await stage.play(MONDAY, OCTOBER)

    assert (named, await unreached(stage, OCTOBER)) == ({ROUND: (MEDELLIN,)}, {})


@ON_SQLITE
async def test_a_city_is_named_no_more_when_its_report_has_come(stage: Stage) -> None:
    await opens(stage, house({"coordinator": ALL["coordinator"]}))
    await comes_back(stage)
    said = [Said(MEDELLIN, State.SUBMITTED)]

    await Cases(stage.database, Memory()).record(ROUND, said, by="Anna", now=MONDAY)

    assert await unreached(stage) == {}


def test_a_few_are_named_the_others_counted() -> None:
    (one,) = unreached_in_words({ROUND: ("bari",)})
    (many,) = unreached_in_words({ROUND: tuple("abcdefgh")})

    assert one.startswith("1 city of report-2021 is reached by no mail: bari; ")
    assert many.startswith("8 cities of report-2021 are reached by no mail: a, b, c, d, e, f and 2 more; ")
    assert many.endswith("scheduler cases list")
