"""D: the database."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import monotonic

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from chaos import outbox, replicas, staff, talks
from chaos.auditor import audit
from chaos.faults import Manners
from chaos.house import House
from chaos.postgres import Postgres
from chaos.rows.crashes import IN_FLIGHT, a_house
from chaos.serving import Serving
from chaos.trial import Trial, row, until
from scheduler.shipped import shipped


def _slow(trial: Trial) -> Manners:
    """So slow that a fan-out lasts as long as the fault."""
    return Manners(seconds_per_message=0.1 if trial.is_quick else 0.2)


Hurt = Callable[[Postgres], Awaitable[None]]


async def _while_hurt(trial: Trial, what: str, hurt: Hurt, times: int, every: float) -> Serving:
    """A fan-out on PostgreSQL, during which this happens so often; gives the service, which must live on."""
    cities = trial.many(1000, 150)
    postgres = trial.postgres()
    house = a_house(trial, cities)
    house.environment["SCHEDULER_DATABASE_URL"] = postgres.a_database()
    with trial.mail_server(house, _slow(trial)) as server:
        trial.inject(f"{2 * cities} mails, one replica on PostgreSQL; {times} × {what}, {every:.0f} s apart")
        async with house.serving() as service:
            await talks.soon(server, 20)
            slowest = oldest = 0.0
            for _ in range(times):
                await hurt(postgres)
                end = monotonic() + every
                while monotonic() < end:
                    slowest = max(slowest, (await service.get("/feeds/all.ics")).seconds)
                    oldest = max(oldest, await service.metric("scheduler_tick_age_seconds"))
                    await asyncio.sleep(0.25)
            was_done = await talks.done(house, 2 * cities)
            trial.claim("all is done", was_done, outbox.states(house.database_url))
            trial.claim("the service was never restarted", not service.has_ended)
            trial.claim("the clock ticks all the while", oldest < 60, oldest)
            trial.claim("feeds answer within 1 s all the while", slowest < 1, slowest)
            trial.figure(f"oldest tick {oldest:.1f} s, slowest feed {slowest:.2f} s")
            await service.stop()
        talks.judge(trial, house, server, talks.owed(cities), times * IN_FLIGHT)
    return service


@row("D01", "The database restarts again and again, and the service needs no help.")
async def restarts(trial: Trial) -> None:
    async def restart(postgres: Postgres) -> None:
        await asyncio.to_thread(postgres.restart)

    await _while_hurt(trial, "an immediate restart", restart, trial.many(10, 3), trial.many(10, 1))


@row("D02", "The database is killed again and again and recovers, and the service needs no help.")
async def crashes(trial: Trial) -> None:
    async def crash(postgres: Postgres) -> None:
        await asyncio.to_thread(postgres.crash)

    await _while_hurt(trial, "kill -9 of its processes", crash, trial.many(10, 3), trial.many(10, 1))


@row("D03", "The database freezes; feeds are served all the while, and no mail has two owners.")
async def frozen(trial: Trial) -> None:
    seconds = trial.many(30, 5)

    async def freeze(postgres: Postgres) -> None:
        postgres.freeze()
        asyncio.get_running_loop().call_later(seconds, postgres.thaw)

    await _while_hurt(trial, f"frozen for {seconds} s", freeze, 1, seconds + 2)


@row("D04", "All connections to the database are dropped every few seconds, and the log stays readable.")
async def dropped(trial: Trial) -> None:
    gone = 0

    async def drop(postgres: Postgres) -> None:
        nonlocal gone
        gone += await asyncio.to_thread(postgres.drop_connections)

    service = await _while_hurt(trial, "all connections dropped", drop, trial.many(40, 6), trial.many(3, 1))
    errors = [line for line in service.lines if line.get("level") == "error"]
    trial.figure(f"{gone} connections dropped, {len(errors)} lines of errors")
    trial.claim("at most one line for each connection", len(errors) <= gone, len(errors))


@row("D05", "Two replicas share the work; whatever dies and whenever, each notice goes out once.")
async def two_replicas(trial: Trial) -> None:
    seconds = trial.many(600, 40)
    cities, sessions = trial.many(500, 300), trial.many(20, 4)
    house, due = await replicas.prepare(trial, cities, sessions, seconds)
    trial.inject(
        f"{cities * sessions} reminders that fall due within {seconds} s, two replicas on PostgreSQL"
    )
    pair = replicas.Pair(trial, house, seconds)
    await pair.run(replicas.WHOLE_STORM, every=trial.many(10, 4))
    trial.inject(f"{pair.storm}")
    found = audit(due, pair.taken)
    trial.figure(str(found))
    trial.claim("nothing missing, unexpected, unstable, early or late", found.is_whole, found)
    most = pair.charges * IN_FLIGHT
    trial.claim(f"at most {most} repeated", found.charged <= most, found.charged)
    trial.figure(f"shares of the two: {pair.shares}")
    trial.claim("both sent a fair share", min(pair.shares) >= 0.2 * sum(pair.shares), pair.shares)
    planned = outbox.count(house.database_url, "1 = 1")
    trial.claim("no notice is planned twice", planned == len(due), planned)


@row("D06", "The database is away at the wrong moment; ticks go on, and the next reminder is punctual.")
async def wrong_moment(trial: Trial) -> None:
    cities, away, ahead = 10, trial.many(5, 2), trial.many(120, 8)
    house = a_house(trial, cities)
    house.environment["SCHEDULER_DATABASE_URL"] = trial.postgres().a_database()
    due_at = await replicas.remind(house, timedelta(seconds=ahead))
    with trial.mail_server(house) as server:
        async with house.serving() as service:
            await asyncio.sleep(1)
            await asyncio.to_thread(trial.postgres().away, away)
            trial.inject(
                f"the database is away for {away} s, {ahead} s before a reminder, over at least one tick"
            )
            await talks.soon(server, cities, ahead + 30)
            age = await service.metric("scheduler_tick_age_seconds")
            trial.claim("it ticks", age < 3, age)
        late = max((one.at for one in server.journal.taken), default=due_at + timedelta(days=1)) - due_at
        trial.figure(
            f"the last of {len(server.journal.taken)} reminders was {late.total_seconds():.1f} s late"
        )
        trial.claim("the reminder is punctual", timedelta(0) <= late < timedelta(seconds=5), late)
        trial.claim(
            "everybody is reminded once", len(server.journal.taken) == cities, len(server.journal.taken)
        )


@row("D07", "While the database is read-only nothing is sent that could not be marked, and it shows.")
async def read_only(trial: Trial) -> None:
    cities, seconds = trial.many(500, 100), trial.many(60, 8)
    postgres = trial.postgres()
    house = a_house(trial, cities)
    house.environment["SCHEDULER_DATABASE_URL"] = postgres.a_database()
    with trial.mail_server(house, _slow(trial)) as server:
        trial.inject(f"{2 * cities} mails; the database is read-only for {seconds} s in the middle")
        async with house.serving() as service:
            await talks.soon(server, cities // 2)
            await asyncio.to_thread(postgres.read_only, True)
            try:
                await asyncio.sleep(1)
                before = len(server.journal.taken)
                await asyncio.sleep(seconds - 1)
                sent = len(server.journal.taken) - before
                ready, live = await service.get("/health/ready"), await service.get("/health/live")
            finally:
                await asyncio.to_thread(postgres.read_only, False)
            trial.figure(f"{sent} mails left meanwhile; ready {ready.status}, live {live.status}")
            trial.claim("at most those on their way are handed over", sent <= IN_FLIGHT, sent)
            trial.claim(
                "not ready, but alive", (ready.status, live.status) == (503, 200), (ready.body, live.body)
            )
            was_done = await talks.done(house, 2 * cities)
            trial.claim("it goes on by itself", was_done, outbox.states(house.database_url))
            await service.stop()
        talks.judge(trial, house, server, talks.owed(cities), IN_FLIGHT)


@row("D10", "A database file that is gone, broken or not ours is refused in a sentence; an old one is kept.")
async def unusable_file(trial: Trial) -> None:
    for name, spoil in _SPOILT.items():
        house = await talks.invite(trial.house(3))
        with trial.mail_server(house) as server:
            await talks.finish(trial, house, 3)
            sent = len(server.journal.taken)
            file = Path(house.database_url.removeprefix("sqlite:///"))
            before = await asyncio.to_thread(spoil, file)
            trial.inject(f"the database file is {name}")
            exit_code, printed = await _try_to_serve(house)
            said = printed.strip().splitlines()
            trial.figure(f"{name}: exit code {exit_code}, {said[-1][:300] if said else 'nothing said'}")
            trial.claim(f"{name}: refused", exit_code not in (0, None), exit_code)
            is_clear = len(said) == 1 and "Traceback" not in printed
            trial.claim(f"{name}: in one sentence", is_clear, said[:3])
            after = await asyncio.to_thread(_octets, file)
            trial.claim(f"{name}: nothing is written over it", before == after)
            trial.claim(f"{name}: nothing is sent", len(server.journal.taken) == sent)
    await _older(trial)


async def _older(trial: Trial) -> None:
    """Its tables are brought up to date, and what stands in them stays."""
    house = talks.prepare(trial.house(3))
    file = Path(house.database_url.removeprefix("sqlite:///"))
    async with staff.MAKING_TABLES:
        await asyncio.to_thread(_of_the_past, file)
    trial.inject("the database file is of an older program")
    with trial.mail_server(house):
        await talks.finish(trial, house, 6)
    kept = outbox.ask(house.database_url, "SELECT count(*) FROM journal WHERE actor = 'Olga'")
    trial.claim("of an older program: what stood in it is kept", kept[0][0] == 1, kept)


async def _try_to_serve(house: House) -> tuple[int | None, str]:
    """The exit code and what was said; no code if it serves."""
    async with house.launching() as service:
        await until(
            lambda: service.has_ended or any(one.get("action") == "ready" for one in service.lines), 30
        )
        exit_code = service.process.returncode if service.has_ended else None
        if service.has_ended:
            exit_code = await service.process.wait()
        lines = [
            str(line.get("said") or line.get("event") or line)
            for line in service.lines
            if line != {"action": "end"}
        ]
    return exit_code, "\n".join(line.strip() for line in lines)


def _octets(file: Path) -> bytes:
    return file.read_bytes() if file.exists() else b""


def _emptied(file: Path) -> Path:
    for end in ("-wal", "-shm", ""):
        Path(f"{file}{end}").unlink(missing_ok=True)
    return file


def _delete(file: Path) -> bytes:
    return _octets(_emptied(file))


def _garble(file: Path) -> bytes:
    _emptied(file).write_bytes(b"no database at all, but somebody's shopping list\n" * 1000)
    return _octets(file)


def _of_another(file: Path) -> bytes:
    with closing(sqlite3.connect(_emptied(file))) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
        other.commit()
    return _octets(file)


def _of_the_future(file: Path) -> bytes:
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
        newer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return _octets(file)


def _of_the_past(file: Path) -> None:
    """The tables of the first version, with a line in them."""
    file.parent.mkdir(parents=True)
    config = Config()
    config.set_main_option("script_location", str(shipped("store/migrations")))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        values = "1, '2026-01-01 00:00:00', 'Olga', 'hold', 'talks', ''"
        connection.exec_driver_sql(
            f"INSERT INTO journal (id, at, actor, action, subject, detail) VALUES ({values})"  # noqa: S608 - ours
        )
    engine.dispose()


_SPOILT: dict[str, Callable[[Path], bytes]] = {
    "deleted": _delete,
    "garbage": _garble,
    "another program's": _of_another,
    "of a newer program": _of_the_future,
}
