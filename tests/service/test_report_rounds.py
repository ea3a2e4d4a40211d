"""Of reports the plan, the outbox and the engine say the same: who is written to, when, and in whose place.

Each city has contacts in any roles, some of which share an address, or are barred; some cities share a
national coordinator. Rounds have any policy, extensions, and reports that came.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from scheduler.model.cases import State
from scheduler.model.cycles import ANYWHERE, IN_THE_CITY, Cycle, Deadline, Extension
from scheduler.model.members import (
    CHAIN,
    NATIONAL_COORDINATOR,
    Contact,
    Member,
    first_of_each_address,
    stand_ins,
)
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, NoticeRule
from scheduler.model.slots import chosen
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory
from scheduler.service.planning import Plan, draw_up, read_ground
from scheduler.store import book, suppressions, tables
from scheduler.store.database import Database
from scheduler.store.duties import Duty, fire
from scheduler.store.suppressions import EVERYTHING, Suppression
from scheduler.store.tellings import read_tellings
from tests.cast import DOHA, MEDELLIN, MELTON, OPEN, a_configuration, at, member, real
from tests.engines import opened
from tests.reused import Reused
from tests.service.stage import Stage, part

T = TypeVar("T")
NOW = at("2021-11-02T08:00:00+00:00")
ROLES = (*CHAIN, "national-commission")
#: Few, so that they are shared: within a city, and among cities.
ADDRESSES = tuple(f"{name}@x.example" for name in "abcde")
SOME_ROLES = st.lists(st.sampled_from(ROLES), min_size=1, max_size=3, unique=True).map(tuple)
BARRED = st.sets(st.sampled_from(ADDRESSES), max_size=3)


@st.composite
def people(draw: st.DrawFn) -> tuple[Contact, ...]:
    """In any roles; nobody twice in one with one address."""
    one = st.tuples(st.sampled_from(ROLES), st.sampled_from(ADDRESSES))
    return tuple(Contact(*said) for said in draw(st.lists(one, max_size=6, unique=True)))


# the plan and the outbox choose alike


def a_city(number: int, contacts: tuple[Contact, ...]) -> Member:
    return replace(member(MEDELLIN), slug=f"city-{number}", contacts=contacts)


def meant(city: Member, roles: tuple[str, ...], barred: set[str]) -> set[tuple[str, str]]:
    """(role, address) of those whom the plan writes to."""
    closed = {n for n, contact in enumerate(city.contacts) if contact.address in barred}
    there = [n for n in chosen(city, roles) if n not in closed]
    found = first_of_each_address(city.contacts, [*there, *stand_ins(city.contacts, roles, closed)])
    return {(city.contacts[n].role, city.contacts[n].address) for n in found}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
def test_the_outbox_and_the_plan_agree_on_who_stands_in(request: pytest.FixtureRequest, kind: str) -> None:
    """`_stands_in` in store/duties.py, `stand_ins` in model/members.py."""

    made: Path | Reused = request.getfixturevalue(
        "migrated_sqlite" if kind == "sqlite" else "reused_postgres"
    )

    def empty(folder: Path) -> str | Path:
        if isinstance(made, Path):
            return Path(shutil.copy(made, folder / "test.sqlite"))
        return made.address()

    @settings(max_examples=12, deadline=None, derandomize=True, database=None)
    @given(
        everybody=st.lists(people(), min_size=12, max_size=40),
        asked=st.lists(SOME_ROLES, min_size=3, max_size=3),
        barred=BARRED,
    )
    def agree(everybody: list[tuple[Contact, ...]], asked: list[tuple[str, ...]], barred: set[str]) -> None:
        cities = [a_city(number, contacts) for number, contacts in enumerate(everybody)]

        async def work(database: Database) -> list[dict[str, set[tuple[str, str]]]]:
            async with database.write() as connection:
                await book.write_members(connection, cities)
                for address in barred:
                    wanted = Suppression(address.upper(), EVERYTHING, NOW, "a test")
                    await suppressions.add(connection, wanted)
                ids = tuple((await book.member_ids(connection)).values())
                for number, roles in enumerate(asked):
                    await fire(connection, a_duty(f"rule-{number}", roles, ids), NOW)
            return [await written(database, f"rule-{number}") for number in range(len(asked))]

        found = asyncio.run(on_a_database(work, empty))

        for roles, rows in zip(asked, found, strict=True):
            expected = {city.slug: meant(city, roles, barred) for city in cities}
            assert rows == {slug: who for slug, who in expected.items() if who}

    agree()


async def on_a_database(work: Callable[[Database], Awaitable[T]], empty: Callable[[Path], str | Path]) -> T:
    """empty: gives a database with all tables and nothing in them; it may make a file in the folder."""
    with tempfile.TemporaryDirectory() as folder:
        async with opened(empty(Path(folder))) as database:
            return await work(database)


def a_duty(rule: str, roles: tuple[str, ...], ids: tuple[int, ...]) -> Duty:
    return Duty(
        occurrence="report-2021", rule=rule, kind=Kind.REPORT_REMINDER, roles=roles, member_ids=ids,
        uid="report-2021", uid_domain="cities.example", uid_by_member=True, method=None, revision=0,
        starts_at=NOW, ends_at=NOW + timedelta(days=30), status="confirmed", place="", days="",
        due_at=NOW, useful_by=NOW + timedelta(days=30),
    )  # fmt: skip


async def written(database: Database, rule: str) -> dict[str, set[tuple[str, str]]]:
    query = (
        select(tables.members.c.slug, tables.contacts.c.role, tables.contacts.c.address)
        .join(tables.contacts, tables.contacts.c.member_id == tables.members.c.id)
        .join(tables.outbox, tables.outbox.c.contact_id == tables.contacts.c.id)
        .where(tables.outbox.c.rule == rule)
    )
    found: dict[str, set[tuple[str, str]]] = {}
    async with database.read() as connection:
        for slug, role, address in await connection.execute(query):
            assert (role, address) not in found.setdefault(slug, set())
            found[slug].add((role, address))
    return found


# what a plan promises is what the engine writes

#: The round opens on 27 September; the plan is drawn up a month later.
SEPTEMBER = at("2021-09-20T08:00:00+00:00")
CITIES = (MEDELLIN, MELTON, DOHA)
SLUGS = st.sampled_from(CITIES)
DAYS = (30, 14, 7, 1)
HOURS = (time(9), time(12), time(23))


@dataclass(frozen=True)
class Round:
    """What staff write, and what people and mail servers say of it."""

    before: Configuration
    after: Configuration
    #: said before the plan is drawn up
    came: tuple[str, ...]
    barred: frozenset[str]
    barred_early: frozenset[str]


@st.composite
def rungs(draw: st.DrawFn) -> tuple[NoticeRule, ...]:
    """The opening, the news of another deadline, some rungs with a digest each, the overdue notice."""
    plain = {rule.kind: rule for rule in real_round().rules}
    to = draw(st.lists(SOME_ROLES, min_size=len(DAYS) + 3, max_size=len(DAYS) + 3))
    rules = [
        replace(plain[kind], to=to.pop())
        for kind in (Kind.REPORT_OPENED, Kind.REPORT_MOVED, Kind.REPORT_OVERDUE)
    ]
    for days in draw(st.sets(st.sampled_from(DAYS), min_size=1, max_size=2)):
        when = Days(-days, draw(st.sampled_from(HOURS)), draw(st.booleans()))
        rules.append(NoticeRule(f"days-{days}", Kind.REPORT_REMINDER, to.pop(), when))
        rules.append(NoticeRule(f"digest-days-{days}", Kind.REPORT_DIGEST, (NATIONAL_COORDINATOR,), when))
    return tuple(rules)


def real_round() -> Cycle:
    return next(cycle for cycle in real().cycles if cycle.id == "report-2021")


@st.composite
def cycles(draw: st.DrawFn, rules: tuple[NoticeRule, ...]) -> Cycle:
    zone = draw(st.sampled_from(["Europe/Berlin", IN_THE_CITY, ANYWHERE]))
    deadline = Deadline(date(2021, 11, 1), time(23, 59, 59), zone)
    until = st.dates(date(2021, 11, 2), date(2021, 11, 12))
    named = st.builds(
        Extension,
        until,
        st.just("floods"),
        st.lists(SLUGS, max_size=2, unique=True).map(tuple),
        st.lists(st.sampled_from(["QA", "AU"]), max_size=1).map(tuple),
    )
    extensions = tuple(draw(st.lists(named, max_size=2)))
    return replace(real_round(), deadline=deadline, extensions=extensions, rules=rules)


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    rules = draw(rungs())
    members = tuple(replace(member(slug), contacts=draw(people()), memberships=(OPEN,)) for slug in CITIES)
    before, after = draw(cycles(rules)), draw(cycles(rules))
    house = replace(a_configuration(members=CITIES), members=members)
    return Round(
        replace(house, cycles=(before,)),
        replace(house, cycles=(after,)),
        tuple(draw(st.sets(SLUGS, max_size=2))),
        frozenset(draw(BARRED)),
        frozenset(draw(BARRED)),
    )


async def bar(stage: Stage, addresses: frozenset[str], now: datetime) -> None:
    async with stage.database.write() as connection:
        for address in sorted(addresses):
            await suppressions.add(connection, Suppression(address, EVERYTHING, now, "a test"))


Promise = tuple[datetime, str, str]


@settings(max_examples=8, deadline=None, derandomize=True)
@given(round_=rounds(), edited=st.integers(8, 44), span=st.integers(1, 30))
def test_what_a_plan_promises_of_a_round_is_what_goes_out(
    migrated_sqlite: Path, round_: Round, edited: int, span: int
) -> None:
    now = SEPTEMBER + timedelta(days=edited, minutes=7)
    until = now + timedelta(days=span)

    async def work(stage: Stage) -> tuple[Counter[Promise], Counter[Promise]]:
        await stage.apply(round_.before, SEPTEMBER)
        await bar(stage, round_.barred_early, SEPTEMBER)
        await stage.play(SEPTEMBER, now)
        await say(stage, round_, now)
        await bar(stage, round_.barred, now)
        earlier = await meant_to_go(stage)
        plan = draw_up(round_.after, await read_ground(stage.database, now), now=now, until=until)
        await stage.apply(round_.after, now)
        await stage.play(now, until)
        return promised(plan), await meant_to_go(stage) - earlier

    planned, sent = asyncio.run(on_a_stage(work, migrated_sqlite))

    differ = (planned - sent, sent - planned)
    assert differ == (Counter(), Counter()), differ


async def say(stage: Stage, round_: Round, now: datetime) -> None:
    said = [Said(slug, State.SUBMITTED) for slug in round_.came]
    if said:
        await Cases(stage.database, Memory()).record("report-2021", said, by="Anna", now=now)


def promised(plan: Plan) -> Counter[Promise]:
    found = Counter[Promise]()
    for one in plan.mailings:
        found[one.due_at, one.rule.kind.value, one.rule.id] += one.mails
    return found


async def meant_to_go(stage: Stage) -> Counter[Promise]:
    rows = await stage.sent()
    return Counter((row.due_at, row.kind.value, row.rule) for row in rows)


async def on_a_stage(work: Callable[[Stage], Awaitable[T]], like: Path) -> T:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(shutil.copy(like, Path(folder) / "test.sqlite"))
        async with opened(file) as database:
            return await work(Stage(database, Path(folder)))


# digests: one for each rung and national coordinator

#: The first rung, days-90, is due on Friday 1 October, 09:00: in Medellín 14:00Z, in Cali the same.
CALI, BOGOTA = "cali", "bogota"
RUNG = at("2021-10-01T14:00:00+00:00")
OFFICE = "office@colombia.example"
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def a_country(*cities: str, office: str = OFFICE, **changes: object) -> Configuration:
    """Cities whose coordinators differ, and who have one national coordinator."""
    members = tuple(
        replace(
            member(MEDELLIN),
            slug=slug,
            name=slug.title(),
            contacts=(Contact("coordinator", f"{slug}@x.example"), Contact(NATIONAL_COORDINATOR, office)),
        )
        for slug in cities
    )
    cycle = replace(real_round(), **changes)  # type: ignore[arg-type]
    return replace(a_configuration(members=(MEDELLIN,)), members=members, cycles=(cycle,))


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Stage:
    return Stage(database, tmp_path)


async def digests(stage: Stage) -> list[tuple[str, str, str]]:
    """(rule, city on whose clock it went, address) of those that were sent."""
    return [(row.rule, row.member, row.address) for row in await stage.sent("report-digest")]


async def came(stage: Stage, slug: str, now: datetime) -> None:
    said = [Said(slug, State.SUBMITTED)]
    await Cases(stage.database, Memory()).record("report-2021", said, by="Anna", now=now)


async def test_a_national_coordinator_gets_one_digest_for_each_rung(stage: Stage) -> None:
    await stage.apply(a_country(MEDELLIN, CALI, BOGOTA), SEPTEMBER)

    await stage.play(SEPTEMBER, RUNG + timedelta(hours=1))
    await stage.play(RUNG - timedelta(hours=1), RUNG + timedelta(hours=2))

    assert await digests(stage) == [("digest-days-90", MEDELLIN, OFFICE)]


@ON_SQLITE
async def test_who_follows_two_countries_gets_one_digest(stage: Stage) -> None:
    country = a_country(MEDELLIN, CALI)
    elsewhere = tuple(replace(m, slug=f"{m.slug}-2", country="EC") for m in country.members)
    await stage.apply(replace(country, members=(*country.members, *elsewhere)), SEPTEMBER)

    await stage.play(SEPTEMBER, RUNG + timedelta(hours=1))

    assert await digests(stage) == [("digest-days-90", MEDELLIN, OFFICE)]


@ON_SQLITE
async def test_who_is_also_the_contact_of_a_city_gets_its_mail_as_well(stage: Stage) -> None:
    country = a_country(MEDELLIN, CALI, office=f"{CALI}@x.example")
    await stage.apply(country, SEPTEMBER)

    await stage.play(SEPTEMBER, RUNG + timedelta(hours=1))

    mine = [r.rule for r in await stage.sent() if r.address == f"{CALI}@x.example"]
    assert Counter(mine) == {"opened": 1, "days-90": 1, "digest-days-90": 1}


@ON_SQLITE
async def test_a_report_that_came_a_minute_before_is_not_named(stage: Stage) -> None:
    await stage.apply(a_country("aaa-ville", "bbb-ville", "ccc-ville"), SEPTEMBER)
    await stage.play(SEPTEMBER, RUNG - timedelta(minutes=1))
    await came(stage, "bbb-ville", RUNG - timedelta(minutes=1))

    await stage.play(RUNG - timedelta(minutes=1), RUNG + timedelta(minutes=1))

    (row,) = await stage.sent("report-digest")
    text = part(stage.message(row), "text/plain")
    named = {name for name in ("Aaa-Ville", "Bbb-Ville", "Ccc-Ville") if name in text}
    assert named == {"Aaa-Ville", "Ccc-Ville"}


@ON_SQLITE
async def test_no_digest_names_nobody(stage: Stage) -> None:
    await stage.apply(a_country(MEDELLIN, CALI), SEPTEMBER)
    await stage.play(SEPTEMBER, RUNG - timedelta(minutes=1))
    for slug in (MEDELLIN, CALI):
        await came(stage, slug, RUNG - timedelta(minutes=1))

    await stage.play(RUNG - timedelta(minutes=1), RUNG + timedelta(hours=1))

    assert await digests(stage) == []


@ON_SQLITE
async def test_a_digest_is_about_the_others_when_the_leading_city_has_reported(stage: Stage) -> None:
    await stage.apply(a_country(MEDELLIN, CALI), SEPTEMBER)
    await stage.play(SEPTEMBER, RUNG - timedelta(minutes=1))
    await came(stage, MEDELLIN, RUNG - timedelta(minutes=1))

    await stage.play(RUNG - timedelta(minutes=1), RUNG + timedelta(hours=1))

    assert await digests(stage) == [("digest-days-90", MEDELLIN, OFFICE)]


@ON_SQLITE
async def test_nobody_gets_the_digest_of_a_coordinator_who_is_barred(stage: Stage) -> None:
    await stage.apply(a_country(MEDELLIN, CALI), SEPTEMBER)
    await bar(stage, frozenset({OFFICE}), SEPTEMBER)

    await stage.play(SEPTEMBER, RUNG + timedelta(hours=1))

    assert await digests(stage) == []


@ON_SQLITE
async def test_a_city_with_more_time_does_not_put_off_the_digest_about_the_others(stage: Stage) -> None:
    """It has rungs of its own, and digests with them."""
    more = Extension(date(2022, 2, 28), "floods", (MEDELLIN,))
    await stage.apply(a_country(MEDELLIN, CALI, BOGOTA, extensions=(more,)), SEPTEMBER)

    await stage.play(SEPTEMBER, at("2021-12-01T15:00:00+00:00"))

    expected = [
        (f"digest-days-{days}", city, OFFICE) for days, city in ((90, CALI), (90, MEDELLIN), (30, CALI))
    ]
    assert await digests(stage) == expected


@ON_SQLITE
async def test_a_city_that_leaves_does_not_lead(stage: Stage) -> None:
    """Else nobody would hear of the others."""
    country = a_country(MEDELLIN, CALI)
    first, second = country.members
    gone = replace(first, memberships=(replace(OPEN, until=date(2021, 9, 30)),))
    await stage.apply(replace(country, members=(gone, second)), SEPTEMBER)

    await stage.play(SEPTEMBER, RUNG + timedelta(hours=1))

    assert await digests(stage) == [("digest-days-90", CALI, OFFICE)]


async def test_the_offices_of_a_country_share_no_calendar(database: Database) -> None:
    country = a_country(MEDELLIN, CALI, BOGOTA)
    async with database.write() as connection:
        await book.write_members(connection, country.members)

        assert await book.sharing(connection) == ()
        assert (await read_tellings(connection, NOW))._shared == ()
