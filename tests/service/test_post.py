"""What the deliverer makes of each fate, on a virtual clock and with a post that obeys a script.

The session is on Monday 14 June 2027, 13:00 in Hamburg, 11:00Z; all cities are on Hamburg's clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from scheduler.errors import RelayAway
from scheduler.mail.post import Belt, Fate, Outcome, Outgoing
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind, MinutesBefore, NoticeRule
from scheduler.service.return_paths import ReturnPaths
from scheduler.store import claims, installation, suppressions, tables
from scheduler.store.claims import DOUBTED
from scheduler.store.database import Database
from scheduler.store.suppressions import EVERYTHING
from tests.cast import MANTES, a_configuration, a_series, at
from tests.service.stage import Stage

#: A Monday four weeks before: the invitation goes out at 09:00 in Hamburg.
APPLIED = at("2027-05-10T10:00:00+00:00")
INVITED = at("2027-05-17T07:00:00+00:00")
OVER = at("2027-06-14T12:00:00+00:00")


#: Of what no statement decides: one kind of database is enough.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass
class ScriptedPost:
    """Takes down every attempt, and answers with what `says` gives for it."""

    says: Callable[[Outgoing, datetime, int], Fate]
    words: str = "450 4.7.0 said so"
    #: what it answers "later" to it may have taken
    is_uncertain: bool = False
    #: the envelope's senders
    senders: set[str] = field(default_factory=set)
    #: (message id, octets, when) of each
    attempts: list[tuple[str, bytes, datetime]] = field(default_factory=list)

    async def work(self, belt: Belt) -> RelayAway | None:
        while message := await belt.take():
            before = sum(message_id == message.message_id for message_id, _, _ in self.attempts)
            self.attempts.append((message.message_id, message.octets, message.at))
            fate = self.says(message, message.at, before)
            self.senders.add(message.envelope_sender)
            is_uncertain = self.is_uncertain and fate is Fate.LATER
            belt.done(Outcome(message.id, fate, self.words, int(self.words[:3]), is_uncertain))
            if fate is Fate.AWAY:
                return RelayAway(self.words, int(self.words[:3]))
        return None

    def drain(self) -> None: ...

    async def close(self) -> None: ...

    def moments(self, part: str) -> list[datetime]:
        """When messages whose id holds `part` were tried."""
        return [when for message_id, _, when in self.attempts if part in message_id]


def one_city() -> Configuration:
    return a_configuration(a_series(), members=(MANTES,))


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


async def play(stage: Stage, says: Callable[[Outgoing, datetime, int], Fate]) -> ScriptedPost:
    stage.post = post = ScriptedPost(says)
    await stage.apply(one_city(), APPLIED)
    await stage.play(APPLIED, OVER)
    return post


async def test_later_climbs_the_ladder(stage: Stage) -> None:
    post = await play(stage, lambda _m, _now, before: Fate.LATER if before < 4 else Fate.SENT)

    tried = post.moments("invitation")
    assert [str(when - INVITED) for when in tried] == ["0:00:00", "0:01:00", "0:06:00", "0:21:00", "0:51:00"]


async def test_what_may_have_arrived_can_be_left_to_a_person(stage: Stage) -> None:
    stage.to_hold = [Kind.INVITATION]
    stage.post = post = ScriptedPost(lambda _m, _now, before: Fate.SENT if before else Fate.LATER)
    post.is_uncertain = True
    await stage.apply(one_city(), APPLIED)
    await stage.play(APPLIED, OVER)

    assert len(post.moments("invitation")) == 1
    ((_, state, reason),) = await stage.reasons("invitation")
    assert (state, reason) == ("held", DOUBTED)
    assert len(post.moments("announcement")) == 2  # the others are sent again


@ON_SQLITE
async def test_another_try_repeats_the_same_octets(stage: Stage) -> None:
    post = await play(stage, lambda _m, _now, before: Fate.LATER if before < 4 else Fate.SENT)

    for name in {message_id for message_id, _, _ in post.attempts}:
        assert len({octets for message_id, octets, _ in post.attempts if message_id == name}) == 1


@ON_SQLITE
async def test_what_is_put_off_for_two_days_has_failed_with_the_servers_words(stage: Stage) -> None:
    post = await play(stage, lambda m, _now, _b: Fate.LATER if "invitation" in m.message_id else Fate.SENT)

    tried = post.moments("invitation")
    assert timedelta(hours=46) < tried[-1] - tried[0] <= timedelta(hours=48)
    ((_, state, reason),) = await stage.reasons("invitation")
    assert state == "failed"
    assert "450 4.7.0 said so" in reason


@ON_SQLITE
async def test_a_reminder_is_not_put_off_beyond_its_session(stage: Stage) -> None:
    stage.post = post = ScriptedPost(
        lambda m, _now, _b: Fate.LATER if "evening" in m.message_id else Fate.SENT
    )
    rule = NoticeRule("evening", Kind.REMINDER, ("coordinator",), MinutesBefore(6 * 60))
    await stage.apply(a_configuration(a_series(rules=(*a_series().rules, rule)), members=(MANTES,)), APPLIED)

    await stage.play(APPLIED, OVER)

    assert at("2027-06-14T09:30:00+00:00") < max(post.moments("evening")) < at("2027-06-14T11:00:00+00:00")


async def test_never_is_not_tried_again(stage: Stage) -> None:
    post = await play(stage, lambda _m, _now, _b: Fate.NEVER)

    names = [message_id for message_id, _, _ in post.attempts]
    assert len(names) == len(set(names))
    assert await stage.reasons("invitation") == {("invitation", "failed", "refused: 450 4.7.0 said so"): 1}


async def test_an_address_that_is_none_gets_nothing_more(stage: Stage) -> None:
    """The server says so at RCPT; the announcement comes before the invitation."""
    stage.post = post = ScriptedPost(lambda _m, _now, _b: Fate.NEVER, "550 5.1.1 no such user")
    await stage.apply(one_city(), APPLIED)

    await stage.play(APPLIED, OVER)

    assert len(post.attempts) == 1
    reasons = await stage.reasons("announcement")
    assert reasons == {("announcement", "failed", "refused: 550 5.1.1 no such user"): 1}
    async with stage.database.read() as connection:
        assert await suppressions.of(connection, "learningcity@mantes-la-jolie.example", EVERYTHING)


@ON_SQLITE
async def test_each_mail_has_a_way_back_of_its_own(stage: Stage) -> None:
    post = await play(stage, lambda _m, _now, _b: Fate.SENT)

    read = {ReturnPaths(stage.links.key).read([sender]) for sender in post.senders}
    assert read == {row.id for row in await stage.sent()}


@ON_SQLITE
async def test_never_is_not_tried_again_after_another_apply(stage: Stage) -> None:
    post = await play(stage, lambda _m, _now, _b: Fate.NEVER)
    tried = len(post.moments("invitation"))

    await stage.apply(
        a_configuration(a_series(title="Other words"), members=(MANTES,)), OVER - timedelta(days=9)
    )
    await stage.play(OVER - timedelta(days=9), OVER)

    assert len(post.moments("invitation")) == tried


@ON_SQLITE
async def test_while_the_server_is_away_it_is_probed_ever_less_often(stage: Stage) -> None:
    back = INVITED + timedelta(hours=1)
    post = await play(stage, lambda _m, now, _b: Fate.AWAY if INVITED <= now < back else Fate.SENT)

    tried = post.moments("invitation")
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(tried)]
    assert waits[:7] == [5, 10, 20, 40, 80, 160, 300]
    assert set(waits[6:]) == {300}


@ON_SQLITE
async def test_an_outage_of_the_server_costs_no_attempt(stage: Stage) -> None:
    back = INVITED + timedelta(hours=3)
    await play(stage, lambda _m, now, _b: Fate.AWAY if INVITED <= now < back else Fate.SENT)

    assert await stage.reasons("invitation") == {("invitation", "sent", ""): 1}


async def test_after_an_outage_of_the_server_only_the_latest_reminder_is_sent(stage: Stage) -> None:
    """Both were written while the mail server was away: three hours and one hour before the session."""
    gone, back = at("2027-06-14T07:30:00+00:00"), at("2027-06-14T10:30:00+00:00")
    soon = [NoticeRule(f"{n}-before", Kind.REMINDER, ("coordinator",), MinutesBefore(n)) for n in (180, 60)]
    stage.post = ScriptedPost(lambda _m, now, _b: Fate.AWAY if gone <= now < back else Fate.SENT)
    await stage.apply(a_configuration(a_series(rules=(*a_series().rules, *soon)), members=(MANTES,)), APPLIED)

    await stage.play(APPLIED, OVER)

    reasons = await stage.reasons("reminder")
    assert reasons["180-before", "missed", "a later reminder took its place"] == 1
    assert reasons["60-before", "sent", ""] == 1


async def test_no_reminder_goes_beside_an_invitation_that_was_held_up(stage: Stage) -> None:
    """It came into force three days before, when the mail server was away over the reminder's moment."""
    late, back = at("2027-06-11T05:00:00+00:00"), at("2027-06-11T08:00:00+00:00")
    stage.post = ScriptedPost(lambda _m, now, _b: Fate.AWAY if now < back else Fate.SENT)
    await stage.apply(one_city(), late)

    await stage.play(late, OVER)

    assert await stage.reasons("invitation") == {("invitation", "sent", ""): 1}
    why = "the mail it would remind of goes out at the same time"
    assert await stage.reasons("reminder") == {("working-day-before", "missed", why): 1}


async def test_down_for_three_days_means_one_mail_for_each_person_and_session(stage: Stage) -> None:
    """Nothing ran from Sunday 6 June to Sat 12 June; two reminders fell due meanwhile."""
    await stage.apply(one_city(), APPLIED)
    await stage.play(APPLIED, at("2027-06-06T00:00:00+00:00"))
    before = len(await stage.sent())

    await stage.play(at("2027-06-12T10:00:00+00:00"), OVER)

    assert [row.rule for row in (await stage.sent())[before:]] == ["working-day-before"]
    assert ("week-before", "missed", "a later reminder took its place") in await stage.reasons("reminder")


@ON_SQLITE
async def test_after_an_outage_nothing_comes_in_the_night(stage: Stage) -> None:
    """The mail server was away over the invitation's day and came back at 22:00 in Hamburg."""
    back = at("2027-05-17T20:00:00+00:00")
    post = await play(stage, lambda _m, now, _b: Fate.AWAY if INVITED <= now < back else Fate.SENT)

    assert post.moments("invitation")[-1] == at("2027-05-18T07:00:00+02:00")


@ON_SQLITE
async def test_what_is_near_comes_in_the_night_all_the_same(stage: Stage) -> None:
    """A reminder 16 hours before, at 21:00 in Hamburg; the mail server came back at 02:00."""
    gone, back = at("2027-06-13T18:30:00+00:00"), at("2027-06-14T00:00:00+00:00")
    stage.post = post = ScriptedPost(lambda _m, now, _b: Fate.AWAY if gone <= now < back else Fate.SENT)
    rule = NoticeRule("evening", Kind.REMINDER, ("coordinator",), MinutesBefore(16 * 60))
    await stage.apply(a_configuration(a_series(rules=(*a_series().rules, rule)), members=(MANTES,)), APPLIED)

    await stage.play(APPLIED, OVER)

    late = post.moments("evening")[-1] - back
    assert timedelta(0) <= late <= timedelta(minutes=5)


async def test_what_cannot_wait_goes_before_a_long_line(stage: Stage) -> None:
    """The reminders fell due long after the invitation, which the server has not taken yet."""
    await stage.apply(a_configuration(a_series(), members=(MANTES,)), APPLIED)
    await stage.play(APPLIED, OVER)
    async with stage.database.write() as connection:
        await connection.execute(tables.outbox.update().values(state="queued"))
        await claims.claim(connection, "one", 2, OVER)
        rows = await claims.claimed(connection, "one")

    assert {row.kind for row in rows} == {Kind.REMINDER}


async def test_a_claim_that_nobody_renewed_is_taken_over(stage: Stage) -> None:
    stage.post = post = ScriptedPost(lambda _m, _now, _b: Fate.SENT)
    await stage.apply(one_city(), APPLIED)
    await stage.play(APPLIED, INVITED)
    async with stage.database.write() as connection:
        await connection.execute(tables.outbox.update().values(state="queued"))
        dead = await claims.claim(connection, "dead", 10, INVITED)

    await stage.play(INVITED, INVITED + timedelta(minutes=5))

    assert dead
    assert max(post.moments("announcement")) == INVITED + claims.LEASE


async def test_a_copy_sends_nothing_until_it_is_claimed(stage: Stage) -> None:
    await stage.apply(one_city(), APPLIED)
    async with stage.database.write() as connection:
        await installation.hold(connection)
    await stage.play(APPLIED, OVER - timedelta(days=9))
    held = await stage.sent()
    async with stage.database.write() as connection:
        await installation.claim(connection, "Anna", OVER)

    await stage.play(OVER - timedelta(days=9), OVER)

    assert held == []
    rules = ["announcement", "invitation", "week-before", "working-day-before"]
    assert [row.rule for row in await stage.sent()] == rules
