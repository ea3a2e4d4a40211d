"""What people hold back and let go again: a session, a series or round, or everything.

What the service holds by itself (`fences.py`) they let go by the same door.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from scheduler.configuration.problems import did_you_mean, listed, quoted
from scheduler.errors import SchedulerError
from scheduler.model.network import Configuration
from scheduler.model.programme import occurrences_of
from scheduler.service.in_force import InForce
from scheduler.service.passed import read_passed
from scheduler.service.verdicts import Verdict, judge, rests_until
from scheduler.store import held, holds, outbox, outflow
from scheduler.store.database import Database
from scheduler.store.holds import BUT_REMINDERS, EVERYTHING, Hold
from scheduler.store.outbox import Delivery

#: Rows judged at once.
_SOME = 500

#: What becomes of a mail that was held back; of others the reason why they are not sent.
NOW, MORNING = "go out now", "wait for the morning there"


@dataclass(frozen=True)
class Held:
    """What came of holding a subject back."""

    hold: Hold
    #: it was held before, and nothing was changed
    is_old: bool
    #: mails that wait because of it
    waiting: int
    #: it is in force, not only in the files
    is_in_force: bool


@dataclass(frozen=True)
class LetGo:
    """What came of letting a subject go."""

    #: None: it was not held, and nothing was changed
    hold: Hold | None
    #: holds that cover it as well, and go on
    others: tuple[Hold, ...]
    #: what becomes of the mails that nothing else holds back: NOW, MORNING, or why they are not sent
    mails: Counter[str]


async def hold_back(database: Database, in_force: InForce, wanted: Hold, files: Configuration | None) -> Held:
    """From now on nothing leaves for the subject; slots fire as ever.

    files: where a subject may stand that is not in force yet. Raises SchedulerError for one that is nowhere.
    """
    present, proposed = _subjects(in_force.configuration), _subjects(files) if files else []
    if wanted.subject not in (*present, *proposed):
        raise SchedulerError(_nowhere(wanted.subject, [*present, *proposed]))
    async with database.write() as connection:
        before = await holds.put(connection, wanted)
        waiting = (await held.kinds_held(connection))[wanted.subject].total()
    return Held(before or wanted, before is not None, waiting, wanted.subject in present)


async def let_go(
    database: Database, in_force: InForce, subject: str, by: str, now: datetime, *, skip: bool = False
) -> LetGo:
    """What was held may leave, as far as it is still of use and still holds.

    skip: none of it is sent any more, but for what another hold keeps as well; what comes later is.
    Raises SchedulerError for a subject that is nowhere.
    """
    async with database.read() as connection:
        found = await holds.read(connection)
        hold = next((hold for hold in found if hold.subject == subject), None)
        known = [*(hold.subject for hold in found), *_subjects(in_force.configuration)]
        if subject not in known:
            raise SchedulerError(_nowhere(subject, known))
    others = tuple(other for other in found if other.subject != subject and _touches(other, subject))
    if hold is None:
        return LetGo(None, others, Counter())
    mails = Counter[str]() if skip else await _judged(database, subject, in_force, now)
    async with database.write() as connection:
        if skip and (skipped := await held.skip(connection, subject)):
            mails[held.SKIPPED] = skipped
        await holds.lift(connection, hold, by, now)
        if hold.is_of_service:
            await outflow.begin_anew(connection, now)
    return LetGo(hold, others, mails)


def _touches(other: Hold, subject: str) -> bool:
    """It keeps mails of this subject as well."""
    return other.covers(subject) or other.subject == BUT_REMINDERS


async def _judged(database: Database, subject: str, in_force: InForce, now: datetime) -> Counter[str]:
    """What the deliverer will make of the mails that only this hold keeps."""
    counted = Counter[str]()
    async with database.read() as connection:
        async for rows in _in_parts(outbox.unsent_of(connection, subject)):
            passed = await read_passed(connection, in_force, rows, now)
            judged = judge(rows, passed, in_force, now)
            counted.update(_becomes(row, verdict, in_force, now) for row, verdict in judged)
    return counted


def _becomes(row: Delivery, verdict: Verdict | None, in_force: InForce, now: datetime) -> str:
    if verdict:
        return verdict[1]
    return MORNING if rests_until(row, in_force, now) else NOW


async def _in_parts(rows: AsyncIterator[Delivery]) -> AsyncIterator[Sequence[Delivery]]:
    part: list[Delivery] = []
    async for row in rows:
        part.append(row)
        if len(part) == _SOME:
            yield part
            part = []
    if part:
        yield part


def _subjects(configuration: Configuration) -> list[str]:
    """All that can be held: everything, with reminders or without, series and rounds, sessions."""
    parts = configuration.parts
    sessions = [o.id for part in parts for o in occurrences_of(part) if o.session]
    return [EVERYTHING, BUT_REMINDERS, *(part.id for part in parts), *sessions]


def _nowhere(subject: str, known: Sequence[str]) -> str:
    sessions = [name for name in known if "." in name]
    example = f"a session such as {sessions[0]}, " if sessions else ""
    ours = (EVERYTHING, BUT_REMINDERS)
    parts = listed(dict.fromkeys(name for name in known if "." not in name and name not in ours))
    otherwise = f"write {example}a series or round ({parts}), or {EVERYTHING}"
    return f"there is no {quoted(subject)}; {did_you_mean(subject, known, otherwise)}"
