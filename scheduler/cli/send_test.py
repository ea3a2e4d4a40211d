"""`scheduler send-test`: one mail as a city would get it, sent to a person who asked for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from scheduler.cli.common import ConfigOption, accepted, database_if_any, find_member, out, read_configuration
from scheduler.cli.preview import (
    KindArgument,
    MemberOption,
    OccurrenceArgument,
    said_to_staff,
)
from scheduler.configuration.addresses import read_address
from scheduler.errors import SchedulerError
from scheduler.settings import Settings, read_settings

if TYPE_CHECKING:
    from scheduler.mail.post import Outcome
    from scheduler.model.network import Configuration


def send_test(
    kind: KindArgument,
    occurrence: OccurrenceArgument,
    member: MemberOption,
    to: Annotated[str, typer.Option(help="The one address that it goes to.")],
    config: ConfigOption = None,
) -> None:
    """Send one mail, as one city would get it from the files as they are now, to yourself.

    It is marked as a test. It counts nowhere, and has an entry of its own in a calendar; the address of \
the city's feed in it is not the real one, nor is its code for a report. It goes out whatever is held, \
also from a copy of the database.
    """
    settings, configuration = read_settings(), accepted(read_configuration(config))
    slug, address = find_member(configuration, member), _address(to)
    _refuse_barred(configuration, address)
    with said_to_staff():
        outcome = asyncio.run(_send(settings, configuration, kind, occurrence, slug, address))
    _tell(outcome, address, has_server=bool(settings.mail_url.get_secret_value()))


def _address(text: str) -> str:
    try:
        return read_address(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--to") from None


def _refuse_barred(configuration: Configuration, address: str) -> None:
    network = configuration.network
    if not network.may_write_to(address):
        allowed = ", ".join(network.only_to)
        raise SchedulerError(
            f"only_to in network.yaml does not allow {address}; write an address below {allowed}"
        )


async def _send(
    settings: Settings, configuration: Configuration, kind: str, occurrence: str, member: str, to: str
) -> Outcome:
    from scheduler.mail.post import hand_over
    from scheduler.service.bootstrap import open_post
    from scheduler.service.links import Links
    from scheduler.service.preview import preview
    from scheduler.service.rehearsal import REHEARSAL_KEY
    from scheduler.service.trial import as_test

    now, links = datetime.now(UTC), Links(settings.base_url, REHEARSAL_KEY)
    async with database_if_any() as database:
        made = await preview(
            configuration, kind, occurrence, member, links=links, now=now, database=database, to=to
        )
    post = open_post(settings)
    try:
        (outcome,) = await hand_over(post, [as_test(made, uuid4().hex, now)])
    finally:
        await post.close()
    return outcome


def _tell(outcome: Outcome, address: str, *, has_server: bool) -> None:
    from scheduler.mail.post import Fate

    if outcome.fate is not Fate.SENT:
        raise SchedulerError(f"the test was not sent to {address}: {outcome.said}")
    if has_server:
        out.print(f"OK: one test was sent to {address}: {outcome.said}")
    else:
        where = "the mailbox of this machine, for no mail server is set"
        out.print(f"OK: one test to {address} lies in {where}: {outcome.said}")
