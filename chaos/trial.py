"""One play of one row: what is done to the service, what is seen, and whether its claims hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path
from random import Random
from time import monotonic

from chaos.faults import Manners
from chaos.house import House
from chaos.journal import Journal
from chaos.mail_server import MailServer
from chaos.postgres import Postgres


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "FAILS"
    #: this machine lacks what it takes
    SKIPPED = "not played"


class NotPlayable(Exception):
    """What is missing here, in a sentence."""


@dataclass
class Trial:
    """A folder of its own, the dice, and what was found."""

    row: str
    seed: int
    folder: Path
    #: smaller numbers, and waits 100 times shorter
    is_quick: bool
    #: what is put away when the row ends
    stack: ExitStack = field(default_factory=ExitStack)
    injected: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    random: Random = field(init=False)
    _postgres: Postgres | None = None
    _houses: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        # rows do not share their dice: one played alone is played as among all others
        self.random = Random(f"{self.seed} {self.row}")  # noqa: S311 - it must be possible to play it again

    def many(self, full: int, quick: int) -> int:
        """How many, in a full play and in a quick one."""
        return quick if self.is_quick else full

    def wait(self, seconds: float) -> float:
        """Seconds of a full play; a hundredth of them in a quick one."""
        return seconds / 100 if self.is_quick else seconds

    def inject(self, what: str) -> None:
        self.injected.append(what)

    def figure(self, what: str) -> None:
        self.figures.append(what)

    def claim(self, what: str, holds: bool, seen: object = "") -> None:
        """`what` must be true; `seen` says what was there instead."""
        if not holds:
            self.broken.append(f"{what}{f' (seen: {seen})' if seen != '' else ''}")

    def without_places(self, lines: Iterable[str]) -> tuple[str, ...]:
        """Where a row was played is of no use to who reads of it."""
        return tuple(line.replace(str(self.folder), "…") for line in lines)

    @property
    def verdict(self) -> Verdict:
        return Verdict.FAILS if self.broken else Verdict.HOLDS

    def postgres(self) -> Postgres:
        """A server for this row alone, made when it is first asked for."""
        if self._postgres is None:
            self._postgres = self.stack.enter_context(Postgres(self.folder / "postgres").running())
        return self._postgres

    def house(self, members: int) -> House:
        return House(self.folder / f"house-{next(self._houses)}").furnish(members)

    def patient(self, house: House, minute: float | None = None) -> House:
        """As the product is delivered: its ladder, its breaker, its patience; a hundredth in a quick play.

        minute: how many seconds a minute of the ladder lasts.
        """
        seconds = {
            "BREAKER_SECONDS": 5.0,
            "MAIL_CONNECT_SECONDS": 30.0,
            "MAIL_COMMAND_SECONDS": 60.0,
            "MAIL_REPLY_SECONDS": 300.0,
        }
        unit = (self.wait(60) if minute is None else minute) / 60
        ladder = ",".join(f"{step * unit:.4g}" for step in (1, 5, 15, 30, 60))
        waits = {f"SCHEDULER_{name}": str(self.wait(value)) for name, value in seconds.items()}
        house.environment |= {**waits, "SCHEDULER_RETRY_MINUTES": ladder}
        return house

    @contextmanager
    def mail_server(self, house: House | None = None, manners: Manners = Manners()) -> Iterator[MailServer]:  # noqa: B008 - frozen
        """A server on loopback; the house sends through it."""
        journal = Journal(self.folder / f"journal-{next(self._houses)}.jsonl")
        with MailServer(self.random.getrandbits(32), manners, journal).running() as server:
            if house:
                house.environment["SCHEDULER_MAIL_URL"] = server.url
            yield server


async def until(claim: Callable[[], bool], seconds: float = 60.0, every: float = 0.02) -> bool:
    """Looks again and again; False if it did not come true in time."""
    end = monotonic() + seconds
    while not claim():
        if monotonic() > end:
            return False
        await asyncio.sleep(every)
    return True


Play = Callable[[Trial], Awaitable[None]]


@dataclass(frozen=True)
class Row:
    """A row of the table of faults: its number, what must hold, and how it is played."""

    id: str
    claim: str
    play: Play


ROWS: dict[str, Row] = {}


def row(name: str, claim: str) -> Callable[[Play], Play]:
    """Enters a function into the table of rows."""

    def enter(play: Play) -> Play:
        ROWS[name] = Row(name, claim, play)
        return play

    return enter
