"""The one door through which reports of mail servers come in: what could not be delivered, and complaints.

A report counts for the mail whose signed address it was sent back to (`return_paths.py`), and for nothing
else: a Message-ID or a name in it can be written by anybody. What it does (reliability rules, 3.5; RFC 3463):

- the address does not exist, or its mailbox is closed: nothing is sent there any more, at once. What came
  back was not told, and is told again once somebody lifts that;
- the mailbox is full, or the mail was given up after many tries: after five different mails in 14 days;
- refused for another reason, such as its content: staff are told, and the address stays;
- a complaint: nothing is sent there any more, at once.

A mail about a report that came back has told nobody, whatever the reason: the next of the city's contacts is
told in its place (`passing_on.py`), and so it is of what waits for an address that is given up.

Mail that an address forwards to another one may fail there; that says less of the address that we write to,
so it is counted like a full mailbox.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from scheduler import logs
from scheduler.errors import NoReport, ReportRefused
from scheduler.mail import bounces as reports
from scheduler.mail.bounces import Action, Report, read_report, status_in
from scheduler.model.notices import STATEFUL
from scheduler.service.passing_on import pass_on, pass_on_waiting
from scheduler.service.return_paths import ReturnPaths
from scheduler.store import bounces, ledger, suppressions
from scheduler.store.bounces import Bounce, Kind, Mail
from scheduler.store.database import Connection, Database
from scheduler.store.outbox import SENT, Delivery
from scheduler.store.suppressions import EVERYTHING, Suppression, Whose

#: Octets of a mail that are enough to refuse it.
LARGEST_MAIL = reports.LARGEST
#: So many different mails that come back for now, within so long, say that nobody reads there.
MOST_SOFT, WITHIN = 5, timedelta(days=14)

#: RFC 3463 in words for staff: of an address that is not written to any more at once.
_HARD = {
    "5.1.1": "the address does not exist",
    "5.1.2": "the domain of the address does not exist",
    "5.1.3": "the address is written wrongly",
    "5.1.10": "the address does not exist",
    "5.2.1": "the mailbox is closed",
}
#: Of one that is counted, besides all of 4.x.x: a full mailbox, and a domain that is not found for now.
_SOFT = {"5.2.2": "the mailbox is full", "5.4.4": "no way to the domain of the address was found"}
#: Subjects of 4.x.x that speak of the address or the mailbox. What our own mail server says of itself is
#: none: it would silence everybody.
_OF_AN_ADDRESS = ("4.1.", "4.2.")

#: Who did it, in the journal, where a server refused a mail while we handed it over.
_SERVER = "the mail server"

_log = logs.get("bounces")


class Effect(StrEnum):
    """What a report that was taken in has changed."""

    #: nothing is sent to the address any more
    SUPPRESSED = "suppressed"
    #: nothing was sent there before already
    WAS_SUPPRESSED = "was suppressed"
    #: one more mail that came back for now
    COUNTED = "counted"
    #: the mail failed for another reason than its address; staff see it
    NOTED = "noted"
    #: the same report was taken in before
    KNOWN = "known"


@dataclass(frozen=True)
class Taken:
    """What became of a report."""

    #: city and role
    whose: str
    #: row of the outbox
    delivery_id: int
    kind: Kind
    #: why, in words for staff
    reason: str
    effect: Effect
    #: of what is counted: the how many'th mail within 14 days
    number: int = 0


@dataclass(frozen=True)
class _Meaning:
    kind: Kind
    status: str
    reason: str
    said: str


@dataclass(frozen=True)
class Bounces:
    """Both methods raise DatabaseAway, and ReportRefused with the reason (NoReport: nobody's mistake); then
    nothing was changed."""

    database: Database
    paths: ReturnPaths

    async def take(self, octets: bytes, *, by: str, now: datetime) -> Taken:
        """A mail as it arrived; of its octets LARGEST_MAIL + 1 are enough. by: who let it in."""
        report = await asyncio.to_thread(read_report, octets)
        row_id = self.paths.read(report.texts)
        if row_id is None:
            raise ReportRefused("no address in it bears the signature of one of our mails")
        digest = sha256(octets.replace(b"\r\n", b"\n")).hexdigest()
        async with self.database.write() as connection:
            await ledger.hold(connection)
            mail = await bounces.mail(connection, row_id)
            _check(report, mail)
            assert mail is not None  # noqa: S101 - it was checked
            meaning = _meaning(report, mail)
            received_at = _received_at(report, mail, now)
            taken = await _take(connection, mail, meaning, digest, received_at, by, now)
            if taken.effect is not Effect.KNOWN:
                await ledger.raise_generation(connection)
        _log.info(
            "a report about a mail was taken in",
            action="bounce",
            delivery=row_id,
            kind=taken.kind.value,
            status=meaning.status,
            effect=taken.effect.value,
        )
        return taken


def _check(report: Report, mail: Mail | None) -> None:
    """Raises ReportRefused. After a database was restored a number may name another mail."""
    if mail is None:
        raise ReportRefused("the mail that it is about is not remembered here any more")
    if "@" not in mail.address:
        raise NoReport("its contact was erased, so nothing is kept of it")
    sent = mail.message_id.partition("|")[0]
    # some mail servers give each mail a name of their own
    is_ours = report.message_id.rpartition("@")[2] == sent.rpartition("@")[2]
    if is_ours and report.message_id != sent:
        raise ReportRefused("the mail that came back in it is another one than the one whose number it bears")


def _meaning(report: Report, mail: Mail) -> _Meaning:
    """What it says of the address that we wrote to. Raises NoReport where nothing has failed."""
    if report.is_complaint:
        return _Meaning(Kind.COMPLAINT, "", "somebody there marked a mail as spam", "")
    found = report.about(mail.address)
    if found is None or found.action is Action.DELAYED:
        raise NoReport("the mail is only late: the mail server still tries, and will say how that ended")
    if found.action is not Action.FAILED:
        raise NoReport(f"it says that the mail was {found.action}, so nothing has failed")
    meaning = _of_status(found.status, found.said)
    is_another = found.final not in ("", mail.address.lower())
    if is_another and meaning.kind is Kind.HARD:
        reason = f"mail that is passed on from the address comes back ({found.status})"
        return replace(meaning, kind=Kind.SOFT, reason=reason)
    return meaning


def _of_status(status: str, said: str) -> _Meaning:
    kept = str(logs.clean(said))[:400]
    if status in _HARD:
        return _Meaning(Kind.HARD, status, f"{_HARD[status]} ({status})", kept)
    if status in _SOFT or status.startswith("4."):
        words = _SOFT.get(status, "the mail server gave up after many tries")
        return _Meaning(Kind.SOFT, status, f"{words} ({status})", kept)
    if not status:
        return _Meaning(Kind.POLICY, "", "refused, and no status code says why", kept)
    words = "by a rule of the mail server" if status.startswith("5.7.") else "for another reason"
    return _Meaning(Kind.POLICY, status, f"refused {words} ({status})", kept)


def _received_at(report: Report, mail: Mail, now: datetime) -> datetime:
    """When it was written, as far as that can be: reports of months ago may be taken in together."""
    written_at = min(report.written_at or now, now)
    return max(written_at, mail.sent_at) if mail.sent_at and mail.sent_at <= now else written_at


async def take_refusal(connection: Connection, row: Delivery, said: str, now: datetime) -> Taken | None:
    """A mail server refused a mail for good while it was handed over (5xx at RCPT or after DATA), or the
    ladder of "later" ended: does that say anything of the address?

    To be called in the transaction that marks the row as failed, whoever marks several having held the
    ledger first. said: the reply, as it is kept with the row. None where it says nothing of the address: then
    nothing is written of that here.
    """
    meaning = _of_status(status_in(said), said)
    is_of_address = meaning.status in (*_HARD, *_SOFT) or meaning.status.startswith(_OF_AN_ADDRESS)
    if not is_of_address:
        await pass_on(connection, row.id, now)
        return None
    state = bounces.Mail(
        id=row.id,
        message_id=row.message_id,
        state="",
        kind=row.kind.value,
        occurrence=row.occurrence,
        method=row.method,
        sequence=row.sequence,
        sent_at=None,
        contact_id=row.contact_id,
        member=row.member,
        role=row.role,
        address=row.address,
    )
    digest = sha256(f"refused {row.id}".encode()).hexdigest()
    return await _take(connection, state, meaning, digest, now, _SERVER, now)


async def _take(
    connection: Connection,
    mail: Mail,
    meaning: _Meaning,
    digest: str,
    received_at: datetime,
    by: str,
    now: datetime,
) -> Taken:
    kept = Bounce(
        digest=digest,
        contact_id=mail.contact_id,
        delivery_id=mail.id,
        address=mail.address,
        kind=meaning.kind,
        status=meaning.status,
        said=meaning.said,
        received_at=received_at,
    )
    whose = Whose(mail.member, mail.role, mail.contact_id)
    taken = Taken(str(whose), mail.id, meaning.kind, meaning.reason, Effect.NOTED)
    if not await bounces.add(connection, kept):
        return replace(taken, effect=Effect.KNOWN)
    await _mark_returned(connection, mail, meaning)
    taken = await _effect(connection, mail, taken, whose, by, now)
    # only now: the next of the chain may have the address that is given up
    if meaning.kind is not Kind.COMPLAINT:
        await pass_on(connection, mail.id, now)
    if taken.effect is Effect.SUPPRESSED:
        await pass_on_waiting(connection, mail.address, taken.reason, now)
    return taken


async def _effect(
    connection: Connection, mail: Mail, taken: Taken, whose: Whose, by: str, now: datetime
) -> Taken:
    """What it does to the address."""
    reason = taken.reason
    if taken.kind is Kind.SOFT:
        number = await bounces.count_soft(connection, mail.address, now - WITHIN)
        taken = replace(taken, effect=Effect.COUNTED, number=number)
        reason = f"{MOST_SOFT} mails came back within {WITHIN.days} days; the last: {reason}"
    if taken.kind is Kind.POLICY or (taken.kind is Kind.SOFT and taken.number < MOST_SOFT):
        return taken
    wanted = Suppression(mail.address, EVERYTHING, now, reason)
    is_new = await suppressions.decide(connection, wanted, whose, by)
    effect = Effect.SUPPRESSED if is_new else Effect.WAS_SUPPRESSED
    return replace(taken, effect=effect, reason=reason)


async def _mark_returned(connection: Connection, mail: Mail, meaning: _Meaning) -> None:
    """A complaint is about a mail that arrived. What a full mailbox did not take may still be heard of: the
    next mail about it says all there is."""
    if meaning.kind is Kind.COMPLAINT or mail.state != SENT:
        return
    for_good = meaning.kind is Kind.HARD
    await bounces.mark_returned(connection, mail.id, f"it came back: {meaning.reason}", for_good=for_good)
    if for_good and mail.kind in STATEFUL:
        await bounces.untell(connection, mail)
