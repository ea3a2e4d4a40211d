"""The tz database as it was before Morocco and Alberta changed their clocks for good in 2026.

`python -m tests.older_clocks URL FOLDER` plays the autumn of `configuration()` with it, in a process of its
own: pytz takes its files from PYTZ_TZDATADIR when it is first asked.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path

import pytz
from sqlalchemy import update

from scheduler.model.clocks import Clocks, clock_of, clocks_of
from scheduler.model.network import Configuration
from scheduler.model.programme import occurrences_of
from scheduler.store import clocks, tables
from scheduler.store.database import Database, open_database
from tests.cast import a_configuration, a_series, a_session, at
from tests.service.stage import Stage

#: Its name, and whose clocks went as those of the two zones did then: +01 all year (but for the month of
#: Ramadan), and Mountain Time with a summer time.
RELEASE = "2025b"
AS_BEFORE = {"Africa/Casablanca": "Africa/Lagos", "America/Edmonton": "America/Denver"}
#: The cities that these clocks moved (US-16), and others whose clocks go as they went.
MOROCCAN = ("agadir", "benguerir", "chefchaouen", "essaouira", "fez", "ifrane", "marrakech")
OTHERS = ("medellin", "melton", "mantes-la-jolie", "doha")
#: When it all comes into force, and when a new tz database is met: invitations are sent, reminders not yet.
NOW, THEN = at("2026-08-03T09:00:00+02:00"), at("2026-11-20T10:00:00+01:00")


def configuration(*cities: str) -> Configuration:
    """Three sessions after the change: two at 13:00 in Hamburg, one whose host in Edmonton wrote 18:00.

    cities: all that moved, and others, unless they are named.
    """
    winter = a_session(id="winter", title="Winter", on=date(2026, 12, 9))
    summer = a_session(id="summer", title="Summer", on=date(2027, 6, 9))
    host = a_session(
        id="host", title="From Edmonton", on=date(2026, 12, 16), start=time(18), end=time(19),
        zone="America/Edmonton",
    )  # fmt: skip
    series = a_series(winter, summer, host, announced=date(2026, 8, 3))
    return a_configuration(series, members=cities or (*MOROCCAN, "edmonton", *OTHERS))


def as_before(clocks: Clocks) -> Clocks:
    """The same with the two zones as they were believed to go."""
    old = {zone: clock_of(twin, clocks.since, clocks.until) for zone, twin in AS_BEFORE.items()}
    return replace(clocks, zones={**clocks.zones, **{z: c for z, c in old.items() if z in clocks.zones}})


async def age(database: Database, whole: Configuration, now: datetime, as_of: str = RELEASE) -> None:
    """What came into force at `now` becomes what an older tz database had made of it."""
    old = as_before(clocks_of(whole, now))
    spans = {o.id: (old.span(o), o) for part in whole.parts for o in occurrences_of(part)}
    async with database.write() as connection:
        await connection.execute(update(tables.configurations).values(tzdata=as_of))
        await connection.execute(tables.clocks.delete())
        await clocks.keep(connection, as_of, old, now)
        for name, (then, occurrence) in spans.items():
            if then and then[0] != occurrence.starts_at:
                this = update(tables.revisions).where(tables.revisions.c.occurrence == name)
                await connection.execute(this.values(significant="by the old clock", starts_at=then[0]))


def make_folder(folder: Path) -> Path:
    """A folder for PYTZ_TZDATADIR: links to pytz's own files, but for the two zones."""
    installed = Path(pytz.__path__[0]) / "zoneinfo"
    (folder / "Africa").mkdir(parents=True)
    (folder / "America").mkdir()
    for place in ("", "Africa", "America"):
        for one in (installed / place).iterdir():
            if not (folder / place / one.name).exists() and one.name != "tzdata.zi":
                (folder / place / one.name).symlink_to(one)
    for zone, twin in AS_BEFORE.items():
        (folder / zone).unlink()
        (folder / zone).symlink_to(installed / twin)
    (folder / "tzdata.zi").write_text(f"# version {RELEASE}\n")
    return folder


async def _play(url: str, folder: Path) -> None:
    database = open_database(url)
    stage = Stage(database, folder)
    await stage.apply(configuration(), NOW)
    await stage.play(NOW, THEN)
    await database.close()


if __name__ == "__main__":
    assert os.environ["PYTZ_TZDATADIR"]
    asyncio.run(_play(sys.argv[1], Path(sys.argv[2])))
