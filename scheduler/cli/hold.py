"""`scheduler hold` and `scheduler resume`: nothing leaves for a session, a series, a round, or at all."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli.common import (
    ByOption,
    ConfigOption,
    at_home,
    counted,
    database_in_force,
    out,
    read_configuration,
    who_decides,
)

if TYPE_CHECKING:
    from scheduler.configuration.load import Loaded
    from scheduler.model.network import Network
    from scheduler.service.holding import Held, LetGo
    from scheduler.store.holds import Hold

#: What the table has room for.
_LONGEST_REASON = 400

_SUBJECT_HELP = (
    "A session (inclusion.covid-19-recovery), a series or round (covid-19-recovery), everything, or: "
    "everything-but-reminders."
)

SubjectArgument = Annotated[str | None, typer.Argument(help=_SUBJECT_HELP, show_default=False)]


def hold(
    subject: SubjectArgument = None,
    by: ByOption = None,
    because: Annotated[str, typer.Option(help="Why, for those who look at `scheduler status`.")] = "",
    config: ConfigOption = None,
) -> None:
    """Hold back all mail of a session, a series, a round, or everything, until `scheduler resume`.

    It counts within a second, in a service that runs. What is due meanwhile waits. Feeds stay as they are.
    """
    name, who, why = _subject(subject), who_decides(by), because.strip()
    if not why.isprintable() or len(why) > _LONGEST_REASON or "@" in why:
        said = f"write one line of at most {_LONGEST_REASON} letters, and no address"
        raise typer.BadParameter(said, param_hint="--because")
    loaded = read_configuration(config)
    held, network = asyncio.run(_hold(name, who, why, loaded, datetime.now(UTC)))
    waiting = f"{counted(held.waiting, 'mail')} wait{'s' if held.waiting == 1 else ''}"
    if held.is_old:
        out.print(f"OK: {name} is held already, {about(held.hold, network)}; nothing was changed; {waiting}")
        return
    if not held.is_in_force:
        out.print(f"{name} stands in the files, and is not in force yet")
    out.print(f"OK: {name} is held; {waiting}; nothing leaves for it until: scheduler resume {name}")


async def _hold(subject: str, by: str, because: str, loaded: Loaded, now: datetime) -> tuple[Held, Network]:
    from scheduler.service.holding import hold_back
    from scheduler.store.holds import Hold

    async with database_in_force() as (database, in_force):
        wanted = Hold(subject, now, by, because)
        return await hold_back(database, in_force, wanted, loaded.configuration), in_force.network


def resume(
    subject: SubjectArgument = None,
    by: ByOption = None,
    skip: Annotated[
        bool, typer.Option("--skip", help="Send nothing of what waits because of it; begin with what comes.")
    ] = False,
) -> None:
    """Let go what `scheduler hold`, or the service itself, holds back.

    What is still of use goes out now; of several reminders the latest, of several changes what is new in \
the end. What is of no use any more is recorded as missed.
    """
    name, who = _subject(subject), who_decides(by)
    done, network = asyncio.run(_resume(name, who, datetime.now(UTC), skip))
    for other in done.others:
        out.print(
            f"! {name} is held with {other.subject} still, {about(other, network)}; "
            f"let that go with: scheduler resume {other.subject}"
        )
    if done.hold is None and not done.others:
        out.print(f"OK: {name} is not held; nothing was changed")
    if done.hold:
        _tell(name, done)
    if done.others:
        raise typer.Exit(1)


async def _resume(subject: str, by: str, now: datetime, skip: bool) -> tuple[LetGo, Network]:
    from scheduler.service.holding import let_go

    async with database_in_force() as (database, in_force):
        return await let_go(database, in_force, subject, by, now, skip=skip), in_force.network


def _tell(name: str, done: LetGo) -> None:
    from scheduler.service.holding import MORNING, NOW

    mails = done.mails.copy()
    now, morning = mails.pop(NOW, 0), mails.pop(MORNING, 0)
    for why, number in mails.most_common():
        out.print(f"not sent any more: {counted(number, 'mail')}, for {why}")
    later = f", {morning:,} {MORNING}" if morning else ""
    leave = NOW.replace("go ", "goes ") if now == 1 else NOW
    useless = f"{mails.total():,} are of no use any more"
    out.print(f"OK: {name} is let go; {counted(now, 'mail')} {leave}{later}, {useless}")


def _subject(subject: str | None) -> str:
    if subject is None or not subject.strip():
        raise typer.BadParameter(
            "write a session such as inclusion.covid-19-recovery, a series or round such as "
            "covid-19-recovery, or: everything",
            param_hint="SUBJECT",
        )
    return subject.strip()


def about(hold: Hold, network: Network) -> str:
    """Gives "since Sunday 22 November 2026, 14:05 Hamburg time (CET, UTC+1), by Anna (the host is ill)"."""
    because = f" ({hold.because})" if hold.because else ""
    return f"since {at_home(hold.since, network)}, by {hold.held_by}{because}"
