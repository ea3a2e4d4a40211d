"""How long who guesses secret addresses is put off, and how little of it is remembered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scheduler.web.guesses import Guesses

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def guesses() -> Guesses:
    """Three wrong addresses at once, and one more after each ten seconds."""
    return Guesses(free=3, regained=timedelta(seconds=10), most=5)


def test_a_few_wrong_addresses_are_answered_as_usual() -> None:
    asked = guesses()

    assert [asked.wait("192.0.2.1", NOW) for _ in range(5)] == [0, 0, 0, 10, 10]


def test_who_stops_guessing_is_answered_as_usual_after_what_it_was_told() -> None:
    asked = guesses()
    for _ in range(50):
        asked.wait("192.0.2.1", NOW)

    later = [asked.wait("192.0.2.1", NOW + n * SECOND) for n in (4, 9.5, 10, 10, 60, 60, 60, 60)]

    assert later == [6, 1, 0, 10, 0, 0, 0, 10]


def test_one_client_does_not_pay_for_another() -> None:
    asked = guesses()
    for _ in range(50):
        asked.wait("192.0.2.1", NOW)

    assert [asked.wait(host, NOW) for host in ("192.0.2.2", "2001:db8::1", "")] == [0, 0, 0]


@pytest.mark.parametrize(
    ("one", "another", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "192.0.2.1", False),
        ("what is this", "what is this", True),
    ],
)
def test_a_network_of_the_new_kind_is_one_client(one: str, another: str, are_one: bool) -> None:
    asked = Guesses(free=1)
    asked.wait(one, NOW)

    assert (asked.wait(another, NOW) > 0) is are_one


def test_no_more_than_so_many_clients_are_remembered() -> None:
    asked = guesses()

    for n in range(1000):
        asked.wait(f"192.0.2.{n}", NOW)

    assert len(asked) == 5


def test_a_clock_that_is_set_back_puts_nobody_off_for_long() -> None:
    asked = guesses()
    for _ in range(3):
        asked.wait("192.0.2.1", NOW + timedelta(hours=5))

    assert asked.wait("192.0.2.1", NOW) == 10
    assert asked.wait("192.0.2.1", NOW + 10 * SECOND) == 0
