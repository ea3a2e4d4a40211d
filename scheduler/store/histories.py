"""What passed between us and contacts, read at once for all mails of a batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, Select, and_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.answers import Answer
from scheduler.model.cases import AWAITED
from scheduler.model.history import History
from scheduler.model.told import Told
from scheduler.store import cases
from scheduler.store.cases import Known
from scheduler.store.database import among, some_at_a_time
from scheduler.store.listed import NUMBER, Listed
from scheduler.store.outbox import SENT, Delivery, may_have_arrived
from scheduler.store.tables import Instant, answers, contacts, members, outbox, told

_TOLD = ("sequence", "method", "starts_at", "ends_at", "status", "place", "days")

_mine = outbox.alias("mine")
#: Sent by somebody who died, or whose reply was lost: it may have arrived. Nobody else claims one of two
#: rows (`outbox.claim`).
_perhaps = outbox.alias("perhaps")
_first = outbox.alias("first")
_earlier = outbox.alias("earlier")


_IDS = Listed((("id", NUMBER),))


async def read(connection: AsyncConnection, ids: Collection[int]) -> dict[int, History]:
    """Row id -> what passed before that row was first tried; the same at each try."""
    dialect = connection.dialect.name
    listed = _IDS.parameters(dialect, [(number,) for number in ids])
    rows = await connection.execute(_of_rows(dialect), listed)
    return {row.id: _history(row) async for row in some_at_a_time(rows)}


@lru_cache(maxsize=2)
def _of_rows(dialect: str) -> Select[Any]:
    """Put together once, for each batch asks it."""
    query = _histories(
        _mine, _mine.c.contact_id, _mine.c.occurrence, _mine.c.starts_at, _mine.c.first_try_at, _mine.c.id
    )
    return query.add_columns(_mine.c.id).where(_mine.c.id.in_(select(_IDS.table(dialect).c.id)))


async def with_mailboxes(
    connection: AsyncConnection, histories: dict[int, History], sharing: Collection[int]
) -> dict[int, History]:
    """The same, with what other contacts of the same mailbox were told before that row was first tried.

    sharing: the contacts that have a mailbox in common with others.
    """
    if not sharing:
        return histories
    me, other = contacts.alias("me"), contacts.alias("other")
    stamped_at = func.max(func.coalesce(told.c.stamped_at, told.c.told_at))
    query = (
        select(_mine.c.id, func.max(told.c.sequence).label("sequence"), stamped_at.label("stamped_at"))
        .join(me, me.c.id == _mine.c.contact_id)
        .join(other, and_(func.lower(other.c.address) == func.lower(me.c.address), other.c.id != me.c.id))
        .join(told, and_(told.c.contact_id == other.c.id, told.c.occurrence == _mine.c.occurrence))
        .where(_mine.c.id.in_(among(list(histories), connection)))
        .where(me.c.id.in_(among(sharing, connection)), other.c.id.in_(among(sharing, connection)))
        .where(_mine.c.method.is_not(None), told.c.told_at <= _mine.c.first_try_at)
        .group_by(_mine.c.id)
    )
    found = {row.id: row for row in await connection.execute(query)}
    return {
        number: history.beside(found[number].sequence, found[number].stamped_at)
        if number in found
        else history
        for number, history in histories.items()
    }


async def with_cases(
    connection: AsyncConnection,
    histories: dict[int, History],
    rows: Collection[Delivery],
    cities: Mapping[int, Collection[str]],
) -> dict[int, History]:
    """The same, with the cases of mails about reports. cities: row id of a digest -> slugs it can name."""
    known: dict[tuple[str, str], Known] = {}
    for cycle in {row.occurrence for row in rows}:
        slugs = {row.member for row in rows if row.occurrence == cycle}
        slugs.update(slug for row in rows if row.occurrence == cycle for slug in cities.get(row.id, ()))
        known |= {(cycle, one.case.member): one for one in await cases.read_known(connection, cycle, slugs)}
    found = dict(histories)
    for row in rows:
        one = known.get((row.occurrence, row.member))
        awaited = (slug for slug in cities.get(row.id, ()) if _is_awaited(known, row.occurrence, slug))
        found[row.id] = replace(
            histories[row.id],
            case=one.case if one else None,
            code=one.code if one else "",
            missing=tuple(awaited),
        )
    return found


def _is_awaited(known: Mapping[tuple[str, str], Known], cycle: str, slug: str) -> bool:
    one = known.get((cycle, slug))
    return one is not None and one.case.state in AWAITED


async def of_contact(
    connection: AsyncConnection,
    place: tuple[str, str, str],
    occurrence: str,
    starts_at: datetime | None,
    now: datetime,
) -> tuple[int, History] | None:
    """The id of a contact, and what passed about an occurrence that is to start then; None for one that
    never was in force.

    place: slug, role and address.
    """
    slug, role, address = place
    when, at = literal(starts_at, Instant), literal(now, Instant)
    query = _histories(contacts, contacts.c.id, literal(occurrence), when, at, literal(0))
    mine = (contacts.c.role == role, contacts.c.address == address)
    query = query.add_columns(contacts.c.id).where(*mine, contacts.c.member_id == _member_id(slug))
    row = (await connection.execute(query)).one_or_none()
    return (row.id, _history(row)) if row else None


def _member_id(slug: str) -> Any:
    return select(members.c.id).where(members.c.slug == slug).scalar_subquery()


def _histories(
    source: FromClause,
    contact_id: ColumnElement[int],
    occurrence: ColumnElement[str],
    starts_at: ColumnElement[datetime],
    tried_at: ColumnElement[datetime],
    row_id: ColumnElement[int],
) -> Select[Any]:
    """One row for each of `source`, whose columns the others are."""
    earlier = and_(_earlier.c.contact_id == contact_id, _earlier.c.occurrence == occurrence)
    was_sent = and_(_earlier.c.state == SENT, _earlier.c.sent_at <= tried_at, _earlier.c.id != row_id)
    was_begun = and_(may_have_arrived(_earlier), _earlier.c.id < row_id, _earlier.c.method.is_not(None))
    first = select(func.min(_earlier.c.id)).where(earlier, was_sent).correlate(source).scalar_subquery()
    begun = select(func.max(_earlier.c.id)).where(earlier, was_begun).correlate(source).scalar_subquery()
    is_answer = and_(
        answers.c.contact_id == contact_id,
        answers.c.occurrence == occurrence,
        answers.c.starts_at.is_not_distinct_from(starts_at),
        answers.c.given_at <= tried_at,
    )
    return (
        select(
            *(told.c[name].label(f"told_{name}") for name in (*_TOLD, "stamped_at", "told_at")),
            *(_perhaps.c[name].label(f"perhaps_{name}") for name in (*_TOLD, "inserted_at")),
            _first.c.message_id.label("first"),
            answers.c.answer,
        )
        .select_from(source)
        .outerjoin(told, and_(told.c.contact_id == contact_id, told.c.occurrence == occurrence))
        .outerjoin(_perhaps, _perhaps.c.id == begun)
        .outerjoin(_first, _first.c.id == first)
        .outerjoin(answers, is_answer)
    )


def _history(row: Row[Any]) -> History:
    known, stamped_at = _known(row, "told"), row.told_stamped_at or row.told_told_at
    perhaps = _known(row, "perhaps")
    is_in_doubt = perhaps is not None and (known is None or perhaps.sequence > known.sequence)
    if is_in_doubt:
        known, stamped_at = perhaps, History(stamped_at=stamped_at).stamp(row.perhaps_inserted_at)
    answer = Answer(row.answer) if row.answer else None
    return History(known, stamped_at, row.first or "", answer, is_in_doubt)


def _known(row: Row[Any], source: str) -> Told | None:
    if getattr(row, f"{source}_sequence") is None:  # of most mails nothing was said before
        return None
    return Told(**{name: getattr(row, f"{source}_{name}") for name in _TOLD})
