"""A slot on its way to the outbox: one INSERT ... SELECT makes the rows of all contacts concerned."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.model.members import CHAIN, asked_of
from scheduler.model.notices import ASKING, OF_CASES, OF_ONE_CITY, REMINDERS, STATEFUL, Kind
from scheduler.model.told import CANCEL, REQUEST, words_rest_on
from scheduler.store import feed_addresses
from scheduler.store.answers import has_declined
from scheduler.store.cases import has_come, of_case
from scheduler.store.database import among, among_named, insert_for
from scheduler.store.holds import BUT_REMINDERS
from scheduler.store.outbox import (
    AT_REST,
    MISSED,
    QUEUED,
    REPLACED,
    UNSENT,
    Delivery,
    may_have_arrived,
    urgency,
    withdrawn,
)
from scheduler.store.suppressions import EVERYTHING, WEBINARS, is_suppressed
from scheduler.store.tables import Instant, contacts, holds, members, outbox, revisions, told

#: The mail that a contact is just getting: handed over or not, it counts as told (P08, P09).
flying = outbox.alias("flying")

#: Why a reminder is not sent, in words for staff.
OVERTAKEN = "a later reminder took its place"
TOLD_NOW = "the mail it would remind of goes out at the same time"
#: Why a row is withdrawn.
RULE_CHANGED = "the rule was changed"
REPORT_CAME = "the report has come, or none is asked for any more"


@dataclass(frozen=True)
class Duty:
    """A slot on its way to the outbox: what is told, to which roles of which members."""

    occurrence: str
    rule: str
    kind: Kind
    roles: tuple[str, ...]
    #: row ids of the members concerned
    member_ids: tuple[int, ...]
    #: id of the calendar item, before the @
    uid: str
    uid_domain: str
    #: every member has an item of its own: `<uid>.<slug>@<domain>`
    uid_by_member: bool
    method: str | None
    #: how often the occurrence was revised
    revision: int
    starts_at: datetime | None
    ends_at: datetime | None
    status: str
    place: str
    #: of a session without an hour
    days: str
    due_at: datetime
    useful_by: datetime
    #: since when the rule is as it is; None: since before the occurrence was known
    rule_since: datetime | None = None
    #: by how much `ends_at` may differ from what was told and still be the same
    slack: timedelta = timedelta(0)
    #: anything but empty makes it a row that is only recorded as missed
    missed_because: str = ""
    #: row ids of contacts that have their mailbox in common with others
    sharing: tuple[int, ...] = ()
    #: of a cancellation for who is no longer meant: those of them that still are
    keepers: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Shape:
    """What the statement of a duty is put together by; all else travels as parameters. A pass has many duties
    and few shapes, and to put one together takes longer than to ask it."""

    dialect: str
    kind: Kind
    roles: tuple[str, ...]
    method: str | None
    uid_by_member: bool
    #: the session has an hour
    has_hour: bool
    #: contacts have mailboxes in common; some of them are meant for another city
    has_sharing: bool
    has_keepers: bool
    #: it is only recorded as missed, because a later one took its place, or for another reason
    is_missed: bool
    is_overtaken: bool

    @classmethod
    def of(cls, connection: AsyncConnection, duty: Duty) -> _Shape:
        return cls(
            connection.dialect.name,
            duty.kind,
            duty.roles,
            duty.method,
            duty.uid_by_member,
            duty.starts_at is not None,
            bool(duty.sharing),
            bool(duty.keepers),
            bool(duty.missed_because),
            duty.missed_because == OVERTAKEN,
        )

    def among(self, name: str) -> Select[tuple[int]]:
        """The ids that travel under this name."""
        return among_named(_named(name), self.dialect)


def _named(name: str) -> str:
    """A parameter that had the name of a column would be taken for its value."""
    return f"duty_{name}"


def _text(name: str) -> BindParameter[str]:
    return bindparam(_named(name), type_=String)


def _instant(name: str) -> BindParameter[Any]:
    return bindparam(_named(name), type_=Instant)


#: What most statements name.
_OCCURRENCE = _text("occurrence")


def _parameters(duty: Duty, now: datetime) -> dict[str, Any]:
    """The values of a duty, by the names that its statement has for them."""
    domain = f"@{duty.uid_domain}"
    values = {
        "occurrence": duty.occurrence,
        "rule": duty.rule,
        "key_head": f"{duty.occurrence}|{duty.rule}|",
        "id_head": f"<{duty.occurrence}.{duty.rule}.",
        "id_tail": f"{domain}>",
        "basis": basis_of(duty),
        "uid_head": f"{duty.uid}." if duty.uid_by_member else duty.uid,
        "uid_tail": domain,
        "revision": duty.revision,
        "starts_at": duty.starts_at,
        "ends_at": duty.ends_at,
        "least_end": duty.ends_at - duty.slack if duty.ends_at else None,
        "most_end": duty.ends_at + duty.slack if duty.ends_at else None,
        "status": duty.status,
        "place": duty.place,
        "days": duty.days,
        "due_at": duty.due_at,
        "useful_by": duty.useful_by,
        "missed_because": duty.missed_because,
        "now": now,
        "member_ids": list(duty.member_ids),
        "sharing": list(duty.sharing),
        "keepers": list(duty.keepers),
    }
    return {_named(name): value for name, value in values.items()}


async def heard_of(connection: AsyncConnection, occurrences: Collection[str]) -> frozenset[str]:
    """Those of the occurrences that somebody was told, or is just being told: only they can be corrected."""
    name = revisions.c.occurrence
    begun = and_(outbox.c.occurrence == name, may_have_arrived(outbox))
    was_told = or_(exists().where(told.c.occurrence == name), exists().where(begun))
    query = select(name).where(name.in_(occurrences), was_told)
    return frozenset(await connection.scalars(query))


async def fire(connection: AsyncConnection, duty: Duty, now: datetime) -> int:
    """The rows of one slot; those that exist already stay as they are. Gives how many are new."""
    made = await connection.execute(_insert(_Shape.of(connection, duty)), _parameters(duty, now))
    return made.rowcount


@lru_cache(maxsize=256)
def _insert(shape: _Shape) -> Any:
    names, rows = _rows(shape)
    insert = insert_for(shape.dialect, outbox).from_select(names, rows).on_conflict_do_nothing()
    # PostgreSQL's driver counts the rows of an INSERT only when asked to
    return insert.execution_options(preserve_rowcount=True)


async def foresee(connection: AsyncConnection, duty: Duty, now: datetime) -> list[Delivery]:
    """The rows that `fire` would make, as they would be; nothing is written."""
    rows = _rows(_Shape.of(connection, duty))[1].subquery("foreseen")
    theirs = (contacts.c.role, contacts.c.address, contacts.c.name, contacts.c.is_listed)
    query = (
        select(rows, members.c.slug, *theirs, feed_addresses.printed(members.c.id).label("generation"))
        .join(contacts, contacts.c.id == rows.c.contact_id)
        .join(members, members.c.id == contacts.c.member_id)
        .order_by(rows.c.contact_id)
    )
    found = await connection.execute(query, _parameters(duty, now))
    return [_foreseen(dict(row._mapping)) for row in found]


def _foreseen(row: dict[str, Any]) -> Delivery:
    known = {name: row[name] for name in Delivery.__dataclass_fields__ if name in row}
    unknown = dict.fromkeys(("first_try_at", "sent_at", "receipt", "zone"))
    return Delivery(
        **{**known, **unknown, "id": 0, "kind": Kind(row["kind"]), "member": row["slug"]},
        feed_generation=row["generation"],
    )


def _rows(shape: _Shape) -> tuple[list[str], Select[Any]]:
    """The names of the columns, and the rows of all contacts concerned."""
    meant = _meant(shape)
    basis: ColumnElement[str] = _text("basis")
    if shape.kind in OF_CASES:
        basis = cast(meant.c.letters, String)
    elif shape.kind is Kind.REPORT_MOVED:
        # a deadline that comes back after another one is news again
        basis = basis + literal("-") + cast(meant.c.revision, String)
    elif shape.method is not None:
        basis = cast(meant.c.sequence, String)
    contact = cast(meant.c.contact_id, String)
    values: dict[str, Any] = {
        "notice_key": _text("key_head") + contact + literal("|") + basis,
        "message_id": _text("id_head") + basis + literal(".") + contact + _text("id_tail"),
        "contact_id": meant.c.contact_id,
        "occurrence": _OCCURRENCE,
        "rule": _text("rule"),
        "kind": literal(shape.kind.value),
        "uid": meant.c.uid,
        "method": literal(shape.method) if shape.method else cast(null(), String),
        "sequence": meant.c.sequence,
        "starts_at": meant.c.submitted_at if shape.kind in OF_CASES else _instant("starts_at"),
        "ends_at": meant.c.deadline_at if shape.kind in OF_CASES else _instant("ends_at"),
        "status": _text("status"),
        "place": _text("place"),
        "days": _text("days"),
        "due_at": _instant("due_at"),
        "useful_by": meant.c.useful_by,
        "inserted_at": _instant("now"),
        "next_at": _instant("due_at"),
        "attempts": literal(0),
        "urgency": literal(urgency(shape.kind)),
        "state": case((meant.c.why_missed != "", MISSED), else_=QUEUED),
        "reason": meant.c.why_missed,
    }
    rows = select(*(value.label(name) for name, value in values.items())).order_by(meant.c.contact_id)
    return list(values), rows


def _meant(shape: _Shape) -> Subquery:
    """The contacts concerned, with what is not the same for all of them; each such value is worked out once,
    however many columns are made of it: its order keeps PostgreSQL from putting it in their place."""
    is_last_told = and_(told.c.contact_id == contacts.c.id, told.c.occurrence == _OCCURRENCE)
    is_newer_still = or_(told.c.sequence.is_(None), flying.c.sequence > told.c.sequence)
    is_in_flight = and_(flying.c.contact_id == contacts.c.id, flying.c.id.in_(_in_flight()))
    source = (
        contacts.join(members, members.c.id == contacts.c.member_id)
        .outerjoin(told, is_last_told)
        .outerjoin(flying, and_(is_in_flight, is_newer_still))
    )
    box = _of_mailboxes(shape) if shape.method and shape.has_sharing else None
    if box is not None:
        source = source.outerjoin(box, box.c.address == func.lower(contacts.c.address))
    return (
        select(
            contacts.c.id.label("contact_id"),
            _uid(shape).label("uid"),
            _sequence(shape, box).label("sequence"),
            _useful_by(shape).label("useful_by"),
            _why_missed(shape).label("why_missed"),
            *_case_of_each(shape),
        )
        .select_from(source)
        .where(contacts.c.member_id.in_(shape.among("member_ids")))
        .where(contacts.c.id.in_(_one_for_each_address(shape)))
        .where(_concerned(shape))
        .where(*_wants(shape), *_strikes_out_nothing(shape))
        .order_by(contacts.c.id)
        .subquery("meant")
    )


async def replace_older(connection: AsyncConnection, duty: Duty) -> None:
    """What goes into a calendar takes the place of what was to go there before and is not on its way yet:
    of several changes only the net one is told, and SEQUENCE never falls (P10)."""
    await _withdraw(connection, outbox.c.id.in_(_older_ones(duty)), REPLACED)


def _older_ones(duty: Duty) -> Select[tuple[int]]:
    """Of each contact all rows of this occurrence that are to go into its calendar, but the newest.

    One look through the rows of the occurrence. To ask of each whether there is a newer one would have
    PostgreSQL, while it has not counted a new table, compare each with all.
    """
    newest = func.max(outbox.c.id).over(partition_by=outbox.c.contact_id).label("newest")
    to_go = (outbox.c.occurrence == duty.occurrence, outbox.c.method.is_not(None), outbox.c.state.in_(UNSENT))
    found = select(outbox.c.id, newest).where(*to_go).subquery("found")
    return select(found.c.id).where(found.c.id < found.c.newest)


async def withdraw_of_older_rule(connection: AsyncConnection, duty: Duty) -> None:
    """Rows of the rule as it was before it was changed make room for those of its new moment (P12)."""
    if duty.rule_since is None:
        return
    theirs = select(contacts.c.id).where(contacts.c.member_id.in_(among(duty.member_ids, connection)))
    older = and_(
        outbox.c.occurrence == duty.occurrence,
        outbox.c.rule == duty.rule,
        outbox.c.due_at < literal(duty.rule_since, Instant),
        outbox.c.contact_id.in_(theirs),
    )
    await _withdraw(connection, older, RULE_CHANGED)


async def _withdraw(connection: AsyncConnection, which: ColumnElement[bool], reason: str) -> None:
    waiting = outbox.c.state.in_(AT_REST)
    await connection.execute(update(outbox).where(which, waiting).values(**withdrawn(reason)))


async def overtake(connection: AsyncConnection, duty: Duty) -> int:
    """A timed duty takes the place of earlier ones of its occurrence that are not on their way yet; gives how
    many."""
    theirs = select(contacts.c.id).where(
        contacts.c.member_id.in_(among(duty.member_ids, connection)), contacts.c.role.in_(duty.roles)
    )
    is_digest = outbox.c.kind == Kind.REPORT_DIGEST.value
    is_alike = is_digest if duty.kind is Kind.REPORT_DIGEST else ~is_digest
    earlier = and_(
        outbox.c.occurrence == duty.occurrence,
        outbox.c.due_at < literal(duty.due_at, Instant),
        outbox.c.state.in_(AT_REST),
        outbox.c.kind.not_in(kind.value for kind in STATEFUL | OF_CASES),
        # a digest is about other cities than the reader's own mail
        is_alike,
        outbox.c.contact_id.in_(theirs),
    )
    overtaken = update(outbox).where(earlier).values(state=MISSED, reason=OVERTAKEN)
    return (await connection.execute(overtaken)).rowcount


def _why_missed(shape: _Shape) -> ColumnElement[str]:
    """Why a row is only recorded; a reminder also where the news itself is still on its way. Not where a
    change waits for a person after an outage: who was invited is reminded of what is true now."""
    if shape.is_missed or shape.kind not in REMINDERS:
        return _text("missed_because")
    news = outbox.alias("news")
    on_its_way = exists().where(
        news.c.contact_id == contacts.c.id,
        news.c.occurrence == _OCCURRENCE,
        news.c.kind.in_(kind.value for kind in STATEFUL),
        news.c.state.in_(UNSENT),
        ~and_(news.c.kind == Kind.CHANGED.value, exists().where(holds.c.subject == BUT_REMINDERS)),
    )
    return case((on_its_way, TOLD_NOW), else_="")


def _one_for_each_address(shape: _Shape) -> Select[tuple[int]]:
    """Who holds two roles with one address is written to once, in the first of them. Nobody stands in where a
    later mail took the place of this one for some of the roles: it goes to the others of the same rule."""
    roles: ColumnElement[bool] = contacts.c.role.in_(shape.roles)
    may_pass = shape.kind in OF_ONE_CITY
    if may_pass and not shape.is_overtaken:
        roles = or_(roles, _stands_in(shape.roles))
    listed = [roles, contacts.c.is_listed == true()]
    if may_pass:
        listed.append(contacts.c.member_id.in_(shape.among("member_ids")))
    first = select(func.min(contacts.c.id)).where(*listed)
    return first.group_by(contacts.c.member_id, contacts.c.address)


def _stands_in(roles: tuple[str, ...]) -> ColumnElement[bool]:
    """Of a contact: none of those who are meant can be written to, and it is the next of the chain. As
    `stand_ins` in model/members.py; a test holds the two together."""
    found = []
    for position, role in enumerate(CHAIN):
        if role not in roles:
            other = contacts.alias("other")
            reached = exists().where(
                other.c.member_id == contacts.c.member_id,
                other.c.role.in_((*asked_of(roles), *CHAIN[:position])),
                other.c.is_listed == true(),
                ~is_suppressed(other.c.address, EVERYTHING),
            )
            found.append(and_(contacts.c.role == role, ~reached))
    return or_(false(), *found)


def _case_of_each(shape: _Shape) -> list[ColumnElement[Any]]:
    """What a letter about a case rests on, of the member of each contact."""
    if shape.kind is Kind.REPORT_MOVED:
        revision = of_case("revision", _OCCURRENCE, contacts.c.member_id)
        return [func.coalesce(revision, 0).label("revision")]
    if shape.kind not in OF_CASES:
        return []
    names = ("submitted_at", "deadline_at", "letters")
    return [of_case(name, _OCCURRENCE, contacts.c.member_id).label(name) for name in names]


async def withdraw_of_cases(
    connection: AsyncConnection, cycle: str, member_ids: Collection[int], kinds: Collection[Kind], why: str
) -> int:
    """What waits for these members is not sent any more; gives how many mails."""
    waiting = update(outbox).where(await _waits_for(connection, cycle, member_ids, kinds))
    return (await connection.execute(waiting.values(**withdrawn(why)))).rowcount


async def count_of_cases(
    connection: AsyncConnection, cycle: str, member_ids: Collection[int], kinds: Collection[Kind]
) -> int:
    """How many mails that would be."""
    query = select(contacts.c.member_id).join_from(outbox, contacts, contacts.c.id == outbox.c.contact_id)
    kind_is = outbox.c.kind.in_([kind.value for kind in kinds])
    query = query.where(outbox.c.occurrence == cycle, kind_is, outbox.c.state.in_(AT_REST))
    wanted = frozenset(member_ids)  # of thousands PostgreSQL would compare each with each
    return sum(member_id in wanted for member_id in await connection.scalars(query))


async def _waits_for(
    connection: AsyncConnection, cycle: str, member_ids: Collection[int], kinds: Collection[Kind]
) -> ColumnElement[bool]:
    """Contacts are looked up apart: of thousands of members PostgreSQL would compare each row with each."""
    theirs = select(contacts.c.id).where(contacts.c.member_id.in_(among(member_ids, connection)))
    ids = (await connection.scalars(theirs)).all()
    return and_(
        outbox.c.occurrence == cycle,
        outbox.c.contact_id.in_(among(ids, connection)),
        outbox.c.kind.in_([kind.value for kind in kinds]),
        outbox.c.state.in_(AT_REST),
    )


def _in_flight() -> Select[tuple[int]]:
    """Of each contact the row of this occurrence that is being sent, or whose reply was lost: a handful."""
    begun = and_(may_have_arrived(outbox), outbox.c.kind.in_(kind.value for kind in STATEFUL))
    latest = select(func.max(outbox.c.id)).where(begun, outbox.c.occurrence == _OCCURRENCE)
    return latest.group_by(outbox.c.contact_id)


def _known(name: str) -> ColumnElement[Any]:
    """What the contact knows: by the mail that it is just getting, else by the last one."""
    return case((flying.c.id.is_not(None), flying.c[name]), else_=told.c[name])


def _sequence(shape: _Shape, box: Subquery | None) -> ColumnElement[int]:
    """The revision for a first mail, later at least one more than was last told (DESIGN, 5.4), to whichever
    contact of the mailbox; and more than a mail that waits and says something else."""
    if shape.method is None:
        return bindparam(_named("revision"), type_=Integer)
    least: ColumnElement[int] = bindparam(_named("revision"), type_=Integer)
    others = [_known("sequence") + 1, _beyond_what_waits(shape)]
    for other in others if box is None else [*others, box.c.least]:
        least = case((other > least, other), else_=least)
    return least


def _beyond_what_waits(shape: _Shape) -> ColumnElement[int]:
    """The SEQUENCE of what waits for a contact where it says the same as the duty, which makes one row of the
    two; else one more, for with the same key the duty would get no row. NULL where nothing waits."""
    waits = outbox.alias("waits")
    says_otherwise = or_(waits.c.method != literal(shape.method), _differs(lambda name: waits.c[name]))
    theirs = and_(
        waits.c.contact_id == contacts.c.id,
        waits.c.occurrence == _OCCURRENCE,
        waits.c.method.is_not(None),
        waits.c.state.in_(AT_REST),
    )
    beyond = func.max(waits.c.sequence + case((says_otherwise, 1), else_=0))
    return select(beyond).where(theirs).correlate(contacts).scalar_subquery()


def _of_mailboxes(shape: _Shape) -> Subquery:
    """Of each mailbox that contacts have in common: the least SEQUENCE that its calendar takes for newer.

    More than what was told; as much as what waits, for that says the same, or more where it undoes it.
    """
    undoes = outbox.c.method != literal(shape.method)
    waits = (outbox.c.state.in_(UNSENT), outbox.c.method.is_not(None))
    said = union_all(
        select(told.c.contact_id, (told.c.sequence + 1).label("least")).where(
            told.c.occurrence == _OCCURRENCE, told.c.contact_id.in_(shape.among("sharing"))
        ),
        select(outbox.c.contact_id, outbox.c.sequence + case((undoes, 1), else_=0)).where(
            outbox.c.occurrence == _OCCURRENCE,
            outbox.c.contact_id.in_(shape.among("sharing")),
            *waits,
        ),
    ).subquery("said")
    other = contacts.alias("other")
    address = func.lower(other.c.address)
    least = func.max(said.c.least).label("least")
    boxes = select(address.label("address"), least).join(said, said.c.contact_id == other.c.id)
    return boxes.group_by(address).subquery("box")


def _strikes_out_nothing(shape: _Shape) -> list[ColumnElement[bool]]:
    """What stands in a mailbox for a city that is still meant is not cancelled there for another one."""
    if not shape.has_keepers:
        return []
    knows, waits, keeper = told.alias("knows"), outbox.alias("waits"), contacts.alias("keeper")
    invited = union_all(
        select(knows.c.contact_id).where(knows.c.occurrence == _OCCURRENCE, knows.c.method == REQUEST),
        select(waits.c.contact_id).where(
            waits.c.occurrence == _OCCURRENCE, waits.c.method == REQUEST, waits.c.state.in_(UNSENT)
        ),
    )
    stands = select(func.lower(keeper.c.address)).where(
        keeper.c.id.in_(shape.among("keepers")), keeper.c.id.in_(invited)
    )
    return [func.lower(contacts.c.address).not_in(stands)]


def basis_of(duty: Duty) -> str:
    """What the words of a mail without a calendar rest on."""
    at = duty.ends_at if duty.uid_by_member else duty.starts_at
    return words_rest_on(duty.kind, at, duty.rule_since)


def _uid(shape: _Shape) -> ColumnElement[str]:
    if shape.uid_by_member:
        return _text("uid_head") + members.c.slug + _text("uid_tail")
    return _text("uid_head") + _text("uid_tail")


def _useful_by(shape: _Shape) -> ColumnElement[datetime]:
    """A cancellation until the end that stands in the contact's calendar, if any does (US-13)."""
    latest = _instant("useful_by")
    return func.coalesce(_known("ends_at"), latest) if shape.kind is Kind.CANCELLED else latest


def _concerned(shape: _Shape) -> ColumnElement[bool]:
    """Compares what a contact should know with what it was last told; as `is_needed` in model/told.py."""
    knows_nothing = and_(told.c.contact_id.is_(None), flying.c.id.is_(None))
    invited, off = _known("method") == REQUEST, _known("method") == CANCEL
    match shape.kind:
        case Kind.ANNOUNCEMENT | Kind.REPORT_OPENED:
            return knows_nothing
        case Kind.INVITATION:
            return or_(knows_nothing, off)
        case Kind.CHANGED if not shape.has_hour:
            return or_(off, and_(invited, or_(_is_in_doubt(), _differs(_known))))
        case Kind.CHANGED:
            return and_(invited, or_(_is_in_doubt(), _differs(_known)))
        case Kind.CANCELLED:
            ends_at = _known("ends_at")
            return and_(invited, or_(ends_at.is_(None), ends_at > _instant("now")))
        case Kind.FOLLOW_UP:
            return invited
        case Kind.REPORT_MOVED:
            known, least, most = _known("ends_at"), _instant("least_end"), _instant("most_end")
            is_far = or_(known < least, known > most, known.is_(None), least.is_(None))
            return and_(~knows_nothing, known.is_distinct_from(_instant("ends_at")), is_far)
        case _:
            return true()


def _is_in_doubt() -> ColumnElement[bool]:
    """What the contact may know was handed over perhaps, and will not be tried again."""
    return and_(flying.c.id.is_not(None), flying.c.is_uncertain, flying.c.state.not_in(UNSENT))


def _wants(shape: _Shape) -> list[ColumnElement[bool]]:
    """Who ended the webinars' mails gets duties only, and whose mail came back nothing; who declined a
    session is not reminded of it."""
    if shape.uid_by_member:
        wants = [~is_suppressed(contacts.c.address, EVERYTHING)]
        if shape.kind in ASKING:
            wants.append(~has_come(_OCCURRENCE, contacts.c.member_id))
        return wants
    wants = [~is_suppressed(contacts.c.address, WEBINARS)]
    if shape.kind is Kind.REMINDER:
        wants.append(~has_declined(contacts.c.id, _OCCURRENCE))
    return wants


def _differs(known: Callable[[str], ColumnElement[Any]]) -> ColumnElement[bool]:
    """What a contact knows, or is about to read, is not what the duty tells."""
    return or_(
        known("starts_at").is_distinct_from(_instant("starts_at")),
        known("ends_at").is_distinct_from(_instant("ends_at")),
        known("status") != _text("status"),
        known("place") != _text("place"),
        # neither true nor false where they were not written down: no difference
        known("days") != _text("days"),
    )
