"""The round of 2021 from its opening to July 2022, with all 111 cities that had to report: sixty submit, five
get more time, three bounce, two are late, some reports are incomplete. Every mail is explained by a rule.

What is expected is worked out here once more from the words of the rules, with the zones of the standard
library, and by nothing of the product but names.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from scheduler.errors import RelayAway
from scheduler.mail.post import Belt, Fate, Outcome
from scheduler.model.cases import State
from scheduler.model.cycles import Duty, Extension
from scheduler.model.members import Member
from scheduler.model.network import Configuration
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory
from scheduler.service.releasing import Releasing
from scheduler.store import cases
from scheduler.store.outbox import Delivery
from tests import cast
from tests.cast import at
from tests.service.stage import Stage

ROUND = "report-2021"
APPLIED = at("2021-09-20T10:00:00+02:00")
EXTENDED_ON = at("2021-12-20T10:00:00+01:00")
REVIEWED_ON, RELEASED_ON = at("2022-03-15T10:00:00+01:00"), at("2022-04-01T10:00:00+02:00")
END = at("2022-07-15T10:00:00+02:00")
DUE_ON, LONGER = date(2021, 12, 31), date(2022, 2, 28)
HAMBURG, UTC = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
RUNGS = {"days-90": 90, "days-30": 30, "days-14": 14, "days-7": 7, "days-1": 1}
TO_MAYOR_TOO = ("days-7", "days-1")


@dataclass
class PickyPost:
    """Knows some addresses not, and takes everything else."""

    unknown: frozenset[str]
    octets: dict[int, bytes] = field(default_factory=dict)

    async def work(self, belt: Belt) -> RelayAway | None:
        while message := await belt.take():
            if message.address in self.unknown:
                belt.done(Outcome(message.id, Fate.NEVER, "550 5.1.1 nobody has this name", 550))
            else:
                self.octets[message.id] = message.octets
                belt.done(Outcome(message.id, Fate.SENT, "250 2.0.0 taken", 250))
        return None

    def drain(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True)
class Cast:
    """Who does what; by slug, in the order of the file."""

    members: dict[str, Member]
    #: slug -> when its report comes
    submits: dict[str, datetime]
    extended: tuple[str, ...]
    bouncing: tuple[str, ...]
    #: slug -> what a person makes of it
    outcomes: dict[str, State]

    def last_day(self, slug: str, now: datetime) -> date:
        return LONGER if slug in self.extended and now >= EXTENDED_ON else DUE_ON

    def has_come(self, slug: str, now: datetime) -> bool:
        return slug in self.submits and self.submits[slug] <= now


def the_cast(due: Sequence[Member]) -> Cast:
    """Of 111 sixty report: 56 in time all through the autumn, two of the five with more time in February, one
    of them in its last second, and two too late in January. Of fewer so many fewer report."""
    slugs = [member.slug for member in due]
    extended = tuple(slugs[len(slugs) // 5 :][:5])
    others = [slug for slug in slugs if slug not in extended]
    many = len(others) * 56 // 106
    bouncing = (others[2], others[many // 2], others[many + 3])
    submits = {
        slug: at("2021-09-29T08:00:00+00:00") + timedelta(days=(number * 92) // many, minutes=37 * number)
        for number, slug in enumerate(others[:many])
    }
    submits |= {
        extended[0]: at("2022-02-10T03:00:00+00:00"),
        extended[1]: at("2022-02-28T22:59:59+00:00"),
        others[many]: at("2021-12-31T23:00:00+00:00"),
        others[many + 1]: at("2022-01-11T12:00:00+00:00"),
    }
    came = list(submits)
    outcomes = dict.fromkeys(slugs, State.NOT_SUBMITTED) | dict.fromkeys(came, State.RENEWED)
    outcomes |= dict.fromkeys(came[2:9:2], State.INCOMPLETE) | dict.fromkeys(came[3:8:2], State.NO_PROGRESS)
    return Cast({member.slug: member for member in due}, submits, extended, bouncing, outcomes)


async def play(stage: Stage, every: int) -> Cast:
    """The round of each so many'th of the cities that are due, and of all that are not."""
    files = replace(cast.real(), series=(), cycles=tuple(c for c in cast.real().cycles if c.id == ROUND))
    due = [member for member in files.members if files.cycles[0].duty(member) is Duty.DUE]
    left_out = {member.slug for number, member in enumerate(due) if number % every}
    files = replace(files, members=tuple(m for m in files.members if m.slug not in left_out))
    await stage.apply(files, APPLIED)
    people = the_cast([member for member in due if member.slug not in left_out])
    stage.post = PickyPost(frozenset(people.members[slug].contacts[0].address for slug in people.bouncing))
    await act(stage, files, people)
    return people


async def act(stage: Stage, files: Configuration, people: Cast) -> None:
    door = Cases(stage.database, Memory())
    stops = sorted({*people.submits.values(), EXTENDED_ON, REVIEWED_ON, RELEASED_ON})
    for now, then in pairwise((APPLIED, *stops, END)):
        if now == EXTENDED_ON:
            more = (Extension(LONGER, "an earthquake", members=people.extended),)
            await stage.apply(replace(files, cycles=(replace(files.cycles[0], extensions=more),)), now)
        if now == REVIEWED_ON:
            said = [Said(slug, outcome, reason="read") for slug, outcome in people.outcomes.items()]
            await door.record(ROUND, said, by="Anna", now=now)
        if now == RELEASED_ON:
            await release(stage, now)
        said = [Said(slug, State.SUBMITTED) for slug, came in people.submits.items() if came == now]
        if said:
            await door.record(ROUND, said, by="api:survey", now=now)
        await stage.play(now, then)


async def release(stage: Stage, now: datetime) -> None:
    desk = Releasing(stage.database, stage.links)
    await desk.release(await desk.look(ROUND, now=now), by="Anna", now=now)


# what is expected


def local(day: date, zone: str, hour: int = 9) -> datetime:
    return datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC)


def working_day(day: date, weekend: tuple[int, ...], step: int) -> date:
    while day.weekday() in weekend:
        day += timedelta(days=step)
    return day


def rungs(member: Member, last_day: date) -> Iterator[tuple[str, datetime]]:
    for name, days in RUNGS.items():
        day = working_day(last_day - timedelta(days=days), member.weekend, -1)
        yield name, local(day, member.zone)


def asked(people: Cast, slug: str) -> Iterator[tuple[str, datetime]]:
    """(rule, when) of all that asks this city for its report."""
    member = people.members[slug]
    opened_at = local(date(2021, 9, 27), member.zone)
    found = [("opened", opened_at)]
    for last_day in (DUE_ON, LONGER):
        found += [
            (name, when)
            for name, when in rungs(member, last_day)
            if when >= opened_at and people.last_day(slug, when) == last_day
            if last_day == DUE_ON or when > EXTENDED_ON
        ]
    if slug in people.extended:
        found.append(("moved", awake(EXTENDED_ON + timedelta(minutes=10), member.zone)))
    last_day = people.last_day(slug, END)
    ends_on = datetime.combine(last_day, time(23, 59, 59), HAMBURG).astimezone(ZoneInfo(member.zone)).date()
    overdue_on = working_day(ends_on + timedelta(days=1), member.weekend, 1)
    found.append(("overdue", local(overdue_on, member.zone)))
    yield from ((rule, when) for rule, when in found if not people.has_come(slug, when))


def awake(when: datetime, zone: str) -> datetime:
    """Nothing is sent between 21:00 and 07:00 there."""
    there = when.astimezone(ZoneInfo(zone))
    if 7 <= there.hour < 21:
        return when
    day = there.date() if there.hour < 7 else there.date() + timedelta(days=1)
    return local(day, zone, 7)


def roles(rule: str) -> tuple[str, ...]:
    if rule in (*TO_MAYOR_TOO, "overdue"):
        return ("coordinator", "mayor")
    if rule in ("incomplete", "no-progress", "not-submitted", "renewed"):
        return ("coordinator", "mayor", "national-commission")
    return ("coordinator",)


def reached(people: Cast, slug: str, rule: str) -> set[str]:
    """Whom a mail reaches: in the place of a mailbox that is not there the next of the chain."""
    meant = set(roles(rule))
    return meant if slug not in people.bouncing else (meant - {"coordinator"} or {"mayor"})


def expected(people: Cast) -> Counter[tuple[str, str, str, datetime]]:
    """(city, rule, role, when) of every mail to a city or about it, but digests."""
    found: Counter[tuple[str, str, str, datetime]] = Counter()
    for slug in people.members:
        mails = list(asked(people, slug))
        if slug in people.submits:
            mails.append(("received", people.submits[slug]))
        letter = people.outcomes[slug].value.replace(" ", "-")
        mails.append((letter, awake(RELEASED_ON, people.members[slug].zone)))
        found.update((slug, rule, role, when) for rule, when in mails for role in reached(people, slug, rule))
    return found


def digests(people: Cast) -> Counter[tuple[str, str, datetime]]:
    """(country, rule, when): on the clock of the first of its cities that have the same last day, as long as
    one of them is missing. More time for some makes a ladder, and digests, of their own."""
    found: Counter[tuple[str, str, datetime]] = Counter()
    for last_day in (DUE_ON, LONGER):
        for since, until in ((APPLIED, EXTENDED_ON), (EXTENDED_ON, END)):
            for country, cities in together(people, last_day, since).items():
                opened_at = local(date(2021, 9, 27), cities[0].zone)
                for name, when in rungs(cities[0], last_day):
                    is_missing = any(not people.has_come(one.slug, when) for one in cities)
                    if max(since, opened_at) <= when < until and is_missing:
                        found[country, f"digest-{name}", when] += 1
    return found


def together(people: Cast, last_day: date, now: datetime) -> dict[str, list[Member]]:
    """Country -> its cities with that last day."""
    found: dict[str, list[Member]] = defaultdict(list)
    for slug, member in people.members.items():
        if people.last_day(slug, now) == last_day:
            found[member.country].append(member)
    return found


# what is true


# of what no statement decides: one kind of database is enough
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.chaos), 4])
async def test_every_mail_is_explained_by_a_rule(stage: Stage, every: int) -> None:
    """All 111 of them with `make chaos`."""
    people = await play(stage, every)

    sent = await stage.sent()
    assert len(people.members) == -(-111 // every)

    to_cities = [row for row in sent if not row.rule.startswith("digest")]
    found = Counter((row.member, row.rule, row.role, moment(row)) for row in to_cities)
    assert found - expected(people) == Counter()
    assert expected(people) - found == Counter()
    of_countries = Counter(
        (people.members[row.member].country, row.rule, moment(row))
        for row in sent
        if row.rule.startswith("digest")
    )
    assert of_countries - digests(people) == Counter()
    assert digests(people) - of_countries == Counter()
    await check_sums(stage, people)
    check_words(stage, sent)


def moment(row: Delivery) -> datetime:
    assert row.sent_at
    return row.sent_at.astimezone(UTC)


async def check_sums(stage: Stage, people: Cast) -> None:
    async with stage.database.read() as connection:
        found = {one.member: one for one in await cases.read(connection, ROUND)}
        log = await cases.log(connection, ROUND)
    due = {slug: one for slug, one in found.items() if slug in people.members}
    assert Counter(one.state for one in due.values()) == Counter(people.outcomes.values())
    assert len(due) == len(people.members)
    assert {slug for slug, one in due.items() if one.submitted_at} == set(people.submits)
    assert sum(one.is_late for one in due.values()) == 2
    letters = {line.member for line in log if line.letter}
    assert letters == set(people.members)


def check_words(stage: Stage, sent: Sequence[Delivery]) -> None:
    """No code of a city stands in a mail to an office of its country."""
    assert isinstance(stage.post, PickyPost)
    for row in sent:
        if row.role.startswith("national"):
            assert stage.links.code(ROUND, row.member).encode() not in decoded(stage.post.octets[row.id])


def decoded(octets: bytes) -> bytes:
    from email import message_from_bytes

    parts = (one.get_payload(decode=True) for one in message_from_bytes(octets).walk())
    return b"".join(one for one in parts if isinstance(one, bytes))
