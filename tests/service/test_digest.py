"""What staff read of mails that did not go out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from scheduler.model.notices import Kind
from scheduler.service.digest import asks, digest, said_of
from scheduler.store.holds import BUT_REMINDERS, SERVICE, Hold
from scheduler.store.losses import Loss
from tests.cast import at

THEN = at("2027-06-12T14:00:00+02:00")
NOW = at("2027-06-13T09:00:00+02:00")


def spoken(instant: datetime) -> str:
    return f"{instant + timedelta(hours=2):%A %H:%M}"


def test_what_an_outage_made_late_is_one_sentence() -> None:
    missed = Loss(Kind.REMINDER, "missed", "its moment had passed", 12, THEN, NOW)

    assert list(digest([missed], spoken)) == [
        "since Saturday 14:00: 12 reminders missed: its moment had passed; "
        "the service did not look before Sunday 09:00"
    ]


def test_no_sentence_repeats_an_address() -> None:
    """What a mail server said of each mail stands in its row."""
    said = [f"refused: 550 5.1.1 <contact-{n}@city.example> unknown" for n in range(3)]
    failed = [Loss(Kind.INVITATION, "failed", why, 1, NOW, NOW) for why in said]

    assert list(digest(failed, spoken)) == ["since Sunday 09:00: 3 invitations failed: refused"]


def test_kinds_are_counted_in_words() -> None:
    kinds = {Kind.REPORT_OPENED: 1, Kind.CANCELLED: 1200, Kind.REPORT_REMINDER: 2, Kind.CHANGED: 0}

    assert said_of(kinds) == "1,200 cancellations, 2 reminders of reports, 1 opening of a report"


def test_what_the_service_holds_is_a_question() -> None:
    hold = Hold(BUT_REMINDERS, NOW, SERVICE, "the service did not run from Friday to Sunday")

    assert asks(hold, {Kind.INVITATION: 1}) == (
        "held by the service: everything-but-reminders, for the service did not run from Friday to Sunday; "
        "1 invitation waits; let it go with: scheduler resume everything-but-reminders "
        "(with --skip: what waits is not sent any more)"
    )


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_of_mail_has_a_name_for_one_and_for_several(kind: Kind) -> None:
    assert said_of({kind: 1}).startswith("1 ")
    assert said_of({kind: 2}).startswith("2 ")
    assert said_of({kind: 1})[2:] != said_of({kind: 2})[2:]
