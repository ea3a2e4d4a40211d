"""A preview is what goes out; a test mail is nearly that."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, time
from email import message_from_bytes, policy

import pytest
from sqlalchemy import select

from scheduler.errors import NotDue, SchedulerError
from scheduler.model.audience import Audience
from scheduler.model.members import Contact
from scheduler.model.network import Configuration
from scheduler.model.series import Join, Status
from scheduler.service.links import Links
from scheduler.service.preview import Preview, preview
from scheduler.service.trial import as_test
from scheduler.store import tables
from tests.cast import DOHA, MEDELLIN, a_configuration, a_series, a_session, at, real
from tests.service.stage import Stage, part

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")
LINKS = Links("https://cities.example", b"test")


class Anybody(Links):
    """Whose links to answer and to stop are the same for all, as a preview's are nobody's."""

    def answer(self, contact_id: int, occurrence: str) -> str:  # noqa: ARG002
        return super().answer(0, occurrence)

    def stop(self, contact_id: int) -> str:  # noqa: ARG002
        return super().stop(0)


#: What is shown depends on no statement.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PLAIN = a_configuration(a_series(), members=(DOHA,))
MOVED = a_configuration(a_series(a_session(start=time(15), end=time(16))), members=(DOHA,))
OFF = a_configuration(a_series(a_session(status=Status.CANCELLED)), members=(DOHA,))
RECORDED = a_configuration(
    a_series(a_session(recording="https://recordings.cities.example/1")), members=(DOHA,)
)


async def shown(
    configuration: Configuration,
    word: str,
    name: str = "first.talks",
    *,
    stage: Stage | None = None,
    member: str = DOHA,
    now: datetime = LATE_MAY,
    to: str = "",
) -> Preview:
    database = stage.database if stage else None
    return await preview(configuration, word, name, member, links=LINKS, now=now, database=database, to=to)


async def test_a_preview_is_what_goes_out(stage: Stage) -> None:
    """All kinds that a session has by itself, octet by octet; the mailbox keeps this machine's line ends."""
    stage.links = Anybody(LINKS.base_url, LINKS.key)
    await stage.apply(RECORDED, APRIL)
    await stage.play(APRIL, JULY)

    for row in await stage.sent():
        made = await shown(RECORDED, row.rule, row.occurrence, stage=stage)
        assert row.receipt
        sent = (stage.folder / "mailbox" / row.receipt).read_bytes()
        assert made.octets.replace(b"\r\n", b"\n") == sent
    assert len(await stage.sent()) == 5


@pytest.mark.parametrize(("word", "after"), [("changed", MOVED), ("cancelled", OFF)])
@ON_SQLITE
async def test_a_preview_of_news_is_what_goes_out_once_applied(
    stage: Stage, word: str, after: Configuration
) -> None:
    stage.links = Anybody(LINKS.base_url, LINKS.key)
    await stage.apply(PLAIN, APRIL)
    await stage.play(APRIL, LATE_MAY)

    made = await shown(after, word, stage=stage)
    await stage.apply(after, LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-26T08:00:00+00:00"))

    (row,) = await stage.sent(word)
    assert row.receipt
    sent = (stage.folder / "mailbox" / row.receipt).read_bytes()
    assert made.octets.replace(b"\r\n", b"\n") == sent


@ON_SQLITE
async def test_a_change_before_anybody_was_invited_is_shown_against_what_is_in_force(stage: Stage) -> None:
    await stage.apply(PLAIN, APRIL)

    made = await shown(MOVED, "changed", stage=stage, now=APRIL)

    assert made.delivery.sequence == 1
    assert b"first.talks.changed.1." in made.octets


@ON_SQLITE
async def test_a_new_link_asks_nobody_to_answer_again(stage: Stage) -> None:
    linked = a_configuration(
        a_series(a_session(join=Join(link="https://meet.cities.example/2"))), members=(DOHA,)
    )
    await stage.apply(PLAIN, APRIL)
    await stage.play(APRIL, LATE_MAY)

    link, hour = [await shown(after, "changed", stage=stage) for after in (linked, MOVED)]

    said = [part(message_from_bytes(one.octets), "text/plain") for one in (link, hour)]
    assert said[0].startswith("Please note the new way to join: ")
    assert "your answer stands" in said[0].replace("\r\n", " ")
    assert said[1].startswith("Please check what changed and answer again: ")


@ON_SQLITE
async def test_a_preview_writes_nothing_down(stage: Stage) -> None:
    await stage.apply(PLAIN, APRIL)

    await shown(PLAIN, "invitation", stage=stage)

    assert await stage.states() == {}


async def test_without_a_database_the_files_are_enough() -> None:
    made = await shown(PLAIN, "week-before")

    assert made.delivery.due_at == at("2027-06-07T09:00:00+03:00")
    assert made.calendar is None


@pytest.mark.parametrize("word", ["report-opened", "opened", "report-reminder", "reminder", "days-30"])
async def test_reports_are_shown_by_kind_or_rule(word: str) -> None:
    made = await shown(real(), word, "report-2021", member=MEDELLIN)

    assert made.occurrence.id == "report-2021"


ARAB = Audience("Arab countries", regions=("arab-states",))


@pytest.mark.parametrize(
    ("configuration", "word", "why"),
    [
        (
            a_configuration(a_series(a_session(audience=ARAB)), members=(MEDELLIN,)),
            "invitation",
            "Medellín is not invited: first.talks is for Arab countries",
        ),
        (OFF, "week-before", "first.talks is cancelled"),
        (
            a_configuration(a_series(a_session(start=None, end=None)), members=(DOHA,)),
            "week-before",
            "the time of first.talks is not known yet",
        ),
        (PLAIN, "follow-up", "first.talks has neither a recording nor a summary yet"),
        (PLAIN, "hour-before", "the rule hour-before is switched off for talks"),
        (PLAIN, "changed", "nothing is in force yet, so nothing has changed"),
        (PLAIN, "cancelled", "first.talks takes place and Doha is invited, so nothing is cancelled"),
    ],
)
async def test_what_a_city_does_not_get_is_said_in_one_sentence(
    configuration: Configuration, word: str, why: str
) -> None:
    with pytest.raises(NotDue) as caught:
        await shown(configuration, word, member=configuration.members[0].slug)

    assert str(caught.value) == why


@ON_SQLITE
async def test_what_nothing_changed_of_is_said(stage: Stage) -> None:
    await stage.apply(PLAIN, APRIL)
    await stage.play(APRIL, LATE_MAY)

    with pytest.raises(NotDue, match=r"the files say of first\.talks what Doha was told"):
        await shown(PLAIN, "changed", stage=stage)


async def test_a_city_without_a_coordinator_is_said() -> None:
    mayor = replace(PLAIN.members[0], contacts=(Contact("mayor", "mayor@doha.example"),))

    with pytest.raises(NotDue, match=r"Doha has no coordinator in members\.csv"):
        await shown(replace(PLAIN, members=(mayor,)), "invitation")


async def test_what_the_city_gets_instead_is_listed() -> None:
    with pytest.raises(NotDue) as caught:
        await shown(PLAIN, "follow-up")

    # its day is over, so it goes out once the files have settled
    assert "invitation, first.talks: Tuesday 25 May 2027, 11:10 there" in caught.value.gets
    assert len(caught.value.gets) == 4


@pytest.mark.parametrize(
    ("word", "name", "said"),
    [
        ("invitation", "firts.talks", 'no "firts.talks"; did you mean "first.talks"'),
        ("invitation", "talks", "talks is a series; write one of its sessions: first.talks"),
        ("reminders", "first.talks", 'talks has no mail "reminders"; did you mean "reminder"'),
    ],
)
async def test_what_is_nothing_is_asked_back(word: str, name: str, said: str) -> None:
    with pytest.raises(SchedulerError, match=said):
        await shown(PLAIN, word, name)


async def test_a_test_mail_says_so() -> None:
    made = await shown(PLAIN, "invitation", to="me@learning-cities.example")

    sent = as_test(made, "abc", LATE_MAY)

    message = message_from_bytes(sent.octets, policy=policy.default)
    assert str(message["Subject"]).startswith("[TEST] Invitation: A first session")
    assert message["X-Learning-Cities-Test"] == "yes"
    for kind in ("text/plain", "text/html"):
        assert part(message, kind).count("This is a test. It went to you alone, no city has got it.") == 1
    assert part(message, "text/plain").startswith("This is a test.")


async def test_a_test_mail_touches_no_real_entry() -> None:
    made = await shown(PLAIN, "invitation", to="me@learning-cities.example")

    calendar = part(message_from_bytes(as_test(made, "abc", LATE_MAY).octets), "text/calendar")

    assert "UID:test-abc-first.talks@learning-cities.example" in calendar
    assert "SUMMARY:[TEST] A first session" in calendar
    assert ":mailto:me@learning-cities.example" in calendar.replace("\r\n ", "")
    assert "doha" not in calendar.replace("\r\n ", "").casefold().replace('cn="doha"', "")
    assert max(len(line) for line in calendar.encode().split(b"\r\n")) <= 75


@ON_SQLITE
async def test_a_click_in_a_preview_counts_for_nobody(stage: Stage) -> None:
    await stage.apply(PLAIN, APRIL)

    made = await shown(PLAIN, "invitation", stage=stage)

    message = message_from_bytes(made.octets)
    assert LINKS.answer(0, "first.talks") in part(message, "text/plain")
    assert message["List-Unsubscribe"].startswith(f"<{LINKS.stop(0)}>")


@ON_SQLITE
async def test_what_went_out_or_is_not_wanted_is_not_listed(stage: Stage) -> None:
    await stage.apply(PLAIN, APRIL)
    await stage.play(APRIL, LATE_MAY)
    with pytest.raises(NotDue) as before:
        await shown(PLAIN, "changed", stage=stage)

    async with stage.database.write() as connection:
        said = {"answer": "declined", "given_at": LATE_MAY, "through": "page", "starts_at": LATE_MAY}
        contact = select(tables.told.c.contact_id, tables.told.c.occurrence).distinct()
        who = (await connection.execute(contact.where(tables.told.c.occurrence == "first.talks"))).one()
        await connection.execute(tables.answers.insert().values(**who._mapping, **said))

    with pytest.raises(NotDue) as after:
        await shown(PLAIN, "changed", stage=stage)
    rules = [line.split(",")[0] for line in before.value.gets]
    assert (rules, after.value.gets) == (["week-before", "working-day-before"], ())


@ON_SQLITE
async def test_a_test_mail_answers_and_ends_for_nobody(stage: Stage) -> None:
    """Mail programs follow links, and offer to unsubscribe with one click."""
    await stage.apply(PLAIN, APRIL)
    made = await shown(PLAIN, "invitation", stage=stage, to="me@learning-cities.example")

    message = message_from_bytes(as_test(made, "abc", LATE_MAY).octets)

    assert LINKS.answer(0, "first.talks") in part(message, "text/plain")
    assert message["List-Unsubscribe"].startswith(f"<{LINKS.stop(0)}>")


async def test_the_real_mail_and_its_test_differ_in_nothing_else() -> None:
    made = await shown(PLAIN, "week-before")

    real_lines = Counter(part(message_from_bytes(made.octets), "text/plain").splitlines())
    test_lines = Counter(
        part(message_from_bytes(as_test(made, "abc", LATE_MAY).octets), "text/plain").splitlines()
    )

    assert list((test_lines - real_lines).elements()) == [
        "This is a test. It went to you alone, no city has got it.",
        "",
    ]
    assert not real_lines - test_lines
