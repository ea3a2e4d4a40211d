"""How fast mails are begun: the setting, and what a server that says "slower" teaches (S08, S09)."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.mail.pace import Pace

#: Seconds between the beginning of a message and the reply to it; how many go at once.
REPLY, LINES = 0.02, 4


@dataclass
class Played:
    """A server of which every message is refused or taken by `takes(number, its beginnings within the last
    second)`, and a client with that pace. All of it in a clock of its own."""

    takes: Callable[[int, int], bool]
    pace: Pace = field(default_factory=Pace)
    now: float = 0.0
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    #: went up the ladder, by number
    later: list[int] = field(default_factory=list)
    _let_in: deque[float] = field(default_factory=deque)
    _on_their_way: list[tuple[float, int, bool]] = field(default_factory=list)

    def play(self, count: int) -> Played:
        waiting = deque(range(count))
        while waiting or self._on_their_way:
            while waiting and len(self._on_their_way) < LINES and not self.pace.wait(self.now):
                self._begin(waiting.popleft())
            self.now = min(self._next_instants(bool(waiting)))
            while self._on_their_way and self._on_their_way[0][0] <= self.now:
                _, number, is_taken = heapq.heappop(self._on_their_way)
                if self._is_again(number, is_taken):
                    waiting.appendleft(number)
        return self

    def share_refused_after(self, instant: float) -> float:
        refused, taken = (sum(at > instant for at in instants) for instants in (self.refused, self.taken))
        return refused / max(1, refused + taken)

    def _begin(self, number: int) -> None:
        self.pace.begin(self.now)
        while self._let_in and self._let_in[0] <= self.now - 1:
            self._let_in.popleft()
        is_taken = self.takes(number, len(self._let_in))
        if is_taken:
            self._let_in.append(self.now)
        heapq.heappush(self._on_their_way, (self.now + REPLY, number, is_taken))

    def _next_instants(self, has_more: bool) -> list[float]:
        instants = [self._on_their_way[0][0]] if self._on_their_way else []
        if has_more and len(self._on_their_way) < LINES:
            instants.append(self.now + max(self.pace.wait(self.now), 1e-4))
        return instants

    def _is_again(self, number: int, is_taken: bool) -> bool:
        if is_taken:
            self.taken.append(self.now)
            self.pace.took(number, self.now)
            return False
        self.refused.append(self.now)
        if self.pace.refused(number, self.now):
            return True
        self.later.append(number)
        return False


def above(limit: int) -> Callable[[int, int], bool]:
    """A server that takes so many within any second."""
    return lambda _, within_a_second: within_a_second < limit


@pytest.mark.parametrize("limit", [5, 20, 100])
def test_a_server_with_a_limit_gets_everything_at_a_pace_below_it(limit: int) -> None:
    """S08."""
    played = Played(above(limit)).play(50 * limit)

    assert (len(played.taken), played.later) == (50 * limit, [])
    assert played.share_refused_after(10) < 0.05
    assert played.now < 1.5 * 50


def test_a_server_that_never_says_slower_is_never_waited_for() -> None:
    played = Played(above(10**9)).play(400)

    assert played.now == pytest.approx(400 / LINES * REPLY)
    assert played.pace.is_free


def test_greylisting_of_everybody_goes_up_the_ladder_at_once() -> None:
    """S09: nothing was taken just before, so it is not about the pace."""
    played = Played(lambda _number, _: False).play(100)

    assert len(played.later) == 100
    assert played.now < 1


def test_greylisting_of_some_is_soon_known_for_what_it_is() -> None:
    """The words may be the same; but what is refused once is refused again, and others are taken."""
    played = Played(lambda number, _: number % 3 > 0).play(900)

    assert sorted(played.later) == list(range(0, 900, 3))
    assert len(played.taken) == 600
    assert played.now < 15


def test_a_single_refusal_is_soon_forgotten() -> None:
    played = Played(lambda number, _: number != 7).play(4000)

    assert played.later == [7]
    assert played.now < 4000 / LINES * REPLY + 30


def test_a_limit_by_the_minute_is_asked_ever_less_often() -> None:
    """Nobody can tell it from greylisting; a few attempts are counted, and the server is not hammered."""
    played = Played(lambda _, __: True)
    played.takes = lambda _, __: sum(at > played.now - 60 for at in played.taken) < 200

    played.play(600)

    assert len(played.refused) < 60
    assert played.now < 300


@given(st.integers(1, 40), st.lists(st.floats(0, 0.4), max_size=60))
@settings(max_examples=40, deadline=None)
def test_never_more_than_the_setting_begin_within_a_second(most: int, pauses: list[float]) -> None:
    pace, now, begun = Pace(most), 0.0, []
    for pause in pauses:
        now += pause
        now += pace.wait(now)
        pace.begin(now)
        begun.append(now)

    assert all(late - early >= 1 - 1e-9 for early, late in zip(begun, begun[most:], strict=False))


def test_the_setting_lets_a_second_s_worth_go_at_once() -> None:
    pace = Pace(most=3)

    waits = []
    for now in (5.0, 5.0, 5.1, 5.2):
        waits.append(pace.wait(now))
        pace.begin(now)

    assert waits == [0, 0, 0, pytest.approx(0.8)]


def test_after_a_refusal_there_is_a_rest() -> None:
    pace = Pace()
    pace.took(1, 10.0)

    assert pace.refused(2, 10.1)
    assert pace.wait(10.1) == pytest.approx(1)


def test_rests_grow_while_nothing_is_taken() -> None:
    pace = Pace()
    pace.took(1, 0.0)

    rests, now = [], 0.0
    for number in range(2, 12):
        pace.refused(number, now)
        rests.append(round(pace.wait(now)))
        now += pace.wait(now)

    assert all(early <= late for early, late in pairwise(rests))
    assert (rests[:3], rests[-1]) == ([1, 2, 4], 60)
