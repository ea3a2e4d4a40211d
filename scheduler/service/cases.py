"""The one door through which something is said of cases: by a person, by an export of the survey, over HTTP.

Whatever is said of several is done for all of them or for none. A report that has come stops at once what
asks for it: rows that wait are withdrawn, and what is claimed is called back before it is begun. The letters
in which a round ends have a door of their own (`releasing.py`).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler import logs
from scheduler.configuration.problems import did_you_mean, listed, quoted
from scheduler.errors import CasesRefused, SchedulerError
from scheduler.model.cases import (
    AWAITED,
    COME,
    IDLE,
    SAYABLE,
    Case,
    Learnt,
    Move,
    State,
    turned,
)
from scheduler.model.cycles import Cycle, Duty
from scheduler.model.drafts import Draft
from scheduler.model.moments import LETTER_USEFUL
from scheduler.model.notices import ASKING, AWAITING, OUTCOMES, Kind, NoticeRule
from scheduler.model.programme import occurrences_of
from scheduler.service.apply import Decided, put_anew
from scheduler.service.engine import settle
from scheduler.service.in_force import InForce, Memory
from scheduler.service.one_member import passed_slots
from scheduler.store import cases, ledger
from scheduler.store.database import Connection, Database
from scheduler.store.duties import REPORT_CAME, fire, foresee, withdraw_of_cases
from scheduler.store.duties import Duty as Row
from scheduler.store.outbox import Delivery

_log = logs.get("cases")

#: How far the clock of a program or of the survey may be ahead of ours.
AHEAD = timedelta(minutes=2)


@dataclass(frozen=True)
class Said:
    """What somebody says of one case."""

    #: slug
    member: str
    #: one of SAYABLE
    state: State
    #: when a report came; None: now
    at: datetime | None = None
    #: in words for staff; empty: none was given
    reason: str = ""
    #: of a draft, or of a report that came, how far it was
    draft: Draft | None = None
    #: of a report that has come by now this is not said: when it came, and what became of it, stays
    if_awaited: bool = False


@dataclass(frozen=True)
class Done:
    """What became of what was said; with `dry` what would have."""

    moves: tuple[Move, ...]
    #: slugs of whom this was known already
    known: tuple[str, ...] = ()
    #: mails that waited and are not sent any more, and receipts that are
    withdrawn: int = 0
    receipts: int = 0


@dataclass(frozen=True)
class Cases:
    """Every method raises DatabaseAway, NothingInForce, SchedulerError for a round that is not in force, and
    CasesRefused with a sentence for each case of which that cannot be said; then nothing was changed."""

    database: Database
    memory: Memory

    async def record(
        self,
        cycle: str,
        said: Sequence[Said],
        *,
        by: str,
        now: datetime,
        dry: bool = False,
        also: Callable[[Connection, Done], Awaitable[None]] | None = None,
    ) -> Done:
        """by: who says it, for the log. dry: nothing is written. also: what is written in the same
        transaction, and may end it by raising."""
        if dry:
            async with self.database.read() as connection:
                moves, known = await self._moves(connection, cycle, said, now)
            return Done(tuple(moves), known)
        async with self.database.write() as connection:
            await ledger.hold(connection)
            in_force = await self.memory.current(connection)
            moves, known = await self._moves(connection, cycle, said, now)
            await cases.write(connection, moves, in_force.member_ids, by)
            done = await _follow(connection, in_force, in_force.cycles[cycle], moves, now)
            done = replace(done, known=known)
            if moves:
                await ledger.raise_generation(connection)
            if also:
                await also(connection, done)
        for move in moves:
            _log.info(
                "said of a case",
                action="case",
                cycle=cycle,
                member=move.after.member,
                before=move.before.state.value if move.before else "",
                after=move.after.state.value,
            )
        return done

    async def decide(
        self,
        cycle: str,
        members: Sequence[str],
        duty: Duty,
        *,
        because: str,
        by: str,
        now: datetime,
        key: bytes | None = None,
    ) -> None:
        """A person says who must report, whatever the files say: DUE or EXCEPTED; UNDECIDED: what the files
        say counts again. It comes into force at once; key: as for `put_in_force`."""
        async with self.database.read() as connection:
            in_force = await self.memory.current(connection)
            cycle_of(in_force.cycles, cycle)
            known = {case.member: case for case in await cases.read(connection, cycle, members)}
        _refuse(list(_undecidable(in_force, cycle, known, members)))
        learnt = Learnt(tuple((cycle, slug, duty) for slug in members))
        why = {(cycle, slug): because for slug in members}
        await put_anew(self.database, now=now, by=by, decided=Decided(learnt, why), key=key)

    async def _moves(
        self, connection: Connection, cycle: str, said: Sequence[Said], now: datetime
    ) -> tuple[list[Move], tuple[str, ...]]:
        in_force = await self.memory.current(connection)
        of = cycle_of(in_force.cycles, cycle)
        slugs = [one.member for one in said]
        found = {case.member: case for case in await cases.read(connection, cycle, slugs)}
        moves: list[Move] = []
        known: list[str] = []
        problems: list[str] = []
        for one in said:
            case = found.get(one.member)
            if one.if_awaited and case and case.submitted_at:
                known.append(one.member)
                continue
            by_itself = turned(case, now) if case else None
            before = by_itself.after if by_itself else case
            why = _why_not(in_force, of, before, one, now)
            if why:
                problems.append(why)
            if before is None or why:
                continue
            moved = _said(before, one, now)
            if moved == before:
                known.append(one.member)
                continue
            moves += [by_itself] if by_itself else []
            moves.append(Move(before, moved, now, _reason(one, moved)))
            found[one.member] = moved
        _refuse(problems)
        return moves, tuple(known)


def cycle_of(cycles: Mapping[str, Cycle], name: str) -> Cycle:
    """Raises SchedulerError for a round that is not in force."""
    if name in cycles:
        return cycles[name]
    instead = did_you_mean(name, cycles, f"known rounds: {listed(cycles) or 'none'}")
    raise SchedulerError(f"no round {quoted(name)} is in force; {instead}")


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise CasesRefused(tuple(problems))


def _why_not(in_force: InForce, cycle: Cycle, case: Case | None, said: Said, now: datetime) -> str:
    """Why that cannot be said of a case as it is now, in one sentence; empty where it can."""
    slug = said.member
    if case is None:
        what = "no member" if slug not in in_force.members else f"not concerned by {cycle.id}"
        return f"{slug} is {what}"
    if said.at and said.at > now + AHEAD:
        return f"{slug}: a report cannot have come at {said.at:%Y-%m-%d %H:%M} UTC, which is still to come"
    if said.at and f"{said.at:%Y-%m}" < cycle.period[0]:
        return f"{slug}: a report cannot have come at {said.at:%Y-%m-%d}, before the time that it is about"
    if case.state is State.UNDECIDED:
        return f"{slug} is undecided in {cycle.id}; first: scheduler cases decide {slug} --cycle {cycle.id}"
    if case.state in IDLE:
        return f"{slug} need not report in {cycle.id}: {case.state}"
    if case.released_at and said.state is not State.SUBMITTED:
        return f"{slug}: the letter that says “{case.state}” is released already"
    if case.released_at:
        return f"{slug}: its case is closed, and the letter that says “{case.state}” is released"
    if said.state is State.NOT_SUBMITTED and case.state in AWAITED and case.state is not State.CLOSED:
        return f"{slug}: its deadline, {case.deadline_at:%Y-%m-%d %H:%M:%S} UTC, has not passed yet"
    allowed = SAYABLE.get(said.state, frozenset())
    if case.state not in allowed and case.state is not said.state:
        instead = f"it must be {listed(sorted(allowed))} for that" if allowed else "nobody can say that"
        return f"{slug} is {case.state}, so it cannot become {said.state}: {instead}"
    return ""


def _said(case: Case, said: Said, now: datetime) -> Case:
    """The case as it is then; the same where that was known."""
    match said.state:
        case State.DRAFT:
            state = State.DRAFT if case.state is not State.CLOSED else State.CLOSED
            moved = replace(case, state=state, draft=said.draft or case.draft or Draft())
        case State.SUBMITTED if case.submitted_at and case.state is State.SUBMITTED:
            moved = replace(case, submitted_at=said.at or case.submitted_at, draft=said.draft or case.draft)
        case State.SUBMITTED:
            moved = replace(
                case,
                state=State.SUBMITTED,
                submitted_at=case.submitted_at or said.at or now,
                draft=said.draft or case.draft,
            )
        case State.OPEN:
            moved = replace(case, state=case.by_calendar(now), submitted_at=None)
        case _:
            moved = replace(case, state=said.state)
    return replace(moved, since=now) if moved.state is not case.state else moved


def _reason(said: Said, moved: Case) -> str:
    parts = [said.reason] if said.reason else []
    if said.state is State.SUBMITTED and moved.submitted_at:
        late = ", after its deadline" if moved.is_late else ""
        parts.append(f"the report came at {moved.submitted_at:%Y-%m-%d %H:%M:%S} UTC{late}")
    if said.state is State.OPEN:
        parts.append("the report is asked for again")
    return "; ".join(parts)


async def _follow(
    connection: Connection, in_force: InForce, cycle: Cycle, moves: Sequence[Move], now: datetime
) -> Done:
    """Reports that came are asked for no more, and get a receipt."""
    ids = in_force.member_ids
    came = [ids[move.after.member] for move in moves if move.is_answer]
    submitted = {ids[m.after.member] for m in moves if _came_first(m)}
    await _ask_again(connection, in_force, moves, now)
    if not (came or submitted):
        return Done(tuple(moves))
    withdrawn = await withdraw_of_cases(connection, cycle.id, came, ASKING, REPORT_CAME)
    receipts = await fire_letters(connection, in_force, cycle, Kind.REPORT_RECEIVED, submitted, now)
    return Done(tuple(moves), withdrawn=withdrawn, receipts=receipts)


def _came_first(move: Move) -> bool:
    """There was no report, and now there is one; also where it was noted already that none came."""
    had = move.before is not None and move.before.submitted_at is not None
    return move.after.state is State.SUBMITTED and not had


async def _ask_again(connection: Connection, in_force: InForce, moves: Sequence[Move], now: datetime) -> None:
    """Whose report is sent back hears what it was not told in the meantime: another deadline, say."""
    back = [m.after.member for m in moves if m.before and m.before.state in COME and m.after.state in AWAITED]
    if back:
        members = [in_force.members[slug] for slug in back]
        slots = await asyncio.to_thread(passed_slots, in_force, members, now, of_rounds=True)
        of_reports = [slot for slot in slots if slot.rule.kind in AWAITING]
        await settle(connection, in_force, of_reports, now)


async def fire_letters(
    connection: Connection,
    in_force: InForce,
    cycle: Cycle,
    kind: Kind,
    member_ids: Collection[int],
    now: datetime,
) -> int:
    """The rows of a kind that is caused by what was said of cases; gives how many. None where the rule is
    switched off."""
    rule = rule_of(cycle, kind)
    if rule is None or not member_ids:
        return 0
    await cases.count_letter(connection, cycle.id, member_ids)
    return sum([await fire(connection, row, now) for row in _rows(in_force, cycle, rule, member_ids, now)])


async def foresee_letters(
    connection: Connection,
    in_force: InForce,
    cycle: Cycle,
    kind: Kind,
    member_ids: Collection[int],
    now: datetime,
) -> list[Delivery]:
    """The same rows before there are any; nothing is written."""
    rule = rule_of(cycle, kind)
    if rule is None or not member_ids:
        return []
    rows = _rows(in_force, cycle, rule, member_ids, now)
    return [found for row in rows for found in await foresee(connection, row, now)]


def rule_of(cycle: Cycle, kind: Kind) -> NoticeRule | None:
    """None where it is switched off."""
    return next((rule for rule in cycle.rules if rule.kind is kind and rule.enabled), None)


def _rows(
    in_force: InForce, cycle: Cycle, rule: NoticeRule, member_ids: Collection[int], now: datetime
) -> Iterator[Row]:
    """A receipt answers at once; other letters wait for the end of the city's quiet hours."""
    if rule.kind not in OUTCOMES:
        yield _row(in_force, cycle, rule, tuple(member_ids), now)
        return
    wanted, by_moment = frozenset(member_ids), defaultdict[datetime, list[int]](list)
    for member in in_force.configuration.members:
        number = in_force.member_ids[member.slug]
        if number in wanted:
            by_moment[in_force.network.quiet_hours.wait(now, member.zone)].append(number)
    for due_at in sorted(by_moment):
        yield _row(in_force, cycle, rule, tuple(by_moment[due_at]), due_at)


def _row(
    in_force: InForce, cycle: Cycle, rule: NoticeRule, member_ids: tuple[int, ...], due_at: datetime
) -> Row:
    """Instants of the case take the place of those of the round (`store/duties.py`)."""
    occurrence = occurrences_of(cycle)[0]
    return Row(
        occurrence=cycle.id,
        rule=rule.id,
        kind=rule.kind,
        roles=rule.to,
        member_ids=member_ids,
        uid=cycle.id,
        uid_domain=in_force.network.uid_domain,
        uid_by_member=True,
        method=None,
        revision=0,
        starts_at=None,
        ends_at=None,
        status=occurrence.status.value,
        place="",
        days="",
        due_at=due_at,
        useful_by=due_at + LETTER_USEFUL,
    )


def _undecidable(
    in_force: InForce, cycle: str, known: Mapping[str, Case], members: Sequence[str]
) -> Iterator[str]:
    for slug in members:
        if slug not in in_force.members:
            yield f"{slug} is no member"
        elif slug in known and known[slug].state not in IDLE | AWAITED:
            yield f"{slug} is {known[slug].state} in {cycle} already, so there is nothing to decide"
