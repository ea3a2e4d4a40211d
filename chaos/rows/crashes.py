"""C: crashes of the service."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from time import monotonic

from chaos import outbox, talks
from chaos.faults import Manners, Step
from chaos.house import House, address
from chaos.mail_server import MailServer
from chaos.serving import Serving
from chaos.trial import Trial, row, until

#: F: how many mails may be on their way at once in these rows.
IN_FLIGHT = 10
_KINDS = ("SQLite", "PostgreSQL")
#: What a relay takes for each mail.
_SLOW, _SLOWER = Manners(seconds_per_message=0.02), Manners(seconds_per_message=0.1)


def a_house(trial: Trial, cities: int) -> House:
    house = talks.prepare(trial.house(cities))
    house.environment["SCHEDULER_MAX_IN_FLIGHT"] = str(IN_FLIGHT)
    return house


def on(trial: Trial, house: House, kind: str) -> House:
    """The same house on this kind of database."""
    if kind == "PostgreSQL":
        house.environment["SCHEDULER_DATABASE_URL"] = trial.postgres().a_database()
    return house


@row(
    "C01", "Killed again and again in the middle of a fan-out, it loses nothing and repeats at most F a kill."
)
async def killed_again_and_again(trial: Trial) -> None:
    cities, kills = trial.many(2500, 300), trial.many(20, 6)
    for kind in _KINDS:
        house = on(trial, a_house(trial, cities), kind)
        with trial.mail_server(house, _SLOW) as server:
            trial.inject(f"{kind}: {2 * cities} mails, 20 ms for each; {kills} × SIGKILL at random times")
            await _kill(trial, house, server, kills, 2 * cities)
            await talks.finish(trial, house, 2 * cities)
            talks.judge(trial, house, server, talks.owed(cities), kills * IN_FLIGHT, f"{kind}: ")


async def _kill(trial: Trial, house: House, server: MailServer, kills: int, mails: int) -> None:
    """Each service lives until the server had some more mails, a random number, and a moment longer."""
    for _ in range(kills):
        async with house.launching() as service:
            more = trial.random.randrange(1, 2 * mails // kills)
            await talks.soon(server, len(server.journal.taken) + more, 8.0)
            await asyncio.sleep(trial.random.random() * 0.1)
            service.kill()


@row("C02", "Whenever it is killed between its start and the last mail, nothing is missing.")
async def killed_at_each_moment(trial: Trial) -> None:
    cities, points = trial.many(100, 30), trial.many(60, 9)
    trial.inject(f"{2 * cities} mails; SIGKILL at {points} moments from the start to the last mail")
    to_the_first, to_the_last = await _undisturbed(trial, cities)
    trial.figure(f"undisturbed {to_the_first:.1f} s to the first mail, then {to_the_last:.1f} s to the last")
    for point in range(points):
        house = a_house(trial, cities)
        with trial.mail_server(house, _SLOWER) as server:
            async with house.launching() as service:
                if point % 3 == 0:
                    await asyncio.sleep(to_the_first * (point + 0.5) / points)
                else:
                    await talks.soon(server, 1)
                    await asyncio.sleep(to_the_last * point / points)
                service.kill()
            at_the_kill = len(server.journal.taken)
            await talks.finish(trial, house, 2 * cities)
            of = f"point {point + 1}, after {at_the_kill} mails: "
            talks.judge(trial, house, server, talks.owed(cities), IN_FLIGHT, of)


async def _undisturbed(trial: Trial, cities: int) -> tuple[float, float]:
    """Seconds from the start to the first mail, and from there to the last."""
    house = a_house(trial, cities)
    begin = monotonic()
    with trial.mail_server(house, _SLOWER) as server:
        async with house.launching():
            await talks.soon(server, 1)
            first = monotonic()
            await talks.soon(server, 2 * cities)
    return first - begin, monotonic() - first


@row("C03", "Killed at the same step at every start, it gets on all the same, and loses nothing.")
async def killed_at_the_same_step(trial: Trial) -> None:
    starts = trial.many(20, 3)
    for name in ("after the claim", "before DATA", "after the 250", "after the mark"):
        cities = 25
        house = a_house(trial, cities)
        with trial.mail_server(house) as server:
            trial.inject(f"50 mails, {starts} starts, SIGKILL {name}")
            progress = [await _killed_at(name, house, server) for _ in range(starts)]
            server.watcher = None
            trial.figure(f"{name}: different mails after each start {progress}")
            if name in ("after the 250", "after the mark"):
                least = min(IN_FLIGHT, 2 * cities)
                trial.claim(
                    f"{name}: later starts get further", progress[-1] > progress[0] or progress[0] >= least
                )
            await talks.finish(trial, house, 2 * cities)
            talks.judge(trial, house, server, talks.owed(cities), starts * IN_FLIGHT, f"{name}: ")


async def _killed_at(name: str, house: House, server: MailServer) -> int:
    """One start that ends at this step; gives how many different mails there were then."""
    async with house.launching() as service:
        server.watcher = _WATCHERS[name](service) if name in _WATCHERS else None
        if name == "after the claim":
            server.manners = Manners(octet_seconds=1.0)  # it never gets beyond the greeting
            await _ended_or(service, lambda: outbox.count(house.database_url, "state = 'sending'") > 0)
        elif name == "after the mark":
            before = outbox.count(house.database_url, "state = 'sent'")
            await _ended_or(
                service, lambda: outbox.count(house.database_url, "state = 'sent'") > max(before, 0)
            )
        else:
            await _ended_or(service, lambda: False)
        service.kill()
        server.manners = Manners()
    return len(server.journal.names)


def _kills_at(step: str) -> Callable[[Serving], Callable[[str, str], None]]:
    return lambda service: lambda seen, _to: service.kill() if seen == step else None


_WATCHERS = {"before DATA": _kills_at(Step.RCPT), "after the 250": _kills_at("said")}


async def _ended_or(service: Serving, claim: Callable[[], bool]) -> None:
    await until(lambda: service.has_ended or claim(), 20.0, every=0.01)


@row("C04", "A stop in mid-run ends within 30 seconds, and nothing is sent twice.")
async def stopped_in_the_middle(trial: Trial) -> None:
    cities = trial.many(500, 150)
    for kind in _KINDS:
        house = on(trial, a_house(trial, cities), kind)
        with trial.mail_server(house, _SLOW) as server:
            trial.inject(f"{kind}: {2 * cities} mails; SIGTERM in the middle")
            async with house.serving() as service:
                await talks.soon(server, cities)
                await _stop(trial, house, server, service, kind)
            await talks.finish(trial, house, 2 * cities)
            talks.judge(trial, house, server, talks.owed(cities), 0, f"{kind}: ")


async def _stop(trial: Trial, house: House, server: MailServer, service: Serving, kind: str) -> None:
    begin, connections = monotonic(), server.journal.counts["connections"]
    exit_code = await service.stop()
    took = monotonic() - begin
    trial.figure(
        f"{kind}: stopped after {len(server.journal.taken)} mails, in {took:.1f} s, exit code {exit_code}"
    )
    trial.claim(f"{kind}: it ends by itself within 30 s", exit_code == 0 and took <= 30, (exit_code, took))
    opened = server.journal.counts["connections"] - connections
    trial.claim(f"{kind}: no new connection after the signal", opened == 0, opened)
    sending = outbox.count(house.database_url, "state = 'sending'")
    trial.claim(f"{kind}: no mail is left on its way", sending == 0, sending)


@row("C05", "Told to stop and killed at once, it is as if it had been killed.")
async def stopped_and_killed(trial: Trial) -> None:
    cities = trial.many(500, 150)
    for kind in _KINDS:
        house = on(trial, a_house(trial, cities), kind)
        with trial.mail_server(house, _SLOWER) as server:
            trial.inject(f"{kind}: {2 * cities} mails; SIGTERM in the middle, SIGKILL 0.2 s later")
            async with house.serving() as service:
                await talks.soon(server, cities)
                service.send(signal.SIGTERM)
                await asyncio.sleep(0.2)
                service.kill()
            await talks.finish(trial, house, 2 * cities)
            talks.judge(trial, house, server, talks.owed(cities), IN_FLIGHT, f"{kind}: ")


@row("C06", "A replica that sleeps through its lease wakes up to find its mails sent, and changes nothing.")
async def frozen_replica(trial: Trial) -> None:
    cities, lease, pauses = trial.many(500, 150), 3.0, trial.many(3, 1)
    house = a_house(trial, cities)
    house.environment |= {
        "SCHEDULER_DATABASE_URL": trial.postgres().a_database(),
        "SCHEDULER_LEASE_SECONDS": str(lease),
    }
    with trial.mail_server(house, Manners(seconds_per_message=0.05)) as server:
        trial.inject(f"{2 * cities} mails, two replicas; one frozen for three leases, {pauses} times")
        async with house.serving() as one, house.serving():
            await talks.soon(server, cities // 2)
            for _ in range(pauses):
                one.send(signal.SIGSTOP)
                await asyncio.sleep(3 * lease)
                one.send(signal.SIGCONT)
                await asyncio.sleep(lease / 2)
            was_done = await talks.done(house, 2 * cities)
            trial.claim("all is done", was_done, outbox.states(house.database_url))
            await asyncio.sleep(2 * lease)
        talks.judge(trial, house, server, talks.owed(cities), pauses * IN_FLIGHT)


@row("C08", "A mail whose writing kills the process is held after three crashes, and all others are sent.")
async def poison(trial: Trial) -> None:
    cities, starts = 25, 5
    house = a_house(trial, cities)
    house.command = ("-m", "chaos.entry")
    house.environment["CHAOS_POISON"] = "City 7"
    with trial.mail_server(house) as server:
        trial.inject(
            f"{2 * cities} mails; writing those to one city ends the process; {starts} starts and more"
        )
        crashes = 0
        for _ in range(4 * starts):
            async with house.launching() as service:
                await _ended_or(service, lambda: talks.is_done(house, 2 * cities))
                if not service.has_ended:
                    break
                crashes += 1
        trial.figure(f"{crashes} crashes, then {outbox.states(house.database_url)}")
        held = outbox.count(house.database_url, "state = 'held'")
        trial.claim("the two mails that kill are held", held == 2, held)
        trial.claim("three crashes each at the most", crashes <= 6, crashes)
        talks.judge(trial, house, server, talks.owed(cities, but=[address(7)]), 6 * IN_FLIGHT)
        async with house.serving() as service:
            ready = await service.get("/health/ready")
            trial.claim("readiness warns of what is held", "held" in ready.body, ready.body)
