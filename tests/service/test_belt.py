"""What lies between deliverer, books and post."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any, cast

from scheduler.errors import RelayAway
from scheduler.mail.post import Fate, Outcome, Outgoing
from scheduler.model.history import NOTHING_PASSED
from scheduler.model.notices import Kind
from scheduler.service.belt import Belt, Claim, Ended, Parcel
from scheduler.store.outbox import Delivery
from tests.cast import A_DAY, at, real

NOW = at("2027-05-17T07:00:00+00:00")


def a_belt(most: int = 3) -> Belt:
    belt = Belt(most, lambda: NOW)
    belt.seen(1, monotonic() + 60)
    return belt


def a_claim(generation: int = 1, holds: float = 60) -> Claim:
    return Claim("token", generation, cast(Any, None), monotonic() + holds)


def parcels(*numbers: int, claim: Claim | None = None, kind: Kind = Kind.INVITATION) -> list[Parcel]:
    return [Parcel(message(n), row(n, kind), NOTHING_PASSED, claim or a_claim()) for n in numbers]


def message(number: int) -> Outgoing:
    return Outgoing(number, f"<{number}@a.example>", "anna@a.example", b"", real().network, NOW)


def row(number: int, kind: Kind) -> Delivery:
    values = dict.fromkeys(Delivery.__dataclass_fields__)
    return Delivery(**cast(Any, values | {"id": number, "kind": kind, "useful_by": NOW + A_DAY}))


def write_down(belt: Belt, refuse: frozenset[int] = frozenset()) -> list[tuple[int, Fate]]:
    """As the books do: marks what ended, lets the next ones begin."""
    ended, candidates = belt.next_ones()
    belt.let_begin({one.id for one in candidates} - refuse, candidates)
    return fates(ended)


def fates(ended: list[Ended]) -> list[tuple[int, Fate]]:
    return [(parcel.id, outcome.fate) for parcel, outcome in ended]


async def test_never_more_are_in_flight_than_may_be_repeated() -> None:
    belt = a_belt(most=3)
    belt.put(parcels(1, 2, 3, 4, 5))

    write_down(belt)
    taken = [await belt.take(), await belt.take(), await belt.take()]
    write_down(belt)

    assert [one.id for one in taken if one] == [1, 2, 3]
    assert (belt.in_flight, belt.waiting) == (3, 2)


async def test_the_last_place_is_for_what_cannot_wait() -> None:
    """Nine mails wait for a slow 250, and a reminder falls due."""
    belt = a_belt(most=10)
    belt.put(parcels(*range(20)))
    for _ in range(4):
        write_down(belt)
        for _ in range(belt.begun):
            await belt.take()

    assert belt.in_flight == 9
    belt.put(parcels(99, kind=Kind.REMINDER), is_urgent=True)
    write_down(belt)
    urgent = await belt.take()

    assert urgent
    assert urgent.id == 99


async def test_what_was_marked_makes_room_and_not_what_has_only_ended() -> None:
    belt = a_belt(most=2)
    belt.put(parcels(1, 2, 3))
    write_down(belt)
    await belt.take()
    belt.done(Outcome(1, Fate.SENT, "250 ok"))

    assert (belt.in_flight, belt.waiting) == (2, 1)
    assert write_down(belt) == [(1, Fate.SENT)]
    assert (belt.in_flight, belt.waiting) == (2, 0)


async def test_what_the_books_do_not_let_begin_is_called_back() -> None:
    belt = a_belt()
    belt.put(parcels(1, 2))

    write_down(belt, refuse=frozenset({1}))

    assert write_down(belt) == [(1, Fate.RECALLED)]
    assert (await belt.take()) is not None


async def test_a_decision_calls_back_what_was_judged_before_it() -> None:
    """P09; what the post has in hand is asked for right before DATA."""
    belt = a_belt(most=2)
    belt.put(parcels(1, 2, 3))
    write_down(belt)
    in_hand = await belt.take()
    assert in_hand
    assert belt.may_begin(in_hand)

    belt.seen(2, monotonic() + 60)

    assert not belt.may_begin(in_hand)
    assert sorted(write_down(belt)) == [(2, Fate.RECALLED), (3, Fate.RECALLED)]


async def test_a_look_that_was_overtaken_by_another_calls_nothing_back() -> None:
    belt = a_belt()
    belt.seen(2, monotonic() + 60)
    belt.put(parcels(1, claim=a_claim(generation=2)))

    belt.seen(1, monotonic() + 60)

    assert belt.waiting == 1


async def test_nothing_begins_without_a_look_or_behind_its_lease() -> None:
    """D07, C06: the database is away; the process was frozen."""
    belt = a_belt()
    belt.put([*parcels(1), *parcels(2, claim=a_claim(holds=-1))])
    write_down(belt)
    fresh, late = await belt.take(), await belt.take()
    assert fresh
    assert late

    assert (belt.may_begin(fresh), belt.may_begin(late)) == (True, False)
    belt.seen(1, monotonic() - 1)
    assert not belt.may_begin(fresh)


async def test_while_the_server_is_away_nothing_lies_on_the_belt() -> None:
    belt = a_belt(most=1)
    belt.put(parcels(1, 2))
    write_down(belt)

    belt.clear(RelayAway("421 going down", 421))

    assert sorted(write_down(belt)) == [(1, Fate.AWAY), (2, Fate.AWAY)]
    assert belt.is_empty


async def test_who_waits_in_vain_loses_nothing() -> None:
    """The post cancels those who wait when it finds the server away."""
    belt = a_belt()
    waiting = [asyncio.create_task(belt.take()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    belt.put(parcels(1, 2))
    write_down(belt)

    taken = [one.id for one in await asyncio.gather(*waiting[1:]) if one]

    assert sorted(taken) == [1, 2]


async def test_an_ended_belt_gives_nothing_and_calls_back_the_rest() -> None:
    belt = a_belt(most=1)
    belt.put(parcels(1, 2))
    write_down(belt)
    waiting = asyncio.create_task(belt.take())
    in_hand = await waiting

    belt.end()

    assert await belt.take() is None
    assert write_down(belt) == [(2, Fate.RECALLED)]
    assert not belt.is_over
    assert in_hand
    belt.done(Outcome(1, Fate.SENT, "250 ok"))
    assert write_down(belt) == [(1, Fate.SENT)]
    assert belt.is_over
