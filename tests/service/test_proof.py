"""What staff can prove of a round: who was told what and when, and the sums (stories US-23, US-25).

The round of 2021: it opens on 27 September at 09:00 of each city, and ends on 31 December 2021 23:59:59 in
Hamburg, 22:59:59Z.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from scheduler.model.cases import State, Timing
from scheduler.model.cycles import Cycle, Duty, Extension
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory, read_in_force
from scheduler.service.proof import (
    NOWHERE,
    Proof,
    Reach,
    Round,
    Standing,
    decision_words,
    read_proofs,
    read_round,
)
from scheduler.store import bounces, suppressions, tables
from scheduler.store.suppressions import EVERYTHING, Suppression
from tests import cast
from tests.cast import KASHAN, MANTES, MEDELLIN, MELTON, at
from tests.service.stage import LINKS, Stage

GDYNIA, UNDECIDED, EXCEPTED = "gdynia", "garissa", "al-shahaniya"
BEFORE = at("2021-09-20T12:00:00+02:00")
OPENED = at("2021-09-28T12:00:00+02:00")
AFTER = at("2022-02-01T12:00:00+01:00")
FLOODS = Extension(date(2022, 1, 20), "Floods in Victoria", (MELTON,))


def the_round(*extensions: Extension) -> Configuration:
    real = cast.real()
    named = (GDYNIA, KASHAN, MANTES, MEDELLIN, MELTON, UNDECIDED, EXCEPTED)
    members = tuple(member for member in real.members if member.slug in named)
    cycle = replace(real.cycles[0], extensions=extensions)
    return replace(real, members=members, series=(), cycles=(cycle,))


async def looked(stage: Stage, now: datetime) -> Round:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
        return await read_round(connection, in_force, the_cycle(in_force.configuration), now)


async def proved(stage: Stage, slug: str, now: datetime) -> Proof:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
        whole = await read_round(connection, in_force, the_cycle(in_force.configuration), now)
        (found,) = await read_proofs(connection, in_force, whole, [slug])
    return found


def the_cycle(configuration: Configuration) -> Cycle:
    return configuration.cycles[0]


def of(whole: Round, slug: str) -> Standing:
    return next(one for one in whole.standings if one.case.member == slug)


async def say(stage: Stage, slug: str, state: State, now: datetime, came_at: datetime | None = None) -> None:
    said = [Said(slug, state, came_at)]
    await Cases(stage.database, Memory()).record("report-2021", said, by="Anna", now=now)


async def decide(stage: Stage, duty: Duty, because: str, now: datetime) -> None:
    why = decision_words(duty, because)
    desk = Cases(stage.database, Memory())
    await desk.decide("report-2021", [UNDECIDED], duty, because=why, by="Anna", now=now, key=LINKS.key)


async def bar(stage: Stage, *addresses: str) -> None:
    async with stage.database.write() as connection:
        for address in addresses:
            await suppressions.add(connection, Suppression(address, EVERYTHING, BEFORE, "does not exist"))


async def send_back(stage: Stage, slug: str) -> None:
    """All that was sent to its coordinator came back."""
    async with stage.database.write() as connection:
        ids = select(tables.outbox.c.id).join(
            tables.contacts, tables.contacts.c.id == tables.outbox.c.contact_id
        )
        theirs = tables.contacts.c.address == f"learningcity@{slug}.example"
        for number in list(await connection.scalars(ids.where(theirs))):
            reason = "it came back: the address does not exist (5.1.1)"
            await bounces.mark_returned(connection, number, reason, for_good=True)


@pytest.fixture
async def opened(stage: Stage) -> Stage:
    """The day after the round was opened."""
    await stage.apply(the_round(FLOODS), BEFORE)
    await stage.play(BEFORE, OPENED)
    return stage


async def test_who_was_told_is_named_with_the_mail_servers_answer(opened: Stage) -> None:
    proof = await proved(opened, GDYNIA, OPENED)

    (told,) = proof.told
    (mail,) = proof.mails
    assert (told.role, told.mails, told.first_at.isoformat()) == (
        "coordinator",
        1,
        "2021-09-27T07:00:00+00:00",
    )
    assert told.receipt
    assert told.receipt == mail.receipt
    assert proof.standing.reach is Reach.TOLD


async def test_before_the_round_opens_nobody_is_told_and_nothing_is_wrong(stage: Stage) -> None:
    await stage.apply(the_round(), BEFORE)

    whole = await looked(stage, BEFORE)

    assert {one.reach for one in whole.due} == {Reach.NOT_YET}


async def test_what_bounced_is_not_notified(opened: Stage) -> None:
    """Story US-25.2."""
    await send_back(opened, GDYNIA)

    proof = await proved(opened, GDYNIA, OPENED)

    assert proof.standing.reach is Reach.NOT_REACHED
    assert proof.told == ()
    assert [(one.role, one.why) for one in proof.unreached] == [
        ("coordinator", "it came back: the address does not exist (5.1.1)")
    ]


async def test_the_next_of_the_chain_is_told_where_the_first_cannot_be(stage: Stage) -> None:
    await bar(stage, "learningcity@gdynia.example")
    await stage.apply(the_round(), BEFORE)
    await stage.play(BEFORE, OPENED)

    proof = await proved(stage, GDYNIA, OPENED)

    assert [one.role for one in proof.told] == ["mayor"]
    assert [(one.role, one.why) for one in proof.unreached] == [("coordinator", "does not exist")]


async def test_a_city_where_nobody_can_be_written_to_is_shown_before_it_matters(stage: Stage) -> None:
    await stage.apply(the_round(), BEFORE)
    member = next(one for one in the_round().members if one.slug == GDYNIA)
    await bar(stage, *(contact.address for contact in member.contacts))

    standing = of(await looked(stage, BEFORE), GDYNIA)

    assert (standing.reach, standing.why_not) == (Reach.NOT_REACHED, "does not exist")


async def test_who_was_never_written_to_is_not_reached_once_the_deadline_has_passed(stage: Stage) -> None:
    await stage.apply(the_round(), BEFORE)

    standing = of(await looked(stage, AFTER), GDYNIA)

    assert (standing.reach, standing.why_not) == (Reach.NOT_REACHED, "no mail of this round was sent")


async def test_a_digest_tells_no_city(opened: Stage) -> None:
    """It goes to the country's coordinator, by way of one of its cities."""
    rung = at("2021-12-02T12:00:00+01:00")
    await opened.play(OPENED, rung)

    standing = of(await looked(opened, rung), GDYNIA)

    kinds = {mail.kind.value for mail in (await proved(opened, GDYNIA, rung)).mails}
    assert "report-digest" in kinds
    assert standing.told == ("coordinator",)


async def test_a_city_counts_once_and_the_sums_add_up(opened: Stage) -> None:
    """Story US-25.6, with the deadline's second of US-23.3: 22:59:59Z is in time, 23:00:00Z is late."""
    came = {
        GDYNIA: "2021-12-31T22:59:59+00:00",
        KASHAN: "2021-12-31T23:00:00+00:00",
        MELTON: "2022-01-20T12:00:00+00:00",
    }
    for slug, text in came.items():
        await say(opened, slug, State.SUBMITTED, AFTER, at(text))

    whole = await looked(opened, AFTER)

    assert {one.case.member: one.timing for one in whole.due} == {
        GDYNIA: Timing.IN_TIME,
        KASHAN: Timing.LATE,
        MELTON: Timing.EXTENDED,
        MANTES: Timing.NONE,
        MEDELLIN: Timing.NONE,
    }
    assert whole.total.due == 5 == sum(whole.total.by_timing.values())
    for sums in (whole.by_region(), whole.by_country()):
        assert sum(one.due for one in sums) == 5
        assert all(sum(one.by_timing.values()) == one.due for one in sums)


async def test_who_need_not_report_is_in_no_sum(opened: Stage) -> None:
    whole = await looked(opened, OPENED)

    states = {one.case.member: (one.case.state, one.timing, one.reach) for one in whole.standings}
    assert states[UNDECIDED] == (State.UNDECIDED, None, None)
    assert states[EXCEPTED] == (State.EXCEPTED, None, None)


async def test_the_calendar_has_moved_a_case_that_nobody_has_looked_at(stage: Stage) -> None:
    await stage.apply(the_round(), BEFORE)

    whole = await looked(stage, AFTER)

    assert {one.case.state for one in whole.due} == {State.CLOSED}


async def test_a_decision_is_named_with_who_made_it_and_why(opened: Stage) -> None:
    await decide(opened, Duty.DUE, "their letter of 3 May", OPENED)

    proof = await proved(opened, UNDECIDED, OPENED)

    assert proof.why[0] == "Anna decided on 2021-09-28: due; their letter of 3 May"
    assert proof.why[1].startswith("its membership began")


async def test_a_decision_that_is_taken_back_leaves_the_case_to_the_files(opened: Stage) -> None:
    await decide(opened, Duty.DUE, "their letter of 3 May", OPENED)

    await decide(opened, Duty.UNDECIDED, "the letter was another city's", OPENED + timedelta(minutes=1))

    proof = await proved(opened, UNDECIDED, OPENED + timedelta(minutes=2))
    assert proof.duty is Duty.UNDECIDED
    assert proof.standing.case.state is State.UNDECIDED


async def test_a_city_that_is_in_no_file_any_more_stays_in_the_sums(opened: Stage) -> None:
    without = the_round(FLOODS)
    members = tuple(member for member in without.members if member.slug != GDYNIA)
    await opened.apply(replace(without, members=members), OPENED)

    whole = await looked(opened, OPENED)

    assert NOWHERE in [one.name for one in whole.by_region()]
    assert sum(one.due for one in whole.by_country()) == whole.total.due == 5


async def test_it_is_the_letter_of_the_outcome_that_notifies(opened: Stage) -> None:
    """A reminder that arrived is no notice of the outcome (story US-25.2)."""
    standing = of(await looked(opened, OPENED), GDYNIA)
    ended = replace(standing, case=replace(standing.case, state=State.NOT_SUBMITTED))
    letter = replace(standing.mails[0], role="mayor", kind=Kind.REPORT_NOT_SUBMITTED)

    assert ended.notified == ()
    assert replace(ended, mails=(*ended.mails, letter)).notified == ("mayor",)


async def test_the_log_stands_with_the_proof(opened: Stage) -> None:
    came = OPENED.astimezone(UTC) - timedelta(hours=1)
    await say(opened, GDYNIA, State.SUBMITTED, OPENED, came)

    proof = await proved(opened, GDYNIA, OPENED)

    line = proof.log[-1]
    assert (line.actor, line.before, line.after) == ("Anna", "open", "submitted")
    assert line.reason == "the report came at 2021-09-28 09:00:00 UTC"
