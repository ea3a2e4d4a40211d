"""The files that staff edit, while the service runs: an edit is noticed, read, and applied as `apply:` says.

A broken file changes nothing: what is in force stays, and the problems are said.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from time import monotonic

from watchfiles import Change, awatch

from scheduler import logs
from scheduler.configuration import normal
from scheduler.configuration.load import Loaded, load
from scheduler.configuration.problems import Place, Problem, Severity
from scheduler.errors import ConfigurationMoved, KeyNeeded, OlderClocks
from scheduler.model import changes, times
from scheduler.model.cases import Case, Learnt
from scheduler.model.network import Configuration
from scheduler.service.apply import meet_new_clocks, put_in_force
from scheduler.service.clock import Clock
from scheduler.service.erased import leave_erased_out
from scheduler.service.in_force import Memory
from scheduler.service.lasting import Bond, NameStands, find_bond
from scheduler.service.planning import plan_hash
from scheduler.store import cases, configurations
from scheduler.store.database import Database

#: Looks even where no change was reported: some mounted folders report none.
_LOOK_AGAIN = timedelta(seconds=60)
#: How soon it is seen that the folder itself is gone, or another one; a stop waits as long.
_PAUSE = timedelta(seconds=0.5)
_MILLISECOND = timedelta(milliseconds=1)
#: An edit that never comes to rest is read all the same.
_LONGEST_EDIT = timedelta(seconds=60)

_log = logs.get("files")


class Standing(StrEnum):
    """How the files stand to what is in force."""

    SAME = "the files say what is in force"
    BROKEN = "the files have errors; what was in force stays"
    UNUSABLE = "the files have errors; nothing is in force until they are mended"
    WAITS = "the files differ from what is in force and wait for: scheduler apply"
    RETURNED = "the files say what was in force earlier; to go back to it: scheduler apply"
    NEW = "the files differ from what is in force"
    OLDER = "the files differ from what is in force, which a program with newer clocks must change"
    ELSEWHERE = "the files of this replica differ from what is in force; the replica that leads has others"
    KEYLESS = "contacts were erased here, and this secret key does not tell who; what was in force stays"
    REFUSED = "the files change a name that calendars hold on to; what was in force stays"


@dataclass(frozen=True)
class Seen:
    """What the files said when they were read last."""

    standing: Standing
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        """One line that anybody may read: places, but not what was written there."""
        if not self.problems:
            return self.standing.value
        first = self.problems[0]
        number = f"{len(self.problems)} error" + ("s" if len(self.problems) > 1 else "")
        return f"{self.standing.value}: {number}, the first in {first.place}"


@dataclass(frozen=True)
class Comparison:
    """How the files stand, and what applying them would do."""

    seen: Seen
    #: what would come into force, unless that is refused; None where that is nothing new
    proposal: Configuration | None = None
    #: hash of what it was compared with, and would replace; None before the first
    replaces: str | None = None
    #: names this change for `scheduler apply --plan`: these files in place of what is in force
    plan: str = ""


async def compare(
    database: Database, memory: Memory, loaded: Loaded, *, now: datetime, key: bytes | None = None
) -> Comparison:
    """key: the installation's, to leave out who was erased. Raises KeyNeeded."""
    errors = tuple(problem for problem in loaded.problems if problem.severity is Severity.ERROR)
    proposal = loaded.configuration
    async with database.read() as connection:
        is_first = await configurations.latest_id(connection) == 0
        if proposal is None:
            return Comparison(Seen(Standing.UNUSABLE if is_first else Standing.BROKEN, errors))
        proposal = await leave_erased_out(connection, key, proposal)
        if is_first:
            hash_of_files = normal.hash_of(normal.to_text(proposal))
            return Comparison(Seen(Standing.NEW), proposal, plan=plan_hash(None, hash_of_files))
        current = await memory.current(connection)
        proposed = await asyncio.to_thread(lambda: normal.hash_of(normal.to_text(proposal)))
        known = await cases.decided(connection)
        found = (current.configuration, proposal, known, now)
        hash_of_files = await asyncio.to_thread(_hash_if_applied, *found)
        if hash_of_files == current.hash:
            return Comparison(Seen(Standing.SAME))
        was_in_force = await configurations.was_in_force(connection, hash_of_files, proposed)
        bond = await find_bond(connection, current, proposal.network, now)
    plan = plan_hash(current.hash, hash_of_files)
    if bond:
        return Comparison(_refused(bond, loaded), proposal, current.hash, plan)
    waits = Standing.WAITS if current.network.apply == "confirm" else Standing.NEW
    seen = Seen(Standing.RETURNED if was_in_force else waits)
    return Comparison(seen, proposal, current.hash, plan)


def _refused(bond: Bond, loaded: Loaded) -> Seen:
    place = loaded.network.place(*bond.key) if loaded.network else Place("network.yaml")
    return Seen(Standing.REFUSED, (Problem(place, Severity.ERROR, bond.what, bond.instead),))


def _hash_if_applied(
    current: Configuration, proposal: Configuration, known: Sequence[Case], now: datetime
) -> str:
    """With what was kept, and with what people decided of cases, as in `put_in_force`."""
    proposal = changes.carry_over(current, proposal, now)
    return normal.hash_of(normal.to_text(Learnt.of(known, proposal, now).applied_to(proposal)))


@dataclass
class Proposals:
    """Watches one folder."""

    folder: Path
    database: Database
    clock: Clock
    memory: Memory
    #: how long the files must lie still: an editor may write one in two halves
    quiet: timedelta
    #: this replica applies (service/leadership.py); the others only look
    leads: Callable[[], bool] = lambda: True
    #: the installation's secret key: it tells who was erased
    key: bytes | None = None
    seen: Seen = Seen(Standing.SAME)
    #: set after the first look, however it ended
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    #: once at the start; again where a program with an older tz database put something in force meanwhile
    _has_met_clocks: bool = False
    #: whether it led at the last look, and the id of what was in force then
    _looked_as: tuple[bool, int] = (False, 0)
    #: what the folder held when it was read
    _held: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    async def run(self) -> None:
        """For ever. The folder may vanish, come back, and be another one then."""
        while True:
            await self.look()
            watched, looked_at, is_watched = self._folder_id(), monotonic(), False
            if watched is None:
                await asyncio.sleep(_PAUSE.total_seconds())
                continue
            with suppress(FileNotFoundError):  # it has just vanished
                async for edits in self._edits():
                    # nobody reports what was edited before we watched
                    missed = not is_watched and self._held != await asyncio.to_thread(self._holds)
                    is_watched = True
                    rested = monotonic() - looked_at > _LOOK_AGAIN.total_seconds()
                    is_other = self._are_clocks_new or self._looked_as != self._stands_as
                    if edits or missed or rested or is_other:
                        await self.look()
                        looked_at = monotonic()
                    if self._folder_id() != watched:
                        break

    def _edits(self) -> AsyncIterator[set[tuple[Change, str]]]:
        """Once the files lie still after an edit; and nothing, now and then."""
        return awatch(
            self.folder,
            step=self.quiet // _MILLISECOND,
            debounce=_LONGEST_EDIT // _MILLISECOND,
            rust_timeout=_PAUSE // _MILLISECOND,
            yield_on_timeout=True,
        )

    def _folder_id(self) -> tuple[int, int] | None:
        try:
            found = self.folder.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _holds(self) -> Mapping[str, tuple[int, int]]:
        """Each file with when it was written and how long it is."""
        found = {}
        for folder, _, names in os.walk(self.folder):
            for path in (os.path.join(folder, name) for name in names):
                with suppress(OSError):
                    stat = os.stat(path)
                    found[path] = stat.st_mtime_ns, stat.st_size
        return found

    @property
    def _are_clocks_new(self) -> bool:
        """This replica leads, and what was in force at the last look came with an older tz database than it
        has."""
        known = self.memory.known
        return self.leads() and known is not None and known.tzdata < times.tzdata_version()

    @property
    def _stands_as(self) -> tuple[bool, int]:
        """Whether this replica leads, and what is in force: with either the files are looked at anew."""
        return self.leads(), self.memory.known.id if self.memory.known else 0

    async def look(self) -> None:
        """Reads the files; applies them where nothing is in force, or where that needs no person.

        Replicas may have files of different age, so those of the one that leads count. Where it has older
        ones than the one before, they were in force earlier, and are not applied again.
        """
        try:
            self._held = await asyncio.to_thread(self._holds)
            seen = await self._seen()
        except KeyNeeded:
            seen = Seen(Standing.KEYLESS)
        except Exception:
            self.looked.set()
            raise
        self.looked.set()
        if seen != self.seen:
            self._tell(seen)
        self.seen, self._looked_as = seen, self._stands_as

    async def _seen(self) -> Seen:
        now, leads = self.clock.now(), self.leads()
        if (leads and not self._has_met_clocks) or self._are_clocks_new:
            if await meet_new_clocks(self.database, now, self.key):
                _log.warning("a new tz database: see `scheduler clocks`", action="clocks")
            self._has_met_clocks = True
        loaded = await asyncio.to_thread(load, self.folder)
        compared = await compare(self.database, self.memory, loaded, now=now, key=self.key)
        seen = compared.seen
        if seen.standing is Standing.NEW and not leads:
            seen = Seen(Standing.ELSEWHERE)
        elif seen.standing is Standing.NEW and compared.proposal:
            seen = await self._apply(compared.proposal, compared.replaces, now)
        return seen

    async def _apply(self, proposal: Configuration, replaces: str | None, now: datetime) -> Seen:
        try:
            held = await put_in_force(
                self.database, proposal, now=now, by="files", replaces=replaces, key=self.key
            )
        except (ConfigurationMoved, NameStands):
            return self.seen  # another one, or a mail, was quicker; the next look compares again
        except OlderClocks:
            return Seen(Standing.OLDER)
        _log.info("the files came into force", action="apply")
        if held:
            _log.warning("what vanished from the files is held until staff decide", action="held", held=held)
        return Seen(Standing.SAME)

    def _tell(self, seen: Seen) -> None:
        tell = _log.info if seen.standing is Standing.SAME else _log.warning
        tell(seen.standing.value, action="files", problems=len(seen.problems))
        for problem in seen.problems[:10]:
            _log.warning(str(problem), action="problem")
