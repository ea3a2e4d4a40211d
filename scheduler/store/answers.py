"""What contacts answered to invitations. Who declined is not reminded, but told of changes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.answers import Answer
from scheduler.store import ledger
from scheduler.store.database import among, insert_into
from scheduler.store.tables import answers


@dataclass(frozen=True)
class Given:
    """One answer of one contact."""

    contact_id: int
    occurrence: str
    answer: Answer
    given_at: datetime
    #: "page" or "mail"
    through: str
    #: when the session was to start as it was answered; None while its hour was open
    starts_at: datetime | None


async def give(connection: AsyncConnection, given: Given) -> bool:
    """Writes an answer down; False where a later one is there already, which stays.

    A no, and a no taken back, is a decision: it calls back a reminder that is claimed and not begun (P09).
    """
    known = await of(connection, given.contact_id, given.occurrence)
    values = vars(given) | {"answer": given.answer.value}
    insert = insert_into(connection, answers).values(**values)
    written = await connection.execute(
        insert.on_conflict_do_update(
            index_elements=["contact_id", "occurrence"],
            set_={name: insert.excluded[name] for name in ("answer", "given_at", "through", "starts_at")},
            where=answers.c.given_at <= insert.excluded.given_at,
        )
    )
    had_declined = known is not None and known.answer is Answer.DECLINED
    if written.rowcount and had_declined != (given.answer is Answer.DECLINED):
        await ledger.raise_generation(connection)
    return bool(written.rowcount)


async def of(connection: AsyncConnection, contact_id: int, occurrence: str) -> Given | None:
    """What a contact answered last."""
    mine = and_(answers.c.contact_id == contact_id, answers.c.occurrence == occurrence)
    row = (await connection.execute(select(answers).where(mine))).one_or_none()
    return Given(**{**row._mapping, "answer": Answer(row.answer)}) if row else None


async def of_contacts(connection: AsyncConnection, contact_ids: Collection[int]) -> tuple[Given, ...]:
    """All that these contacts answered last."""
    mine = answers.c.contact_id.in_(among(contact_ids, connection))
    rows = await connection.execute(select(answers).where(mine))
    return tuple(Given(**{**row._mapping, "answer": Answer(row.answer)}) for row in rows)


async def count(connection: AsyncConnection) -> dict[str, Counter[Answer]]:
    """Occurrence -> how often each answer was given."""
    found: dict[str, Counter[Answer]] = defaultdict(Counter)
    query = select(answers.c.occurrence, answers.c.answer, func.count())
    rows = await connection.execute(query.group_by(answers.c.occurrence, answers.c.answer))
    for occurrence, answer, number in rows:
        found[occurrence][Answer(answer)] = number
    return dict(found)


def has_declined(contact_id: ColumnElement[int], occurrence: ColumnElement[str]) -> ColumnElement[bool]:
    """Of a contact and an occurrence in a query: the last answer was no."""
    return exists().where(
        answers.c.contact_id == contact_id,
        answers.c.occurrence == occurrence,
        answers.c.answer == Answer.DECLINED.value,
    )
