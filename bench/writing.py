"""Mails written a second in one thread, beside those that the libraries make of the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from bench.furnished import APPLIED, for_everybody, made_up, put_in_force
from bench.naive import naive
from scheduler.model.history import NOTHING_PASSED
from scheduler.model.notices import Kind
from scheduler.model.told import METHODS
from scheduler.service.in_force import InForce
from scheduler.service.letters import Letters
from scheduler.service.links import Links
from scheduler.store.outbox import Delivery

#: Two people in each city, in all zones and languages of the real members.
CITIES, RECIPIENTS = 10_000, 20_000
#: Of these so many are written by the libraries, which take some milliseconds each.
_SAMPLE = 200
_ROUNDS = 3
LEAST_RATIO = 40.0
#: Processor time for one mail with a calendar.
MOST_MICROSECONDS = 60.0


@dataclass(frozen=True)
class _Costs:
    """Microseconds of the processor for one mail."""

    ours: float
    libraries: float


def measure() -> int:
    """Prints rates and ratios; gives 1 where a mail costs too much."""
    in_force = put_in_force(for_everybody(made_up(series=10, sessions=12, members=CITIES)))
    print(
        f"{f'mails to {RECIPIENTS:,} recipients, one thread':<40} mails/s  by the libraries  ratio  µs each"
    )
    return max(_compared(in_force, kind) for kind in (Kind.INVITATION, Kind.REMINDER, Kind.CANCELLED))


def _compared(in_force: InForce, kind: Kind) -> int:
    rows, letters = list(_rows(in_force, kind)), Letters(in_force, Links("https://cities.example", b"a key"))

    def write(row: Delivery) -> object:
        return letters.write(row, NOTHING_PASSED, APPLIED)

    def build(row: Delivery) -> object:
        letter, envelope, _ = letters.compose(row, NOTHING_PASSED, APPLIED)
        return naive(in_force, row, NOTHING_PASSED, letter, envelope).as_bytes()

    _cost(write, rows)  # the texts of all zones and languages are made
    some = rows[:: RECIPIENTS // _SAMPLE]
    costs = [_Costs(_cost(write, rows), _cost(build, some)) for _ in range(_ROUNDS)]
    each = min(cost.ours for cost in costs)
    ratio = median(cost.libraries / cost.ours for cost in costs)
    other = 1e6 / min(cost.libraries for cost in costs)
    print(f"  {kind.value:<38} {1e6 / each:7,.0f}  {other:16,.0f}  {ratio:5.0f}  {each:7.1f}")
    if each > MOST_MICROSECONDS or ratio < LEAST_RATIO:
        print(f"  over {MOST_MICROSECONDS:g} µs, or less than {LEAST_RATIO:g} times as fast as the libraries")
        return 1
    return 0


def _cost(make: Callable[[Delivery], object], rows: list[Delivery]) -> float:
    begin = time.process_time()
    for row in rows:
        make(row)
    return (time.process_time() - begin) / len(rows) * 1e6


def _rows(in_force: InForce, kind: Kind) -> Iterator[Delivery]:
    """Of the first session of all; every other person has a name that is not ASCII."""
    occurrence = next(iter(in_force.occurrences.values()))
    members = in_force.configuration.members
    for id in range(RECIPIENTS):
        member = members[id // 2]
        yield Delivery(
            id=id, notice_key=str(id), message_id=f"<{occurrence.id}.{kind.value}.{id}@cities.example>",
            contact_id=id, member=member.slug, role="coordinator", address=f"c{id}@{member.slug}.example",
            name=f"Zoë Müller {id}" if id % 2 else f"Ann Smith-{id}", is_listed=True,
            occurrence=occurrence.id, rule=kind.value, kind=kind, uid=occurrence.uid(in_force.network),
            method=METHODS.get(kind), sequence=0, starts_at=occurrence.starts_at, ends_at=occurrence.ends_at,
            status="confirmed", place="", days="", due_at=APPLIED, useful_by=APPLIED + timedelta(days=9),
            inserted_at=APPLIED, attempts=0, first_try_at=None, sent_at=None, receipt=None, zone=None,
        )  # fmt: skip
