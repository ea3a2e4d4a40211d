"""What one member gets of one series or round by its rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.moments import Since
from scheduler.model.network import Configuration, Network
from scheduler.model.notices import NEAR, STATEFUL, Kind
from scheduler.model.programme import Window
from scheduler.model.series import Series
from scheduler.model.slots import Group, Slot, find_slots
from scheduler.service.in_force import InForce

_STEP = timedelta(microseconds=1)
_ORDER = {kind: position for position, kind in enumerate(Kind)}

#: Before everything that this service could ever have told anybody.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def slots_of_one(
    configuration: Configuration,
    part: Series | Cycle,
    member: Member,
    window: Window,
    announced_at: datetime,
    applied_at: datetime = LONG_AGO,
) -> list[Slot]:
    """The slots in `window`, in order, as if all had come into force at `applied_at`.

    announced_at: stands for the date of announcement of a series where staff wrote none.
    """
    series = (part,) if isinstance(part, Series) else ()
    cycles = (part,) if isinstance(part, Cycle) else ()
    alone = replace(configuration, series=series, cycles=cycles)
    since = Since(applied_at, {one.id: announced_at for one in series})
    return find_slots(alone, (Group((member,)),), window, since)


def passed_slots(
    in_force: InForce, members: Sequence[Member], now: datetime, *, of_rounds: bool = False
) -> list[Slot]:
    """What these members should have been told of webinars by now and is still of use, to be compared once
    more with what they were told; due now, or in their morning where the session is not near. of_rounds: of
    reports, too.

    Nothing where the clocks of this program are others than those of what is in force.
    """
    if in_force.clocks_disagree:
        return []
    window = Window(LONG_AGO, now + _STEP)
    alone = in_force.configuration if of_rounds else replace(in_force.configuration, cycles=())
    found = [
        replace(slot, due_at=_awake(slot, member, in_force.network, now))
        for member in members
        for slot in find_slots(alone, (Group((member,)),), window, in_force.since)
        if slot.rule.kind in STATEFUL and now < slot.useful_by
    ]
    return sorted(found, key=lambda slot: _ORDER[slot.rule.kind])


def _awake(slot: Slot, member: Member, network: Network, now: datetime) -> datetime:
    begins = slot.occurrence.starts_at
    is_near = begins is not None and begins - now < NEAR
    return now if is_near else network.quiet_hours.wait(now, member.zone)
