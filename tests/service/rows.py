"""Rows of the outbox, without a database."""

from __future__ import annotations

from dataclasses import replace

from scheduler.model.notices import Kind
from scheduler.model.told import METHODS
from scheduler.store.outbox import Delivery
from tests.cast import MELTON, at

NOW = at("2027-05-17T07:00:00+00:00")
ADDRESS = "learningcity@melton.example"


def a_row(kind: Kind, occurrence: str, name: str, **changes: object) -> Delivery:
    """For the coordinator of Melton, written at NOW."""
    plain = Delivery(
        id=2, notice_key="", message_id="<2@learning-cities.example>", contact_id=1, member=MELTON,
        role="coordinator", address=ADDRESS, name=name, is_listed=True, occurrence=occurrence, rule="rule",
        kind=kind, uid="first.talks@learning-cities.example", method=METHODS.get(kind), sequence=1,
        starts_at=None, ends_at=None, status="confirmed", place="", days="", due_at=NOW, useful_by=NOW,
        inserted_at=NOW, attempts=0, first_try_at=NOW, sent_at=None, receipt=None, zone=None,
    )  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]
