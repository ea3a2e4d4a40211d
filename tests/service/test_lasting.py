"""Names that entries in calendars stand under must not change while they stand (calendar rules 22, 27)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scheduler.model.network import Configuration, Mailbox
from scheduler.model.series import Status
from scheduler.service.lasting import NameStands
from tests.cast import DOHA, a_configuration, a_series, a_session, at
from tests.service.stage import Stage

APRIL = at("2027-04-26T08:00:00+00:00")
LATE_MAY = at("2027-05-25T08:00:00+00:00")
JULY = at("2027-07-15T08:00:00+00:00")

#: One statement, and the rest is decided without one.
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

FILES = a_configuration(a_series(), members=(DOHA,))


def named(files: Configuration = FILES, **changes: object) -> Configuration:
    return replace(files, network=replace(files.network, **changes))  # type: ignore[arg-type]


OTHER_DOMAIN = named(uid_domain="other.example")
OTHER_SENDER = named(sender=Mailbox(FILES.network.sender.name, "other@cities.example"))


async def test_another_uid_domain_is_refused_once_anything_was_told(stage: Stage) -> None:
    await stage.apply(FILES, APRIL)
    await stage.play(APRIL, LATE_MAY)

    with pytest.raises(NameStands, match=r"^uid_domain in network.yaml: .* write .* again\. Nothing was"):
        await stage.apply(OTHER_DOMAIN, LATE_MAY)


@ON_SQLITE
async def test_another_uid_domain_is_refused_for_ever(stage: Stage) -> None:
    await stage.apply(FILES, APRIL)
    await stage.play(APRIL, JULY)

    with pytest.raises(NameStands):
        await stage.apply(OTHER_DOMAIN, JULY)


@ON_SQLITE
async def test_names_that_nobody_was_told_anything_under_may_change(stage: Stage) -> None:
    await stage.apply(FILES, APRIL)

    await stage.apply(OTHER_DOMAIN, APRIL)
    await stage.apply(named(OTHER_DOMAIN, sender=OTHER_SENDER.network.sender), APRIL)

    await stage.play(APRIL, LATE_MAY)
    assert {row.uid for row in await stage.sent("invitation")} == {"first.talks@other.example"}


async def test_another_sender_is_refused_until_the_last_session_is_over(stage: Stage) -> None:
    await stage.apply(FILES, APRIL)
    await stage.play(APRIL, LATE_MAY)

    with pytest.raises(NameStands, match=r"until 2027-06-14, the end of first\.talks"):
        await stage.apply(OTHER_SENDER, LATE_MAY)
    await stage.play(LATE_MAY, JULY)
    await stage.apply(OTHER_SENDER, JULY)


@ON_SQLITE
async def test_another_sender_is_refused_while_a_session_is_postponed(stage: Stage) -> None:
    postponed = a_configuration(
        a_series(a_session(status=Status.POSTPONED, start=None, end=None)), members=(DOHA,)
    )
    await stage.apply(FILES, APRIL)
    await stage.play(APRIL, LATE_MAY)
    await stage.apply(postponed, LATE_MAY)
    await stage.play(LATE_MAY, JULY)

    with pytest.raises(NameStands, match=r"until first\.talks has a new date"):
        await stage.apply(named(postponed, sender=OTHER_SENDER.network.sender), JULY)


@ON_SQLITE
async def test_the_name_of_the_sender_may_change(stage: Stage) -> None:
    await stage.apply(FILES, APRIL)
    await stage.play(APRIL, LATE_MAY)

    assert await stage.apply(named(sender=replace(FILES.network.sender, name="Anna")), LATE_MAY) == []
