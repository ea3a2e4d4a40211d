"""An installation in which a round is running: mails went out, one came back, some cities have reported."""

from __future__ import annotations

import asyncio
import csv
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from scheduler.configuration.load import load
from scheduler.model import times
from scheduler.store import suppressions, tables
from scheduler.store.database import Database, open_database
from scheduler.store.outbox import FAILED
from scheduler.store.suppressions import EVERYTHING, Suppression
from tests.cast import CONFIG
from tests.cli.typed import Done, typed
from tests.service.stage import Stage

NOW = datetime.now(UTC)
TODAY = times.local_date(NOW, "Europe/Berlin")
ROUND = "report-now"
#: Five that are due in the round, one that is excepted, one of which nobody knows.
CITIES = ("gdynia", "kashan", "mantes-la-jolie", "medellin", "melton", "al-shahaniya", "garissa")
#: A spreadsheet would open it in a browser.
HOSTILE = '=HYPERLINK("http://evil.example","Mantes")'
DAMAGED = "it came back: the address does not exist (5.1.1)"

_CYCLE = """id: report-now
title: Progress report of <b>now</b>
period:
  from: 2024-01
  to: 2025-12
opens: {opens}
deadline: {deadline} 23:59:59 Europe/Berlin
submit_at: https://reports.cities.example/now?token={{code}}
who:
  joined_before: 2020-09
  excepted:
    - 2020-09
extensions:
  - until: {later}
    because: Floods in Victoria
    members:
      - melton
"""


@dataclass(frozen=True)
class Desk:
    """One installation, and the commands about cases typed in it."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SCHEDULER_CONFIG": str(self.folder / "config"),
            "SCHEDULER_DATA": str(self.folder / "var"),
        }

    def say(self, *words: str) -> Done:
        return typed("cases", *words, environment=self.environment)

    def opened(self) -> Database:
        return open_database(f"sqlite:///{self.folder / 'var' / 'scheduler.sqlite'}")


def furnish(folder: Path, migrated: Path) -> Desk:
    """Opened 40 days ago, with 20 days to go; Melton has 20 more. The mailbox of Gdynia's coordinator does
    not exist, and in Kashan nothing was ever taken."""
    desk = Desk(folder)
    _write_files(folder / "config")
    (folder / "var").mkdir()
    shutil.copy(migrated, folder / "var" / "scheduler.sqlite")
    asyncio.run(_live(desk))
    return desk


def _write_files(config: Path) -> None:
    (config / "cycles").mkdir(parents=True)
    (config / "series").mkdir()
    for name in ("network.yaml", "countries.csv", "notices.yaml"):
        shutil.copy(CONFIG / name, config / name)
    with (CONFIG / "members.csv").open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if row["slug"] in CITIES]
    for row in rows:
        if row["slug"] == "mantes-la-jolie":
            row["name"] = HOSTILE
    with (config / "members.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(rows)
    text = _CYCLE.format(
        opens=TODAY - timedelta(days=40),
        deadline=TODAY + timedelta(days=20),
        later=TODAY + timedelta(days=40),
    )
    (config / "cycles" / f"{ROUND}.yaml").write_text(text, encoding="utf-8")


async def _live(desk: Desk) -> None:
    loaded = load(desk.folder / "config")
    assert loaded.configuration is not None, [str(problem) for problem in loaded.problems]
    database = desk.opened()
    stage = Stage(database, desk.folder / "var")
    await stage.apply(loaded.configuration, NOW - timedelta(days=41))
    await stage.play(NOW - timedelta(days=41), NOW)
    async with database.write() as connection:
        for city, role in (("gdynia", "coordinator"), ("kashan", "coordinator"), ("kashan", "mayor")):
            contact = next(
                one
                for member in loaded.configuration.members
                for one in member.contacts
                if (member.slug, one.role) == (city, role)
            )
            table = tables.contacts
            mine = table.c.address == contact.address
            ids = tables.outbox.c.contact_id.in_(table.select().with_only_columns(table.c.id).where(mine))
            back = update(tables.outbox).where(ids).values(state=FAILED, reason=DAMAGED)
            await connection.execute(back)
            wanted = Suppression(contact.address, EVERYTHING, NOW, "the address does not exist (5.1.1)")
            await suppressions.add(connection, wanted)
    await database.close()
