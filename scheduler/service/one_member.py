"""What one member gets of one series or round by its rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from scheduler.model.cycles import Cycle
from scheduler.model.members import Member
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.programme import Window
from scheduler.model.series import Series
from scheduler.model.slots import Group, Slot, find_slots

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
