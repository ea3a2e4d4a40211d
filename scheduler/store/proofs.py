"""The mails of a reporting round, for those who must prove that a city was told: one by one, or counted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.notices import Kind
from scheduler.store.outbox import FAILED, SENT, UNSENT
from scheduler.store.tables import bounces, contacts, members, outbox


@dataclass(frozen=True)
class Mail:
    """One mail of a round, with what became of it."""

    #: row id
    id: int
    #: slug
    member: str
    role: str
    address: str
    kind: Kind
    rule: str
    state: str
    #: in words for staff; empty while all is well
    reason: str
    due_at: datetime
    sent_at: datetime | None
    #: the mail server's last words when it put it off, and when it took it
    reply: str | None
    receipt: str | None
    #: of the last report that came back about it: what it means, when, and the mail server's words
    returned: str | None
    returned_at: datetime | None
    returned_said: str | None


@dataclass(frozen=True)
class Count:
    """The mails of one kind to one role of one member, in numbers."""

    #: slug
    member: str
    role: str
    kind: Kind
    sent: int
    first_at: datetime | None
    last_at: datetime | None
    #: were tried, and did not arrive
    failed: int
    #: are still to be sent
    waiting: int


@dataclass(frozen=True)
class LastWords:
    """What the mail server said of the last mail to a member that it took, and of the last it did not."""

    receipt: str
    failure: str


async def mails(
    connection: AsyncConnection, cycle: str, slugs: Collection[str] | None = None
) -> dict[str, list[Mail]]:
    """Slug -> its mails in the order in which they fell due; of these members, or of all."""
    # gathered first: no index leads from a mail to its reports
    last = select(bounces.c.delivery_id, func.max(bounces.c.id).label("id")).group_by(bounces.c.delivery_id)
    latest = last.subquery("latest")
    source = (
        outbox.join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .outerjoin(latest, latest.c.delivery_id == outbox.c.id)
        .outerjoin(bounces, bounces.c.id == latest.c.id)
    )
    columns: list[ColumnElement[Any]] = [
        *(outbox.c.id, members.c.slug.label("member"), contacts.c.role, contacts.c.address),
        *(outbox.c[name] for name in ("kind", "rule", "state", "reason", "due_at", "sent_at")),
        *(outbox.c.reply, outbox.c.receipt),
        bounces.c.kind.label("returned"),
        bounces.c.received_at.label("returned_at"),
        bounces.c.said.label("returned_said"),
    ]
    query = select(*columns).select_from(source).where(outbox.c.occurrence == cycle, *_only(slugs))
    found: dict[str, list[Mail]] = {}
    for row in await connection.execute(query.order_by(outbox.c.due_at, outbox.c.id)):
        values = row._asdict()
        mail = Mail(**{**values, "kind": Kind(values["kind"])})
        found.setdefault(mail.member, []).append(mail)
    return found


async def counts(
    connection: AsyncConnection, cycle: str, slugs: Collection[str] | None = None
) -> dict[str, list[Count]]:
    """Slug -> its mails in numbers, by role and kind; of these members, or of all."""
    was_sent = outbox.c.state == SENT
    sent_at = case((was_sent, outbox.c.sent_at))
    query = (
        select(
            members.c.slug,
            contacts.c.role,
            outbox.c.kind,
            _number(was_sent),
            func.min(sent_at, type_=outbox.c.sent_at.type),
            func.max(sent_at, type_=outbox.c.sent_at.type),
            _number(outbox.c.state == FAILED),
            _number(outbox.c.state.in_(UNSENT)),
        )
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .where(outbox.c.occurrence == cycle, *_only(slugs))
        .group_by(members.c.slug, contacts.c.role, outbox.c.kind)
    )
    found: dict[str, list[Count]] = {}
    for slug, role, kind, *numbers in await connection.execute(query):
        found.setdefault(slug, []).append(Count(slug, role, Kind(kind), *numbers))
    return found


async def last_words(
    connection: AsyncConnection, cycle: str, slugs: Collection[str] | None = None
) -> dict[str, LastWords]:
    """Slug -> what mail servers said last; digests are about several members, and are left out."""
    said: dict[str, dict[str, str]] = {}
    for state, column in ((SENT, outbox.c.receipt), (FAILED, outbox.c.reason)):
        rows = await connection.execute(_latest(cycle, state, column, slugs))
        for slug, words in rows:
            said.setdefault(slug, {})[state] = words or ""
    return {slug: LastWords(words.get(SENT, ""), words.get(FAILED, "")) for slug, words in said.items()}


def _latest(cycle: str, state: str, column: ColumnElement[Any], slugs: Collection[str] | None) -> Select[Any]:
    theirs = (
        outbox.c.occurrence == cycle,
        outbox.c.state == state,
        outbox.c.kind != Kind.REPORT_DIGEST.value,
    )
    latest = (
        select(func.max(outbox.c.id).label("id"), contacts.c.member_id)
        .join(contacts, contacts.c.id == outbox.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .where(*theirs, *_only(slugs))
        .group_by(contacts.c.member_id)
        .subquery("latest")
    )
    found = select(members.c.slug, column).join(latest, latest.c.id == outbox.c.id)
    return found.join(members, members.c.id == latest.c.member_id)


def _only(slugs: Collection[str] | None) -> list[ColumnElement[bool]]:
    return [] if slugs is None else [members.c.slug.in_(slugs)]


def _number(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((which, 1), else_=0)), 0)
