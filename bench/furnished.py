"""The parts of a service on a made-up configuration, for measurements of what readers of calendars feel."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.made_up import write_configuration
from scheduler.configuration.load import load
from scheduler.ical.events import Revision
from scheduler.model.audience import Audience
from scheduler.model.members import Membership, Span
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.programme import occurrences_of
from scheduler.service.bootstrap import build_daemon
from scheduler.service.in_force import InForce
from scheduler.settings import Settings
from scheduler.store.database import open_database
from scheduler.web.app import Site
from scheduler.web.shelf import Shelf

#: When everything came into force.
APPLIED = datetime(2026, 11, 2, 8, tzinfo=UTC)
_EVERYBODY = Audience("World", everyone=True)
_ALWAYS = Membership(Span(date(2000, 1, 1), date(2000, 1, 1)), None, "made up")


@dataclass
class Desk:
    """A shelf, what is in force on it, and the site that serves from it."""

    in_force: InForce
    shelf: Shelf
    site: Site


def made_up(series: int, sessions: int, members: int) -> Configuration:
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config"
        write_configuration(config, series, sessions, members)
        configuration = load(config).configuration
    if configuration is None:
        raise SystemExit("the made-up configuration has errors; see tests/test_bench.py")
    return configuration


def for_everybody(configuration: Configuration) -> Configuration:
    """The same, with every city a member always, and invited to every session."""
    members = (replace(member, memberships=(_ALWAYS,)) for member in configuration.members)
    series = (
        replace(one, sessions=tuple(replace(session, audience=_EVERYBODY) for session in one.sessions))
        for one in configuration.series
    )
    return replace(configuration, members=tuple(members), series=tuple(series))


def renamed(configuration: Configuration) -> tuple[Configuration, str]:
    """The same with another title of one session, and the id of its occurrence."""
    series = configuration.series[0]
    session = replace(series.sessions[0], title="A title that was corrected")
    corrected = replace(series, sessions=(session, *series.sessions[1:]))
    other = replace(configuration, series=(corrected, *configuration.series[1:]))
    return other, f"{session.id}.{series.id}"


def put_in_force(configuration: Configuration, number: int = 1, changed: str = "") -> InForce:
    """As if it were applied. changed: an occurrence that has had a revision since."""
    first, next_one = Revision(0, APPLIED), Revision(1, datetime.now(UTC))
    names = (occurrence.id for part in configuration.parts for occurrence in occurrences_of(part))
    revisions = {name: next_one if name == changed else first for name in names}
    return InForce(number, str(number), configuration, Since(APPLIED), revisions, {})


@asynccontextmanager
async def a_desk(configuration: Configuration) -> AsyncIterator[Desk]:
    """The site of a service whose other tasks rest, with its public feeds ready."""
    with TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), mail_url=f"maildir:{folder}/mail")
        database = open_database(f"sqlite:///{folder}/bench.sqlite")
        daemon = build_daemon(settings, database)

        async def look() -> InForce:
            return desk.in_force

        shelf = Shelf(look, daemon.clock, daemon.links)
        desk = Desk(put_in_force(configuration), shelf, Site(daemon, shelf))
        await shelf.refresh()
        gc.freeze()  # as `scheduler serve` does
        try:
            yield desk
        finally:
            await daemon.post.close()
            await database.close()
