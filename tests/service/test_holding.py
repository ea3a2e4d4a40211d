"""What `scheduler hold` keeps back, and what becomes of it after `scheduler resume`.

The session of the cast: Monday 14 June 2027, 13:00 in Hamburg (11:00Z); announced on 3 May, the invitation
goes out on 17 May, the reminders on 7 June and on the working day before.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import pytest

from scheduler.errors import SchedulerError
from scheduler.model.network import Configuration
from scheduler.model.series import Status
from scheduler.service.holding import MORNING, NOW, Held, LetGo, hold_back, let_go
from scheduler.service.in_force import read_in_force
from scheduler.service.links import Links
from scheduler.store import claims, counts, outbox, tables
from scheduler.store.held import kinds_held
from scheduler.store.holds import EVERYTHING, Hold
from tests.cast import DOHA, MANTES, a_configuration, a_series, a_session, at
from tests.service.stage import Stage, told

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
MID_JUNE = at("2027-06-13T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")

#: Of what no statement decides: one kind of database is enough.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def two_series() -> Configuration:
    """Talks, and walks on the same day; one city on Hamburg's clock."""
    return a_configuration(a_series(), a_series(id="walks"), members=(MANTES,))


async def hold(stage: Stage, subject: str, now: datetime, files: Configuration | None = None) -> Held:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    return await hold_back(stage.database, in_force, Hold(subject, now, "Anna", "the host is ill"), files)


async def resume(stage: Stage, subject: str, now: datetime) -> LetGo:
    async with stage.database.read() as connection:
        in_force = await read_in_force(connection)
    return await let_go(stage.database, in_force, subject, "Bert", now)


async def occurrences(stage: Stage) -> Counter[str]:
    return Counter(row.occurrence for row in await stage.sent())


@ON_SQLITE
@pytest.mark.parametrize(
    ("subject", "goes"),
    [
        ("first.talks", {"talks": 1, "walks": 1, "first.walks": 1}),
        ("talks", {"walks": 1, "first.walks": 1}),
        (EVERYTHING, {}),
    ],
)
async def test_nothing_leaves_for_what_is_held(stage: Stage, subject: str, goes: dict[str, int]) -> None:
    await stage.apply(two_series(), APRIL)
    await hold(stage, subject, APRIL)

    await stage.play(APRIL, LATE_MAY)

    assert await occurrences(stage) == goes


@ON_SQLITE
async def test_a_series_whose_name_ends_alike_is_not_held(stage: Stage) -> None:
    house = a_configuration(a_series(), a_series(id="city-talks"), members=(MANTES,))
    await stage.apply(house, APRIL)
    await hold(stage, "talks", APRIL)

    await stage.play(APRIL, LATE_MAY)

    assert await occurrences(stage) == {"city-talks": 1, "first.city-talks": 1}


async def test_what_was_queued_or_deferred_before_waits_too(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)
    await stage.play(APRIL, LATE_MAY)
    async with stage.database.write() as connection:
        await connection.execute(tables.outbox.update().values(state=outbox.DEFERRED, sent_at=None))
        await connection.execute(tables.told.delete())

    held = await hold(stage, "talks", LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-26T08:00:00+00:00"))

    assert held.waiting == 2
    assert (await occurrences(stage)).keys() == {"walks", "first.walks"}


@ON_SQLITE
async def test_of_what_fell_due_meanwhile_the_useful_goes_out_after_the_hold(stage: Stage) -> None:
    """Both reminders fell due while it was held: the later one is sent, as after an outage."""
    await stage.apply(two_series(), APRIL)
    await stage.play(APRIL, LATE_MAY)
    await hold(stage, "talks", LATE_MAY)
    await stage.play(LATE_MAY, MID_JUNE)

    done = await resume(stage, "talks", MID_JUNE)
    await stage.play(MID_JUNE, JULY)

    assert done.mails == {NOW: 1}
    reminders = [row for row in await stage.sent("reminder") if row.occurrence == "first.talks"]
    assert [(row.rule, row.sent_at) for row in reminders] == [("working-day-before", MID_JUNE)]


@ON_SQLITE
async def test_what_is_of_no_use_any_more_is_missed(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)
    await stage.play(APRIL, LATE_MAY)
    await hold(stage, "first.talks", LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    done = await resume(stage, "first.talks", JULY)
    await stage.play(JULY, at("2027-07-16T08:00:00+00:00"))

    assert done.mails == {"its moment had passed": 1}
    assert ("working-day-before", "missed", "its moment had passed") in await stage.reasons("reminder")


async def test_changes_during_a_hold_are_net(stage: Stage) -> None:
    """To 15:00, to 16:00, to 15:00 again: one mail, which says 15:00."""
    await stage.apply(a_configuration(a_series(), members=(DOHA,)), APRIL)
    await stage.play(APRIL, LATE_MAY)
    await hold(stage, "first.talks", LATE_MAY)
    for day, hour in ((26, 15), (27, 16), (28, 15)):
        now = at(f"2027-05-{day}T08:00:00+00:00")
        moved = a_session(start=time(hour), end=time(hour + 1))
        await stage.apply(a_configuration(a_series(moved), members=(DOHA,)), now)
        await stage.play(now, at(f"2027-05-{day}T12:00:00+00:00"))

    noon = at("2027-05-28T12:00:00+00:00")
    done = await resume(stage, "first.talks", noon)
    await stage.play(noon, at("2027-06-01T08:00:00+00:00"))

    assert done.mails == {NOW: 1}
    assert told((await stage.sent())[2:]) == [("changed", DOHA, "REQUEST", 3)]


@ON_SQLITE
async def test_what_no_longer_holds_is_withdrawn_after_a_hold(stage: Stage) -> None:
    """The invitation was held; the session is cancelled before anybody was invited."""
    await stage.apply(two_series(), APRIL)
    await hold(stage, "talks", APRIL)
    await stage.play(APRIL, LATE_MAY)
    off = a_series(a_session(status=Status.CANCELLED), a_session(id="second", on=date(2027, 6, 21)))
    await stage.apply(a_configuration(off, members=(MANTES,)), LATE_MAY)

    done = await resume(stage, "talks", LATE_MAY)
    await stage.play(LATE_MAY, at("2027-05-25T09:00:00+00:00"))

    assert done.mails == {"the session was cancelled": 1, NOW: 1}
    assert ("invitation", "withdrawn", "the session was cancelled") in await stage.reasons("invitation")


@ON_SQLITE
async def test_what_was_held_over_its_hour_waits_for_the_morning(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)
    await hold(stage, "talks", APRIL)
    await stage.play(APRIL, at("2027-05-04T08:00:00+00:00"))
    night = at("2027-05-04T22:00:00+00:00")

    done = await resume(stage, "talks", night)
    await stage.play(night, at("2027-05-05T12:00:00+00:00"))

    assert done.mails == {MORNING: 1}
    sent = {row.occurrence: row.sent_at for row in await stage.sent("announcement")}
    assert sent["talks"] == at("2027-05-05T07:00:00+02:00")


@ON_SQLITE
async def test_what_another_hold_covers_stays_held(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)
    await hold(stage, "first.talks", APRIL)
    await hold(stage, EVERYTHING, APRIL)
    await stage.play(APRIL, LATE_MAY)

    narrow = await resume(stage, "first.talks", LATE_MAY)

    assert narrow.mails == {}
    assert [other.subject for other in narrow.others] == [EVERYTHING]
    await stage.play(LATE_MAY, MID_JUNE)
    assert await stage.sent() == []


async def test_what_is_held_is_not_overdue(stage: Stage) -> None:
    """It waits for a person, and not for the mail server."""
    await stage.apply(two_series(), APRIL)
    await hold(stage, EVERYTHING, APRIL)
    await stage.play(APRIL, LATE_MAY)

    async with stage.database.read() as connection:
        assert await counts.oldest_due(connection, LATE_MAY) is None
        assert await counts.stuck(connection, LATE_MAY) == {}
        assert await claims.wanted_at(connection) is None
        assert (await kinds_held(connection))[EVERYTHING].total() == 4


@ON_SQLITE
async def test_holding_twice_keeps_the_first(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)
    await hold(stage, "talks", APRIL)

    again = await hold(stage, "talks", LATE_MAY)

    assert again.is_old
    assert again.hold.since == APRIL


@ON_SQLITE
async def test_what_is_not_held_is_not_let_go(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)

    assert (await resume(stage, "talks", APRIL)).hold is None


@ON_SQLITE
async def test_what_comes_into_force_held_is_never_told(stage: Stage) -> None:
    """A series that only the files have can be held before it is applied."""
    await stage.apply(a_configuration(a_series(), members=(MANTES,)), APRIL)

    held = await hold(stage, "walks", APRIL, two_series())
    await stage.apply(two_series(), APRIL)
    await stage.play(APRIL, LATE_MAY)

    assert not held.is_in_force
    assert (await occurrences(stage)).keys() == {"talks", "first.talks"}


@ON_SQLITE
async def test_an_unknown_subject_is_asked_back(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)

    with pytest.raises(SchedulerError, match=r'no "firts\.talks"; did you mean "first\.talks"'):
        await hold(stage, "firts.talks", APRIL)
    with pytest.raises(
        SchedulerError, match=r"write a session such as first.talks, .*\(talks, walks\), or every"
    ):
        await resume(stage, "xyz", APRIL)


@dataclass(frozen=True)
class HoldingLinks(Links):
    """While the first mail is written, somebody in another process holds the talks."""

    file: Path = Path()

    def city_feed(self, member: str, generation: int = 0) -> str:
        with closing(sqlite3.connect(self.file)) as other, other:
            row = ("talks", "2027-05-03 08:00:00.000000", "Anna", "")
            if other.execute("INSERT OR IGNORE INTO holds VALUES (?, ?, ?, ?)", row).rowcount:
                other.execute("UPDATE state SET generation = generation + 1")
        return super().city_feed(member, generation)


@ON_SQLITE
async def test_a_hold_between_claim_and_hand_over_counts(stage: Stage, tmp_path: Path) -> None:
    await stage.apply(two_series(), APRIL)
    stage.links = HoldingLinks("https://cities.example", b"test", tmp_path / "test.sqlite")

    await stage.play(APRIL, LATE_MAY)

    assert (await occurrences(stage)).keys() == {"walks", "first.walks"}
    assert (await stage.states())["announcement", "queued"] == 1


async def test_what_is_put_back_was_never_claimed(stage: Stage) -> None:
    await stage.apply(two_series(), APRIL)
    await stage.play(APRIL, LATE_MAY)
    async with stage.database.write() as connection:
        await connection.execute(tables.outbox.update().values(state=outbox.QUEUED, first_try_at=None))
        await claims.claim(connection, "one", 10, LATE_MAY)
        claimed = await claims.claimed(connection, "one")

        await claims.put_back(connection, "one", [row.id for row in claimed])

        await claims.claim(connection, "two", 10, LATE_MAY)
        again = await claims.claimed(connection, "two")
    assert again == claimed
