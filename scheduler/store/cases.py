"""Cases of reporting rounds as rows, and the log of what was said and done about them.

Whoever changes cases holds the ledger first, reads them, and writes what became of them as moves: so a log
line stands with each change, and no two decide on one case at once.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Executable,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.cases import AWAITED, CALENDAR, COME, Case, Move, State, past, turned
from scheduler.model.cycles import Duty
from scheduler.model.drafts import Draft, TooLong
from scheduler.store.database import among
from scheduler.store.listed import INSTANT, NUMBER, TEXT, Listed
from scheduler.store.tables import case_log, cases, members

_COME = sorted(state.value for state in COME)
#: States that the calendar ends.
_TURNING = [state.value for state in (State.DUE, State.OPEN, State.DRAFT)]
#: Of more than so many all are read: a statement takes no more parameters than some ten thousand.
_MOST_NAMED = 500


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    cycle: str
    #: slug
    member: str
    at: datetime
    actor: str
    #: empty: the case was not known before
    before: str
    after: str
    reason: str
    #: what a letter says that was released
    letter: str | None


async def read(
    connection: AsyncConnection, cycle: str | None = None, members_: Collection[str] | None = None
) -> list[Case]:
    """The cases of one cycle, or of all; of these members (slugs), or of all. Ordered by cycle, then slug."""
    query = _cases()
    if cycle is not None:
        query = query.where(cases.c.cycle == cycle)
    if members_ is not None and len(members_) <= _MOST_NAMED:
        query = query.where(members.c.slug.in_(members_))
    rows = (await connection.execute(query)).all()
    found = await asyncio.to_thread(_all_cases, rows)
    return found if members_ is None else _of(members_, found)


def _all_cases(rows: Sequence[Row[Any]]) -> list[Case]:
    """Of thousands it takes long enough to stall an event loop."""
    return [_case(row._mapping) for row in rows]


def _of(slugs: Collection[str], found: list[Case]) -> list[Case]:
    wanted = frozenset(slugs)
    return [case for case in found if case.member in wanted]


async def read_page(connection: AsyncConnection, cycle: str, after: str, most: int) -> list[Case]:
    """So many cases of one cycle at the most, in the same order, from the first slug after `after` on."""
    query = _cases().where(cases.c.cycle == cycle, members.c.slug > after).limit(most)
    return [_case(row._mapping) for row in await connection.execute(query)]


@dataclass(frozen=True)
class Known:
    """A case with the city's own code, where the survey has made it."""

    case: Case
    code: str = field(repr=False)


async def read_known(connection: AsyncConnection, cycle: str, slugs: Collection[str]) -> list[Known]:
    """Of these members, for mails that print the code."""
    query = _cases().add_columns(cases.c.code).where(cases.c.cycle == cycle, members.c.slug.in_(slugs))
    rows = [dict(row._mapping) for row in await connection.execute(query)]
    return [Known(code=row.pop("code") or "", case=_case(row)) for row in rows]


async def sent_back(connection: AsyncConnection, cycle: str) -> dict[str, datetime]:
    """Slug -> when its report was last sent back, of those that are asked for it again."""
    query = select(members.c.slug, func.max(case_log.c.at).label("at")).join(
        members, members.c.id == case_log.c.member_id
    )
    query = query.where(
        case_log.c.cycle == cycle,
        case_log.c.before.in_([State.SUBMITTED.value, State.IN_REVIEW.value]),
        case_log.c.after.in_([state.value for state in AWAITED]),
    )
    return {row.slug: row.at for row in await connection.execute(query.group_by(members.c.slug))}


async def by_place(connection: AsyncConnection) -> dict[tuple[str, str], Case]:
    """All cases by cycle and slug."""
    return {(case.cycle, case.member): case for case in await read(connection)}


async def decided(connection: AsyncConnection) -> list[Case]:
    """Those of which a person has decided what bears on the configuration."""
    query = _cases().where(cases.c.decision.is_not(None) | cases.c.ends_on.is_not(None))
    return [_case(row._mapping) for row in await connection.execute(query)]


async def write(connection: AsyncConnection, moves: Sequence[Move], ids: Mapping[str, int], by: str) -> None:
    """Writes what became of cases, with its lines in the log. ids: slug -> row id of the member.

    A statement each for all of them: thousands of reports come with one export.
    """
    asked = await asyncio.to_thread(lambda: list(_written(connection.dialect.name, moves, ids, by)))
    for statement, parameters in asked:
        await connection.execute(statement, parameters)


def _written(
    dialect: str, moves: Sequence[Move], ids: Mapping[str, int], by: str
) -> Iterator[tuple[Executable, dict[str, Any]]]:
    new = [_values(move.after, ids) for move in moves if not move.before]
    # of two moves of one case the last one is what it is now
    last = {(move.after.cycle, move.after.member): move for move in moves if move.before}
    changed = [_values(move.after, ids) for move in last.values()]
    lines = [_line(move, ids, by) for move in moves]
    insert, change, note = _statements(dialect)
    for statement, listed, rows in ((insert, _CASES, new), (change, _CASES, changed), (note, _LINES, lines)):
        if rows:
            yield statement, listed.parameters(dialect, rows)


async def turn(connection: AsyncConnection, ids: Mapping[str, int], now: datetime) -> datetime | None:
    """Moves cases on to where the calendar has taken them; gives when it moves the next one, None: none."""
    next_at = await _next_turn(connection)
    if next_at is None or next_at > now:
        return next_at
    opened = and_(cases.c.state == State.DUE.value, cases.c.opens_at <= now)
    passed = and_(cases.c.state.in_(_TURNING), cases.c.deadline_at < now)
    rows = (await connection.execute(_cases().where(opened | passed))).all()
    await write(connection, await asyncio.to_thread(_turned, rows, now), ids, CALENDAR)
    return await _next_turn(connection)


def _turned(rows: Sequence[Row[Any]], now: datetime) -> list[Move]:
    return [move for case in _all_cases(rows) if (move := turned(case, now))]


#: Asked at every look.
_TURNS = select(
    select(func.min(cases.c.opens_at)).where(cases.c.state == State.DUE.value).scalar_subquery(),
    select(func.min(cases.c.deadline_at)).where(cases.c.state.in_(_TURNING)).scalar_subquery(),
)


async def _next_turn(connection: AsyncConnection) -> datetime | None:
    opens_at, deadline_at = (await connection.execute(_TURNS)).one()
    past_at = past(deadline_at) if deadline_at else None
    return min((at for at in (opens_at, past_at) if at is not None), default=None)


async def come(connection: AsyncConnection) -> dict[str, frozenset[str]]:
    """Cycle -> slugs of those who are not asked for a report, because it has come, or the case has ended."""
    found: dict[str, set[str]] = defaultdict(set)
    query = select(cases.c.cycle, members.c.slug).join(members, members.c.id == cases.c.member_id)
    for cycle, slug in await connection.execute(query.where(cases.c.state.in_(_COME))):
        found[cycle].add(slug)
    return {cycle: frozenset(slugs) for cycle, slugs in found.items()}


async def revised(connection: AsyncConnection) -> dict[tuple[str, str], tuple[int, datetime | None]]:
    """(cycle, slug) -> SEQUENCE of its deadline, where it is not 0, and when that last moved; None: it is
    what the round's was when the case was made."""
    query = select(cases.c.cycle, members.c.slug, cases.c.revision, cases.c.revised_at)
    rows = await connection.execute(
        query.join(members, members.c.id == cases.c.member_id).where(cases.c.revision > 0)
    )
    return {(cycle, slug): (revision, at) for cycle, slug, revision, at in rows}


async def rounds(connection: AsyncConnection) -> frozenset[str]:
    """The cycles that have cases."""
    return frozenset(await connection.scalars(select(cases.c.cycle).distinct()))


async def codes(connection: AsyncConnection, cycle: str) -> dict[str, str]:
    """Slug -> code, of those whose code the survey has made."""
    query = select(members.c.slug, cases.c.code).join(members, members.c.id == cases.c.member_id)
    rows = await connection.execute(query.where(cases.c.cycle == cycle, cases.c.code.is_not(None)))
    return {row.slug: row.code for row in rows}


async def write_codes(
    connection: AsyncConnection, cycle: str, found: Mapping[str, str | None], ids: Mapping[str, int]
) -> None:
    """found: slug -> code; None: it is worked out again."""
    mine = and_(cases.c.cycle == cycle, cases.c.member_id == bindparam("of_member"))
    change = update(cases).where(mine).values(code=bindparam("new_code"))
    if found:
        rows = [{"of_member": ids[slug], "new_code": code} for slug, code in found.items()]
        await connection.execute(change, rows)


async def log(connection: AsyncConnection, cycle: str, member: str | None = None) -> list[Line]:
    """The lines of a cycle, or of one member (slug) in it, in the order in which they were written."""
    columns = (case_log.c.cycle, members.c.slug, case_log.c.at, case_log.c.actor)
    query = select(*columns, case_log.c.before, case_log.c.after, case_log.c.reason, case_log.c.letter)
    query = query.join(members, members.c.id == case_log.c.member_id).where(case_log.c.cycle == cycle)
    if member is not None:
        query = query.where(members.c.slug == member)
    return [Line(*row) for row in await connection.execute(query.order_by(case_log.c.id))]


def has_come(cycle: ColumnElement[str], member_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Of a cycle and a member in a query: it is not asked for a report, because it has come, or has ended."""
    return exists().where(cases.c.cycle == cycle, cases.c.member_id == member_id, cases.c.state.in_(_COME))


def of_case(name: str, cycle: ColumnElement[str], member_id: ColumnElement[int]) -> Any:
    """One value of a case, of a cycle and a member in a query."""
    mine = and_(cases.c.cycle == cycle, cases.c.member_id == member_id)
    return select(cases.c[name]).where(mine).scalar_subquery()


async def count_letter(connection: AsyncConnection, cycle: str, member_ids: Collection[int]) -> None:
    """One more letter for each of these cases: it gets a key of its own."""
    mine = and_(cases.c.cycle == cycle, cases.c.member_id.in_(among(member_ids, connection)))
    await connection.execute(update(cases).where(mine).values(letters=cases.c.letters + 1))


# rows

#: The columns of a case that are written as they are.
_PLAIN = (
    *("since", "opens_at", "deadline_at", "revision", "revised_at", "submitted_at"),
    *("released_at", "ends_on"),
)
_DATE = Date()
_CASES = Listed(
    (
        *(("cycle", TEXT), ("member_id", NUMBER), ("state", TEXT), ("decision", TEXT), ("draft", TEXT)),
        *(("since", INSTANT), ("opens_at", INSTANT), ("deadline_at", INSTANT), ("revision", NUMBER)),
        *(("revised_at", INSTANT), ("submitted_at", INSTANT), ("released_at", INSTANT), ("ends_on", _DATE)),
    )
)
_LINES = Listed(
    (
        *(("cycle", TEXT), ("member_id", NUMBER), ("at", INSTANT), ("actor", TEXT), ("before", TEXT)),
        *(("after", TEXT), ("reason", TEXT), ("letter", TEXT)),
    )
)


@lru_cache(maxsize=2)
def _statements(dialect: str) -> tuple[Executable, Executable, Executable]:
    """What makes cases, what changes them, and what adds lines to the log in their order."""
    values, lines = _CASES.table(dialect), _LINES.table(dialect)
    mine = and_(cases.c.cycle == values.c.cycle, cases.c.member_id == values.c.member_id)
    changed = {name: values.c[name] for name, _ in _CASES.columns if name not in ("cycle", "member_id")}
    return (
        cases.insert().from_select([name for name, _ in _CASES.columns], select(*values.c)),
        update(cases).where(mine).values(**changed),
        case_log.insert().from_select([name for name, _ in _LINES.columns], select(*lines.c)),
    )


def _cases() -> Select[Any]:
    columns = (cases.c[name] for name in ("cycle", "state", *_PLAIN, "decision", "draft"))
    found = select(members.c.slug, *columns).join(members, members.c.id == cases.c.member_id)
    return found.order_by(cases.c.cycle, members.c.slug)


def _case(row: Mapping[Any, Any]) -> Case:
    values = dict(row)
    draft, decision = values.pop("draft"), values.pop("decision")
    return Case(
        member=values.pop("slug"),
        state=State(values.pop("state")),
        decision=Duty(decision) if decision else None,
        draft=read_draft(draft) if draft else None,
        **values,
    )


def _values(case: Case, ids: Mapping[str, int]) -> tuple[Any, ...]:
    """In the order of _CASES."""
    return (
        *(case.cycle, ids[case.member], case.state.value, case.decision.value if case.decision else None),
        write_draft(case.draft) if case.draft else None,
        *(case.since, case.opens_at, case.deadline_at, case.revision, case.revised_at),
        *(case.submitted_at, case.released_at, case.ends_on.isoformat() if case.ends_on else None),
    )


def _line(move: Move, ids: Mapping[str, int], by: str) -> tuple[Any, ...]:
    """In the order of _LINES."""
    return (
        *(move.after.cycle, ids[move.after.member], move.at, by),
        *(move.before.state.value if move.before else "", move.after.state.value, move.reason, move.letter),
    )


def write_draft(draft: Draft) -> str:
    values = {
        "started_at": draft.started_at.isoformat() if draft.started_at else None,
        "last_page": draft.last_page,
        "answered": draft.answered,
        "unanswered": draft.unanswered,
        "too_long": [asdict(one) for one in draft.too_long],
    }
    return json.dumps(values, separators=(",", ":"))


def read_draft(text: str) -> Draft:
    values = json.loads(text)
    started_at = values["started_at"]
    return Draft(
        datetime.fromisoformat(started_at) if started_at else None,
        values["last_page"],
        tuple(values["answered"]),
        tuple(values["unanswered"]),
        tuple(TooLong(**one) for one in values["too_long"]),
    )
