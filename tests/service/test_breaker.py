"""How long mail rests while the mail server is away."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.service.breaker import Breaker
from tests.cast import at

NOW = at("2027-06-14T09:00:00+02:00")
SECOND = timedelta(seconds=1)


def rests(breaker: Breaker, times: int, *, needs_a_person: bool = False) -> list[float]:
    """Seconds of each rest, when the server is still away after every one."""
    found, now = [], NOW
    for _ in range(times):
        until = breaker.trip(now, "421 away", needs_a_person=needs_a_person)
        found.append((until - now).total_seconds())
        now = until
    return found


def test_a_new_breaker_lets_everything_through() -> None:
    breaker = Breaker()

    assert not breaker.is_open(NOW)
    assert not breaker.is_probing


def test_each_rest_is_twice_the_one_before_up_to_five_minutes() -> None:
    assert rests(Breaker(), 9) == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_what_needs_a_person_rests_for_half_a_minute_at_least() -> None:
    assert rests(Breaker(), 7, needs_a_person=True) == [30, 30, 30, 40, 80, 160, 300]


def test_an_outage_of_days_rests_for_five_minutes_each_time() -> None:
    assert set(rests(Breaker(), 1000)[6:]) == {300}


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=999_999)), st.booleans())
def test_no_setting_makes_a_rest_of_more_than_five_minutes(first: timedelta, needs_a_person: bool) -> None:
    found = rests(Breaker(first), 40, needs_a_person=needs_a_person)

    assert max(found) <= 300
    assert found == sorted(found)


def test_it_is_open_until_the_rest_is_over() -> None:
    breaker = Breaker()

    until = breaker.trip(NOW, "421 away")

    assert breaker.is_open(NOW)
    assert breaker.is_open(until - SECOND)
    assert not breaker.is_open(until)


def test_after_a_rest_one_goes_alone() -> None:
    breaker = Breaker()

    until = breaker.trip(NOW, "421 away")

    assert breaker.is_probing
    assert not breaker.is_open(until)


def test_it_tells_what_the_server_said_last() -> None:
    breaker = Breaker()

    breaker.trip(NOW, "535 wrong password", needs_a_person=True)
    breaker.trip(NOW, "421 away")

    assert (breaker.said, breaker.needs_a_person) == ("421 away", False)


@pytest.mark.parametrize("times", [1, 9])
def test_an_answer_closes_it_at_once(times: int) -> None:
    breaker = Breaker()
    rests(breaker, times, needs_a_person=True)

    breaker.close()

    assert breaker == Breaker()
    assert rests(breaker, 1) == [5]


def test_a_clock_that_is_set_back_keeps_it_open_for_no_more_than_that() -> None:
    breaker = Breaker()
    until: datetime = breaker.trip(NOW, "421 away")

    assert breaker.is_open(NOW - timedelta(hours=1))
    assert not breaker.is_open(until + SECOND)
