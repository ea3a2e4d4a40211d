"""What reaches a calendar, and in which order, while sessions are edited and the post is slow (P08 to P10).

The session of the cast: Monday 14 June 2027, 13:00 in Hamburg; all cities are invited on 17 May at 09:00 of
their own day. Changes settle for ten minutes.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.errors import RelayAway
from scheduler.mail.post import Belt, Fate, Outcome, Outgoing
from scheduler.model.members import Contact
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.model.series import Join, Session, Status
from scheduler.service.breaker import Breaker
from scheduler.service.clock import Bell
from scheduler.service.delivery import Deliverer
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.meters import Meters
from scheduler.service.retry import LADDER
from scheduler.service.virtual_clock import VirtualClock
from scheduler.store import claims, ledger
from scheduler.store.database import Database
from tests.cast import A_DAY, MANTES, a_configuration, a_series, a_session, at
from tests.engines import opened
from tests.service.stage import LINKS, Stage, part

APRIL = at("2027-04-26T08:00:00+00:00")
#: Hamburg's invitations go out.
INVITED = at("2027-05-17T07:00:00+00:00")
MINUTE = timedelta(minutes=1)
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PLAIN = a_session()
THREE, FOUR = (a_session(start=time(hour), end=time(hour + 1)) for hour in (15, 16))
OFF = a_session(status=Status.CANCELLED)
OPEN = a_session(start=None, end=None)
ANOTHER_DAY = replace(OPEN, on=date(2027, 6, 21))
LATER = a_session(status=Status.POSTPONED)
ELSEWHERE = a_session(join=Join(platform="Zoom", kind="Webinar ID", id="94172987853"))


#: Nobody need be announced to.
RULES = tuple(rule for rule in a_series().rules if rule.kind is not Kind.ANNOUNCEMENT)


def house(session: Session) -> Configuration:
    return a_configuration(a_series(session, rules=RULES), members=(MANTES,))


@dataclass(frozen=True)
class Item:
    """What one mail put into one calendar."""

    address: str
    method: str
    sequence: int
    stamp: str
    start: str
    status: str
    answer: str
    kind: str

    @classmethod
    def of(cls, message: Message) -> Item:
        text = part(message, "text/calendar").replace("\r\n ", "")
        lines = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        values = {name.partition(";")[0]: value for name, value in lines.items()}
        attendee = next(name for name in lines if name.startswith("ATTENDEE"))
        answer = attendee.partition("PARTSTAT=")[2].partition(";")[0]
        address = values["ATTENDEE"].removeprefix("mailto:")
        subject = str(make_header(decode_header(message["Subject"].replace("\r\n", ""))))
        return cls(
            address,
            values["METHOD"],
            int(values["SEQUENCE"]),
            values["DTSTAMP"],
            values["DTSTART"],
            values["STATUS"],
            answer,
            subject.partition(":")[0],
        )


@dataclass
class SlowPost:
    """Hands over one mail after the other, each in its own time, as a slow relay does; `says` decides."""

    clock: VirtualClock
    says: Callable[[Outgoing, int], Fate] = lambda _m, _n: Fate.SENT
    #: the mails that it takes without anybody hearing of it, because the line breaks
    loses_reply: Callable[[Outgoing, int], bool] = lambda _m, _n: False
    #: how long each mail takes
    takes: Callable[[], timedelta] = timedelta
    #: called before each mail, with how many were taken before
    before_each: Callable[[Belt, int], Awaitable[None]] | None = None
    #: the mail that is next
    at_hand: Outgoing | None = None
    taken: list[Outgoing] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)

    async def work(self, belt: Belt) -> RelayAway | None:
        while message := await belt.take():
            self.at_hand = message
            if self.before_each:
                await self.before_each(belt, len(self.taken))
            if not belt.may_begin(message):
                belt.done(Outcome(message.id, Fate.RECALLED, "called back"))
                continue
            await self._wait()
            tries = self.tries[message.message_id]
            fate, is_lost = self.says(message, tries), self.loses_reply(message, tries)
            self.tries[message.message_id] += 1
            if fate is Fate.SENT:
                self.taken.append(message)
            if is_lost:
                belt.done(Outcome(message.id, Fate.LATER, "the line broke", is_uncertain=True))
            else:
                belt.done(Outcome(message.id, fate, "450 4.7.0 said so", 450))
            if fate is Fate.AWAY:
                return RelayAway("450 4.7.0 said so", 450)
        return None

    async def _wait(self) -> None:
        lasts = self.takes()
        if lasts:
            # in the place of the deliverer, who waits for us
            await self.clock.sleep_until(self.clock.now() + lasts, Bell(self.clock))

    def drain(self) -> None: ...

    async def close(self) -> None: ...

    @property
    def items(self) -> list[Item]:
        """What went into calendars, in the order in which the server took it."""
        messages = (message_from_bytes(one.octets) for one in self.taken)
        return [Item.of(message) for message in messages if message.get_content_type() == "multipart/mixed"]

    def by_contact(self) -> dict[str, list[Item]]:
        found: dict[str, list[Item]] = defaultdict(list)
        for item in self.items:
            found[item.address].append(item)
        return found


@dataclass
class Everybody:
    """One bell for several deliverers."""

    deliverers: Sequence[Deliverer]

    def ring(self) -> None:
        for one in self.deliverers:
            one.bell.ring()


@dataclass
class Scene:
    """An engine, one post for all deliverers, and edits while they work."""

    database: Database
    start: datetime
    end: datetime
    deliverers: int = 1
    in_flight: int = 10
    #: of the real clock: only where a test is about what is called back
    watch_seconds: float = 600
    ladder: Sequence[timedelta] = LADDER
    clock: VirtualClock = field(init=False)
    post: SlowPost = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.clock = VirtualClock(self.start, self.end)
        self.post = SlowPost(self.clock)

    @property
    def stage(self) -> Stage:
        return Stage(self.database, Path())

    async def play(self, *edits: tuple[datetime, Configuration]) -> None:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in self._work(edits)]
            await self.clock.over()
            for task in running:
                task.cancel()

    def _work(self, edits: Sequence[tuple[datetime, Configuration]]) -> list[Coroutine[None, None, None]]:
        memory = Memory()
        deliverers = [
            Deliverer(
                self.database, self.clock, self.post, LINKS, memory, Meters(), self.in_flight,
                lease=timedelta(days=1), breaker=Breaker(MINUTE),
                watch_seconds=self.watch_seconds, pause=MINUTE / 2, ladder=self.ladder,
            )
            for _ in range(self.deliverers)
        ]  # fmt: skip
        self.engine = Engine(self.database, self.clock, Everybody(deliverers), memory)  # type: ignore[arg-type]
        found = [self.engine.run(), *(one.run() for one in deliverers)]
        return [*found, self._edit(edits, self.clock.bell())] if edits else found

    async def _edit(self, edits: Sequence[tuple[datetime, Configuration]], bell: Bell) -> None:
        for moment, configuration in edits:
            await self.clock.sleep_until(moment, bell)
            await self.apply(configuration)
        await self.clock.sleep_until(None, bell)

    async def apply(self, configuration: Configuration) -> None:
        await self.stage.apply(configuration, self.clock.now())
        self.engine.bell.ring()


def assert_in_order(items: Sequence[Item]) -> None:
    """What a calendar needs of the mails to one contact about one session."""
    assert [item.sequence for item in items] == sorted({item.sequence for item in items})
    assert [item.stamp for item in items] == sorted({item.stamp for item in items})
    assert all(item.method == "REQUEST" for item in items[:1])
    assert all(item.kind in ("Invitation", "Reminder") for item in items[:1])
    methods = [item.method for item in items]
    assert all(pair != ("CANCEL", "CANCEL") for pair in pairwise(methods))


def after(count: int, edit: Callable[[Belt], Awaitable[None]]) -> Callable[[Belt, int], Awaitable[None]]:
    """Makes an edit when so many mails were taken."""

    async def before_each(belt: Belt, taken: int) -> None:
        nonlocal count
        if taken >= count:
            count = 10**9
            await edit(belt)

    return before_each


# while mails are on their way (P08, P09)


def a_thousand() -> tuple[Configuration, Configuration]:
    """1,000 contacts on Hamburg's clock; and the session moved."""
    before = house(THREE)
    city = before.members[0]
    members = tuple(
        replace(city, slug=f"city-{n}", contacts=(Contact("coordinator", f"c{n}@city-{n}.example"),))
        for n in range(1000)
    )
    before = replace(before, members=members)
    return before, replace(before, series=house(FOUR).series)


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.chaos)], indirect=True
)
async def test_a_session_moved_while_half_its_mails_are_out(database: Database) -> None:
    """P08."""
    before, moved = a_thousand()
    scene = Scene(database, INVITED - MINUTE, INVITED + A_DAY, in_flight=50)
    scene.post.before_each = after(500, lambda _belt: scene.apply(moved))
    await scene.stage.apply(before, APRIL)

    await scene.play()

    calendars = scene.post.by_contact()
    assert len(calendars) == 1000
    for items in calendars.values():
        assert_in_order(items)
        assert items[-1].start == "20270614T140000Z"
    told = Counter(tuple((item.kind, item.start[9:11]) for item in items) for items in calendars.values())
    updated, fresh = (("Invitation", "13"), ("Changed", "14")), (("Invitation", "14"),)
    assert told.keys() == {updated, fresh}
    assert 500 <= told[updated] <= 550


async def test_a_session_cancelled_while_half_its_mails_are_out(database: Database) -> None:
    """P09: nothing is begun after it, and it goes to those who had got the invitation, and only to them."""
    scene = Scene(database, INVITED - MINUTE, INVITED + A_DAY, in_flight=5, watch_seconds=0.01)

    async def cancel(belt: Belt) -> None:
        await scene.apply(several(OFF))
        assert scene.post.at_hand
        async with asyncio.timeout(10):
            while belt.may_begin(scene.post.at_hand):  # noqa: ASYNC110 - it rings no bell
                await asyncio.sleep(0.01)

    scene.post.before_each = after(12, cancel)
    await scene.stage.apply(several(PLAIN), APRIL)

    await scene.play()

    methods = Counter(tuple(item.method for item in items) for items in scene.post.by_contact().values())
    assert methods == {("REQUEST", "CANCEL"): 12}


async def test_a_cancellation_of_an_invitation_that_failed_is_withdrawn(database: Database) -> None:
    """It was compared while the invitation was on its way, which the server then refused."""
    scene = Scene(database, INVITED - MINUTE, INVITED + A_DAY)
    scene.post.takes, scene.post.says = lambda: 20 * MINUTE, lambda m, _n: refused(m, "invitation")
    await scene.stage.apply(house(PLAIN), APRIL)

    await scene.play((INVITED + MINUTE, house(OFF)))

    assert scene.post.items == []
    reasons = await scene.stage.reasons("cancelled")
    assert reasons == {("cancelled", "withdrawn", "the contact was never invited"): 1}


async def test_a_change_of_an_invitation_that_failed_invites(database: Database) -> None:
    scene = Scene(database, INVITED - MINUTE, INVITED + A_DAY)
    scene.post.takes, scene.post.says = lambda: 20 * MINUTE, lambda m, _n: refused(m, "invitation")
    await scene.stage.apply(house(PLAIN), APRIL)

    await scene.play((INVITED + MINUTE, house(THREE)))

    assert [(item.kind, item.sequence, item.start) for item in scene.post.items] == [
        ("Invitation", 1, "20270614T130000Z")
    ]


@ON_SQLITE
@pytest.mark.parametrize(
    ("edits", "arrived"),
    [
        ([OFF], [("REQUEST", PLAIN), ("CANCEL", OFF)]),
        ([THREE], [("REQUEST", PLAIN), ("REQUEST", THREE)]),
        ([THREE, PLAIN], [("REQUEST", PLAIN), ("REQUEST", THREE), ("REQUEST", PLAIN)]),
    ],
)
async def test_a_mail_whose_reply_was_lost_may_have_arrived(
    database: Database, edits: list[Session], arrived: list[tuple[str, Session]]
) -> None:
    """S03: each mail arrives, the line breaks before the 250, and staff edit before the next try."""
    scene = Scene(database, INVITED - MINUTE, INVITED + A_DAY, ladder=[timedelta(hours=6)])
    scene.post.loses_reply = lambda _m, tries: tries == 0
    await scene.stage.apply(house(PLAIN), APRIL)

    await scene.play(*((INVITED + 60 * number * MINUTE, house(one)) for number, one in enumerate(edits, 1)))

    # the last one, which nothing took the place of, is handed over twice
    items = scene.post.items[: len(arrived)]
    assert [item.sequence for item in items] == list(range(len(arrived)))
    assert [(item.method, session) for item, (_, session) in zip(items, arrived, strict=True)] == arrived
    assert all(shows(item, session) for item, (_, session) in zip(items, arrived, strict=True))


@ON_SQLITE
async def test_what_is_put_off_gives_way_to_what_was_written_meanwhile(database: Database) -> None:
    scene = Scene(database, INVITED - MINUTE, INVITED + A_DAY)
    scene.post.takes = lambda: 20 * MINUTE
    scene.post.says = lambda m, _n: Fate.LATER if "invitation" in m.message_id else Fate.SENT
    await scene.stage.apply(house(PLAIN), APRIL)

    await scene.play((INVITED + MINUTE, house(THREE)))

    assert [(item.kind, item.sequence) for item in scene.post.items] == [("Invitation", 1)]
    reasons = await scene.stage.reasons("invitation")
    assert reasons == {("invitation", "withdrawn", "a newer mail took its place"): 1}


async def left_in_flight(database: Database) -> None:
    """The invitation was begun by a process that died; the next one on this database has begun."""
    await Stage(database, Path()).apply(house(PLAIN), APRIL)
    clock = VirtualClock(INVITED, INVITED + A_DAY)
    await Engine(database, clock, clock.bell(), Memory()).look()
    async with database.write() as connection:
        await claims.claim(connection, "dead", 10, INVITED)
        rows = await claims.claimed(connection, "dead")
        generation = await ledger.generation(connection)
        await claims.begin(connection, [(row.id, "dead") for row in rows], generation, INVITED)
        await claims.reclaim_all(connection, INVITED)


async def test_what_a_dead_process_was_sending_is_sent_again(database: Database) -> None:
    await left_in_flight(database)
    scene = Scene(database, INVITED + MINUTE, INVITED + A_DAY)

    await scene.play()

    assert [(item.method, item.sequence) for item in scene.post.items] == [("REQUEST", 0)]


async def test_what_a_dead_process_may_have_sent_is_cancelled(database: Database) -> None:
    await left_in_flight(database)
    scene = Scene(database, INVITED + MINUTE, INVITED + A_DAY)
    await scene.stage.apply(house(OFF), INVITED + MINUTE)

    await scene.play()

    assert [(item.method, item.sequence) for item in scene.post.items] == [("CANCEL", 1)]
    reasons = await scene.stage.reasons("invitation")
    assert reasons == {("invitation", "withdrawn", "the session was cancelled"): 1}


def several(session: Session, number: int = 20) -> Configuration:
    """One city on Hamburg's clock with so many coordinators."""
    plain = house(session)
    contacts = tuple(Contact("coordinator", f"c{n:02}@mantes.example") for n in range(number))
    return replace(plain, members=(replace(plain.members[0], contacts=contacts),))


def refused(message: Outgoing, part: str) -> Fate:
    return Fate.NEVER if part in message.message_id else Fate.SENT


# any edits, any post

STATES = (PLAIN, THREE, FOUR, OFF, ELSEWHERE, OPEN, ANOTHER_DAY, LATER)


def moody(seed: int) -> tuple[Callable[[Outgoing, int], Fate], Callable[[], timedelta]]:
    """A post that takes its time, now and then longer than a change takes to settle, and puts some off."""
    chance = random.Random(seed)  # noqa: S311 - no secret

    def says(_message: Outgoing, _tries: int) -> Fate:
        return chance.choices((Fate.SENT, Fate.LATER, Fate.AWAY), (12, 6, 1))[0]

    return says, lambda: chance.choice((0, 1, 3, 12)) * MINUTE


async def live_through(
    database: Database, seed: int, edits: Sequence[tuple[int, Session]], deliverers: int
) -> Scene:
    """The edits, each so many minutes after the one before, from shortly before the invitations go out."""
    scene = Scene(database, INVITED - MINUTE, INVITED + 4 * A_DAY, deliverers, in_flight=4)
    scene.post.says, scene.post.takes = moody(seed)
    await scene.stage.apply(several(PLAIN, 4), APRIL)
    moment, steps = INVITED, []
    for minutes, session in edits:
        moment += minutes * MINUTE
        steps.append((moment, several(session, 4)))
    await scene.play(*steps)
    return scene


def assert_calendars_are_right(scene: Scene, session: Session) -> None:
    """Each simulated calendar was told in order, and ends with what is in force."""
    calendars = scene.post.by_contact()
    for items in calendars.values():
        assert_in_order(items)
    ends = {address: items[-1] for address, items in calendars.items()}
    for end in ends.values():
        assert shows(end, session)


def shows(item: Item, session: Session) -> bool:
    if session.status is Status.CANCELLED:
        return item.method == "CANCEL"
    if session.status is Status.POSTPONED or session.start is None:
        return (item.start, item.status) == (f"{session.on:%Y%m%d}", "TENTATIVE")
    return (item.start, item.status) == (f"{session.on:%Y%m%d}T{session.start.hour - 2:02}0000Z", "CONFIRMED")


async def test_two_deliverers_and_a_moody_post_keep_the_order(database: Database) -> None:
    """Both work on one database, each with mails of the same contacts."""
    edits = [(1, THREE), (16, OFF), (12, FOUR), (25, OPEN), (14, OFF), (18, ELSEWHERE)]

    scene = await live_through(database, 1, edits, deliverers=2)

    assert_calendars_are_right(scene, ELSEWHERE)


@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    edits=st.lists(st.tuples(st.integers(1, 40), st.sampled_from(STATES)), min_size=2, max_size=5),
)
def test_any_edits_under_a_moody_post_end_in_what_is_in_force(
    migrated_sqlite: Path, seed: int, edits: list[tuple[int, Session]]
) -> None:
    async def work() -> None:
        async with a_copy(migrated_sqlite) as database:
            scene = await live_through(database, seed, edits, deliverers=2)
        assert_calendars_are_right(scene, edits[-1][1])

    asyncio.run(work())


@asynccontextmanager
async def a_copy(like: Path) -> AsyncIterator[Database]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy(like, Path(folder) / "test.sqlite"))
        async with opened(file) as database:
            yield database
