"""When a mail that the server put off is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.service.retry import GIVE_UP_AFTER, LADDER, decide
from tests.cast import at

NOW = at("2027-06-14T09:00:00+02:00")
FAR = NOW + timedelta(days=365)
HOUR = timedelta(hours=1)


def next_try(
    attempts: int, *, now: datetime = NOW, key: str = "<1@cities.example>", **more: object
) -> datetime:
    """Of a mail that is useful for long and was begun just now."""
    found = decide(attempts, **{"now": now, "first_try_at": NOW, "useful_by": FAR, "key": key, **more})  # type: ignore[arg-type]
    assert found
    return found


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 30), (5, 60)])
def test_each_try_waits_longer_than_the_one_before(attempts: int, minutes: int) -> None:
    assert next_try(attempts) - NOW == timedelta(minutes=minutes)


def test_an_installation_may_have_a_ladder_of_its_own() -> None:
    ladder = (timedelta(seconds=1), timedelta(seconds=2))

    assert next_try(2, ladder=ladder) - NOW == timedelta(seconds=2)
    assert timedelta(seconds=1.6) <= next_try(3, ladder=ladder) - NOW <= timedelta(seconds=2.4)


@given(st.integers(len(LADDER) + 1, 10_000), st.text())
def test_the_last_step_is_spread_by_a_fifth(attempts: int, key: str) -> None:
    assert 0.8 * HOUR <= next_try(attempts, key=key) - NOW <= 1.2 * HOUR


def test_a_blast_does_not_come_back_as_one() -> None:
    found = sorted(next_try(6, key=f"<{n}@cities.example>") - NOW for n in range(200))

    assert len(set(found)) == 200
    assert found[0] < 0.85 * HOUR
    assert found[-1] > 1.15 * HOUR


def test_a_mail_is_spread_the_same_way_in_every_process() -> None:
    assert next_try(6) - NOW == timedelta(seconds=3032, microseconds=315731)


@given(st.integers(1, 60), st.integers(-60, 4000), st.integers(0, 4000), st.text(max_size=9))
def test_no_mail_is_tried_when_it_is_of_no_use(attempts: int, useful: int, old: int, key: str) -> None:
    first, useful_by = NOW - timedelta(minutes=old), NOW + timedelta(minutes=useful)

    found = decide(attempts, now=NOW, first_try_at=first, useful_by=useful_by, key=key)

    assert found is None or (NOW < found < useful_by and found - first <= GIVE_UP_AFTER)


@given(st.integers(1, 60), st.text(max_size=9))
def test_a_mail_is_given_up_only_for_a_reason(attempts: int, key: str) -> None:
    alone = next_try(attempts, key=key)
    just_after = alone + timedelta(microseconds=1)

    assert next_try(attempts, key=key, useful_by=just_after) == alone
    assert next_try(attempts, key=key, first_try_at=alone - GIVE_UP_AFTER) == alone


def test_a_mail_that_would_come_at_its_end_is_given_up() -> None:
    end = NOW + timedelta(minutes=1)

    assert decide(1, now=NOW, first_try_at=NOW, useful_by=end, key="") is None


def test_a_mail_server_has_two_days() -> None:
    first = NOW - timedelta(hours=48) + timedelta(seconds=59)

    assert decide(1, now=NOW, first_try_at=first, useful_by=FAR, key="") is None


@settings(deadline=None)
@given(st.text(max_size=20))
def test_a_mail_that_is_always_put_off_has_about_fifty_tries(key: str) -> None:
    now, tries = NOW, 1
    while later := decide(tries, now=now, first_try_at=NOW, useful_by=FAR, key=key):
        now, tries = later, tries + 1

    assert now - NOW <= GIVE_UP_AFTER
    assert 44 <= tries <= 60
