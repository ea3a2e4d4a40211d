"""The database's time as a replica knows it: measured, and carried on by a steady clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scheduler.service.common_time import CommonTime, Measurement
from tests.cast import at

NOON = at("2026-11-22T12:00:00+00:00")


@dataclass
class Steady:
    """A clock that nobody can set; in a test it is put forward."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


def measured(steady: Steady, *, late: float = 0.0, there: float = 0.0, back: float = 0.0) -> Measurement:
    """The database's noon began when the steady clock was at 1000; its clock is `late` seconds ahead of that.

    there, back: how long the question and the answer take.
    """
    asked = steady.seconds
    steady.seconds += there
    said = NOON + timedelta(seconds=steady.seconds - 1000 + late)
    steady.seconds += back
    return Measurement(said, asked, steady.seconds)


def test_between_two_measurements_time_goes_on() -> None:
    steady = Steady()
    time = CommonTime(steady)
    time.learn(measured(steady))

    steady.seconds += 90

    assert time.now() == NOON + timedelta(seconds=90)


def test_an_answer_that_took_long_does_not_move_it() -> None:
    """It came two seconds late, so its middle is a second off; it contradicts nothing."""
    steady = Steady()
    time = CommonTime(steady)
    time.learn(measured(steady, there=0.001, back=0.001))
    time.learn(measured(steady, there=0.0, back=2.0))

    assert abs(time.now() - (NOON + timedelta(seconds=steady.seconds - 1000))) < timedelta(milliseconds=1)


def test_a_better_measurement_counts_at_once() -> None:
    steady = Steady()
    time = CommonTime(steady)
    time.learn(measured(steady, back=2.0))
    time.learn(measured(steady, there=0.001, back=0.001))

    assert abs(time.now() - (NOON + timedelta(seconds=steady.seconds - 1000))) < timedelta(milliseconds=1)


def test_a_clock_that_was_set_is_followed_at_once() -> None:
    steady = Steady()
    time = CommonTime(steady)
    time.learn(measured(steady, there=0.001, back=0.001))
    time.learn(measured(steady, late=3600, there=0.05, back=0.05))

    assert time.now() == NOON + timedelta(seconds=steady.seconds - 1000 + 3600)


def test_an_old_measurement_does_not_count_for_ever() -> None:
    """However narrow it was: steady clocks run away, a machine may have slept."""
    steady = Steady()
    time = CommonTime(steady)
    time.learn(measured(steady))
    steady.seconds += 60
    time.learn(measured(steady, late=0.015, there=0.01, back=0.01))

    assert time.now() == NOON + timedelta(seconds=steady.seconds - 1000 + 0.015 - 0.0)
