"""What programs say of cases over HTTP, each with a key: however often it is said, it is done once, and has
the same answer (X16).

The answer is written in the transaction of the effect, so that a crash leaves both or neither. Of several
that say the same at once, here or in another replica, one is first; the others wait for its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from scheduler.errors import CasesRefused, KeyReused, NoSuchCase
from scheduler.model.cases import Case, advance
from scheduler.service.cases import Cases, Done, Said
from scheduler.store import cases, requests
from scheduler.store.database import Connection
from scheduler.store.requests import Kept


@dataclass(frozen=True)
class Asked:
    """By what a repetition is known."""

    #: who asks, as the log names it
    by: str
    #: the key that this asker chose for it
    key: str
    #: all that is asked, in a form that is the same for the same wish
    what: str

    @property
    def digest(self) -> str:
        return _digest(f"{self.by}\n{self.key}")

    @property
    def content(self) -> str:
        return _digest(self.what)


@dataclass(frozen=True)
class Answered:
    """In the words of whoever asked for it to be written."""

    status: int
    text: str


@dataclass(frozen=True)
class Writing:
    """How an answer is written that is to be remembered."""

    #: of the case as it is then, and of what followed
    done: Callable[[Case, Done], Answered]
    refused: Callable[[CasesRefused], Answered]


class _Overtaken(Exception):
    """Another one with this key came first; what was done here is rolled back."""


@dataclass(frozen=True)
class Requests:
    """Every method raises DatabaseAway, NothingInForce, and NoSuchCase for a case that is none."""

    cases: Cases

    async def look(self, cycle: str, member: str, now: datetime) -> Case:
        """One case, as it is now."""
        async with self.cases.database.read() as connection:
            await self._refuse_unknown(connection, cycle, member)
            return await _read(connection, cycle, member, now)

    async def page(self, cycle: str, after: str, most: int, now: datetime) -> list[Case]:
        """So many cases of a round at the most, by slug, from the first one after `after` on."""
        async with self.cases.database.read() as connection:
            await self._refuse_unknown(connection, cycle)
            found = await cases.read_page(connection, cycle, after, most)
        return [advance(case, now) for case in found]

    async def record(
        self, asked: Asked, cycle: str, said: Said, *, now: datetime, writing: Writing
    ) -> Answered:
        """What it was answered with the first time. Raises KeyReused where the key stands for something else.

        A refusal is remembered like an effect; what is asked of no case, or while nobody can answer, is not.
        """
        async with self.cases.database.read() as connection:
            kept = await requests.read(connection, asked.digest)
            if kept is None:
                await self._refuse_unknown(connection, cycle, said.member)
                await _read(connection, cycle, said.member, now)
        if kept is not None:
            return _again(kept, asked)
        written: list[Answered] = []

        async def remember(connection: Connection, done: Done) -> None:
            case = await _read(connection, cycle, said.member, now)
            written.append(writing.done(case, done))
            await _keep(connection, asked, written[0], now)

        try:
            try:
                await self.cases.record(cycle, [said], by=asked.by, now=now, also=remember)
            except CasesRefused as refused:
                written = [writing.refused(refused)]
                async with self.cases.database.write() as connection:
                    await _keep(connection, asked, written[0], now)
        except _Overtaken:
            async with self.cases.database.read() as connection:
                first = await requests.read(connection, asked.digest)
            assert first is not None  # noqa: S101 - it has just been there
            return _again(first, asked)
        return written[0]

    async def _refuse_unknown(self, connection: Connection, cycle: str, member: str | None = None) -> None:
        in_force = await self.cases.memory.current(connection)
        if cycle not in in_force.cycles:
            known = ", ".join(in_force.cycles) or "none"
            raise NoSuchCase(f"no such round is in force; known rounds: {known}")
        if member is not None and member not in in_force.members:
            raise NoSuchCase("no member has this name; take the slug of members.csv")


async def _read(connection: Connection, cycle: str, member: str, now: datetime) -> Case:
    found = await cases.read(connection, cycle, [member])
    if not found:
        raise NoSuchCase(f"{member} is not concerned by {cycle}")
    return advance(found[0], now)


async def _keep(connection: Connection, asked: Asked, answered: Answered, now: datetime) -> None:
    kept = Kept(asked.digest, asked.content, answered.status, answered.text)
    if not await requests.keep(connection, kept, now):
        raise _Overtaken


def _again(kept: Kept, asked: Asked) -> Answered:
    if kept.content != asked.content:
        raise KeyReused(KeyReused.__doc__)
    return Answered(kept.status, kept.answer)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
