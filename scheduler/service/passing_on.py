"""A mail that came back has told nobody: the same notice about a report goes to the next of the chain.

A city that misses its report loses its membership, so it is not enough that a mail was sent. Whatever
the reason (no such mailbox, a full one, a rule of the mail server, a server that never took it), it passes
from the coordinator to the deputy, the mayor and the national coordinator, until one of them has it. Where
nobody is left staff see it (`store/passing_on.py`, `unreached`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from scheduler import logs
from scheduler.model.members import CHAIN
from scheduler.model.notices import AWAITING
from scheduler.store import passing_on
from scheduler.store.database import Connection
from scheduler.store.outbox import WITHDRAWN
from scheduler.store.passing_on import Addressee

#: Why a row is there that no rule wrote, and why another one is not sent, for staff.
INSTEAD = "in the place of the {role}, whom the mail did not reach"
BARRED = "nothing is sent to the address: {why}"
#: Cities that are named one by one.
_SHOWN = 6

_log = logs.get("passing-on")


async def pass_on(connection: Connection, row_id: int, now: datetime) -> str | None:
    """The notice of a row that did not arrive goes to the next of the chain; gives its role. None where that
    is not needed, or nobody is left.

    To be called in the transaction that writes down what became of the row, after that; by who has held the
    ledger first.
    """
    notice = await passing_on.notice(connection, row_id)
    if notice is None or now >= notice.useful_by or (notice.has_come and notice.kind in AWAITING):
        return None
    addressees = await passing_on.addressees(connection, notice)
    if any(one.has_it for one in addressees if one.contact_id != notice.contact_id):
        return None
    chosen = next_of(addressees, notice.contact_id)
    said = {"delivery": row_id, "occurrence": notice.occurrence, "contact": notice.contact_id}
    if chosen is None:
        _log.warning("a notice about a report reaches nobody", action="unreached", **said)
        return None
    reason = INSTEAD.format(role=notice.role)
    if not await passing_on.write(connection, notice, chosen.contact_id, reason, now):
        return None
    _log.info("a notice goes to the next of the chain", action="passed-on", to=chosen.contact_id, **said)
    return chosen.role


async def pass_on_waiting(connection: Connection, address: str, why: str, now: datetime) -> None:
    """Nothing is sent to an address from now on: what waits for it about reports goes to the next."""
    for row_id in await passing_on.waiting_for(connection, address):
        await passing_on.withdraw(connection, row_id, BARRED.format(why=why))
        await pass_on(connection, row_id, now)


def next_of(addressees: Sequence[Addressee], failed: int) -> Addressee | None:
    """The first of the chain whom nobody has written to about it; who shares an address with somebody that
    was is the same reader. failed: the contact whose row it was."""
    written = {
        one.address.lower()
        for one in addressees
        if one.contact_id == failed or any(state != WITHDRAWN for state in one.states)
    }
    free = [one for one in addressees if one.is_open and one.address.lower() not in written]
    in_order = (one for role in CHAIN for one in free if one.role == role)
    return next(in_order, None)


def unreached_in_words(found: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A sentence for each round. found: round -> slugs of the cities that its mails do not reach."""
    for cycle, slugs in found.items():
        number = "1 city" if len(slugs) == 1 else f"{len(slugs):,} cities"
        more = f" and {len(slugs) - _SHOWN:,} more" if slugs[_SHOWN:] else ""
        are = "is" if len(slugs) == 1 else "are"
        yield (
            f"{number} of {cycle} {are} reached by no mail: {', '.join(slugs[:_SHOWN])}{more}; write another"
            f" address into members.csv, or phone; see them with: scheduler cases list"
        )
