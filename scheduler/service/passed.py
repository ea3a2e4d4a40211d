"""What passed with the contacts of some rows, and what is known of the cases that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from scheduler.model import times
from scheduler.model.history import History
from scheduler.model.moments import belongs
from scheduler.model.notices import REPORTS, Kind
from scheduler.service.in_force import InForce
from scheduler.store import histories
from scheduler.store.database import Connection
from scheduler.store.outbox import Delivery


async def read_passed(
    connection: Connection, in_force: InForce, rows: Sequence[Delivery], now: datetime
) -> dict[int, History]:
    """Row id -> what a mail must know before it is judged and written."""
    passed = await histories.read(connection, [row.id for row in rows])
    passed = await histories.with_mailboxes(connection, passed, [one.id for one in in_force.sharing])
    of_reports = [row for row in rows if row.kind in REPORTS]
    if not of_reports:
        return passed
    return await histories.with_cases(connection, passed, of_reports, _cities(in_force, of_reports, now))


def _cities(in_force: InForce, rows: Sequence[Delivery], now: datetime) -> dict[int, tuple[str, ...]]:
    """Of each digest the cities that it can name: those that are asked for a report, and have not left."""
    today = times.local_date(now, in_force.network.zone)
    found = {}
    for row in rows:
        if row.kind is Kind.REPORT_DIGEST and row.occurrence in in_force.cycles:
            occurrence = in_force.occurrences[row.occurrence]
            cities = in_force.leaders(row.occurrence).get(row.member, ())
            found[row.id] = tuple(c for c in cities if belongs(occurrence, in_force.members[c], today))
    return found
