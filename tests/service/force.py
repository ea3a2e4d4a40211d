"""What is in force, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from scheduler.ical.events import Revision
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.programme import occurrences_of
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from tests.cast import at

#: When everything came into force, where nothing else is said.
APPLIED = at("2020-05-04T09:00:00+02:00")
LINKS = Links("https://calendar.cities.example", b"test")


def in_force(
    configuration: Configuration,
    *,
    applied_at: datetime = APPLIED,
    changed: Mapping[str, datetime] | None = None,
    id: int = 1,
) -> InForce:
    """changed: occurrence -> when it was changed last, in a way that is told."""
    revisions = {}
    for occurrence in (o for part in configuration.parts for o in occurrences_of(part)):
        changed_at = (changed or {}).get(occurrence.id, applied_at)
        revisions[occurrence.id] = Revision(int(changed_at > applied_at), changed_at)
    return InForce(id, str(id), configuration, Since(applied_at), revisions, {})
