"""10,000 reports from an export of the survey, as a whole process: read, matched, written, mails withdrawn.

The reference, in the same run, is the least that anybody could do: `csv.reader` over the same file, and one
plain INSERT for each report into the same database.
"""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import text

from bench.blast import DATABASES
from bench.furnished import for_everybody, made_up
from bench.ticking import Desk
from scheduler.model.cycles import Cohort, Cycle
from scheduler.model.network import Configuration
from scheduler.service.apply import put_in_force
from scheduler.service.engine import Engine
from scheduler.service.in_force import Memory
from scheduler.service.links import Links
from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate

MEMBERS = 10_000
MOST_SECONDS = 10.0
#: Questions in all, those with a text of so many words, and their limit: an export of 150 MB.
QUESTIONS, TEXTS, WORDS, LIMIT = 50, 23, 100, 250
KEY = "the key of a measurement"
_DAYS = timedelta(days=1)
_HEAD = ("id", "submitdate", "lastpage", "startlanguage", "seed", "token", "startdate", "datestamp")
_WORDS = "Lernende Städte – learning for all; and a plan that everybody reads: who, what, when. "
_CHINESE = "全球学习型城市网络的进展报告"


def measure() -> int:
    """Prints seconds for each database; gives 1 where one is over the limit."""
    configuration, now = _configuration()
    cycle = configuration.cycles[0]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "export.csv"
        _write_export(file, configuration, cycle, now)
        size = file.stat().st_size / 1e6
        print(f"{f'{MEMBERS:,} reports, {size:,.0f} MB of CSV':<34}  seconds  reference  ratio")
        return max(_measured(name, file, configuration, cycle, now) for name in DATABASES)


def _measured(name: str, file: Path, configuration: Configuration, cycle: Cycle, now: datetime) -> int:
    with DATABASES[name]() as url, _settings(url):
        waiting = asyncio.run(_furnish(url, configuration, now))
        seconds = _run(cycle, file)
        reference = asyncio.run(_reference(url, file))
    what, times = f"{name}, {waiting:,} mails wait", seconds / reference
    print(f"  {what:<32}  {seconds:7.2f}  {reference:9.2f}  {times:5.1f}")
    if seconds > MOST_SECONDS:
        print(f"  over the limit of {MOST_SECONDS:g} s")
    return int(seconds > MOST_SECONDS)


def _configuration() -> tuple[Configuration, datetime]:
    """A round that is running today, in which every city must report."""
    now = datetime.now(UTC).replace(microsecond=0)
    whole = for_everybody(made_up(1, 1, MEMBERS))
    cycle = replace(
        whole.cycles[0],
        opens=now.date() - 10 * _DAYS,
        deadline=replace(whole.cycles[0].deadline, on=now.date() + 30 * _DAYS),
        who=Cohort(joined_before=date(2020, 1, 1)),
        word_limits=tuple((number, LIMIT) for number in range(1, TEXTS + 1)),
    )
    return replace(whole, series=(), cycles=(cycle,)), now


def _write_export(file: Path, configuration: Configuration, cycle: Cycle, now: datetime) -> None:
    links, answer = Links("", KEY.encode()), (_WORDS * 20)[: WORDS * 6]
    answers = [answer] * TEXTS + ["Y"] * (QUESTIONS - TEXTS)
    in_chinese = [f"{answer[:-60]}{_CHINESE * 3}", *answers[1:]]
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened, quoting=csv.QUOTE_ALL)
        writer.writerow([*_HEAD, *(f"Q{number}" for number in range(1, QUESTIONS + 1))])
        for number, member in enumerate(configuration.members, 1):
            came = f"{now - timedelta(seconds=60 * number % 800_000 + 60):%Y-%m-%d %H:%M:%S}"
            code = links.code(cycle.id, member.slug)
            writer.writerow(
                [number, came, 12, "en", 7, code, came, came, *(answers if number % 10 else in_chinese)]
            )


async def _furnish(url: str, configuration: Configuration, now: datetime) -> int:
    """The round in force, with what it has to say; gives how many mails wait."""
    database = open_database(url)
    await migrate(database)
    before = now - 20 * _DAYS
    await put_in_force(database, configuration, now=before, by="bench", replaces=None, key=KEY.encode())
    clock = Desk(now)
    await Engine(database, clock, clock.bell(), Memory()).look()  # type: ignore[arg-type]
    waiting = await _number(database, "SELECT count(*) FROM outbox WHERE state = 'queued'")
    await database.close()
    return waiting


async def _number(database: Database, query: str) -> int:
    async with database.read() as connection:
        return int(await connection.scalar(text(query)) or 0)


def _run(cycle: Cycle, file: Path) -> float:
    """Seconds of the whole process."""
    command = [sys.executable, "-m", "scheduler", "cases", "import", cycle.id, str(file)]
    began = time.perf_counter()
    done = subprocess.run([*command, "--zone", "UTC", "--yes"], capture_output=True, text=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - began
    if done.returncode or f"new: {MEMBERS:,} reports came" not in done.stdout:
        raise SystemExit(f"it was not imported: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


@contextmanager
def _settings(url: str) -> Iterator[None]:
    given = {"SCHEDULER_DATABASE_URL": url, "SCHEDULER_SECRET_KEY": KEY}
    os.environ.update(given)
    try:
        yield
    finally:
        for name in given:
            del os.environ[name]


async def _reference(url: str, file: Path) -> float:
    database = open_database(url)
    began = time.perf_counter()
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = [{"id": int(row[0]), "at": row[1]} for row in list(csv.reader(opened))[1:]]
    async with database.write() as connection:
        await connection.execute(text("CREATE TABLE plain (id INTEGER PRIMARY KEY, at TEXT)"))
        await connection.execute(text("INSERT INTO plain (id, at) VALUES (:id, :at)"), rows)
    seconds = time.perf_counter() - began
    await database.close()
    return seconds
