"""S: the mail server misbehaves."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from time import monotonic

from chaos import outbox, talks
from chaos.certificates import Certificate, context, write_authority
from chaos.faults import CUT_INSIDE, LOST, QUIT_HANGS, SAID_AND_CUT, TAKEN_UNSAID, End, Fault, Manners, Step
from chaos.house import House, address
from chaos.journal import Journal
from chaos.mail_server import MailServer
from chaos.serving import Serving
from chaos.trial import Trial, row

_SLOW = Manners(seconds_per_message=0.05)
#: This machine by a name for which a service demands TLS.
_ANY_HOST = "0.0.0.0"  # noqa: S104 - it is our own test server
#: Seconds within which something that a person must mend is said.
_ALERT = 60.0
_GONE = "550 5.1.1 no such mailbox"


async def a_house(trial: Trial, cities: int, minute: float | None = None) -> House:
    """Invitations wait in it; a minute of its ladder lasts so many seconds."""
    return trial.patient(await talks.invite(trial.house(cities)), minute)


def a_short_minute(trial: Trial) -> float:
    """Seconds of a ladder that some mails climb to its fourth step."""
    return 0.6 if trial.is_quick else 6.0


@row("S01", "Each reply has its own end: later, never, or sent; nothing is tried again after a never.")
async def replies(trial: Trial) -> None:
    cities = trial.many(500, 150)
    gone = frozenset(address(n) for n in trial.random.sample(range(1, cities + 1), 10))
    faults = (
        Fault(Step.RCPT, _GONE, to=gone),
        Fault(Step.RCPT, "450 4.2.1 mailbox busy", share=0.2),
        Fault(Step.RCPT, "421 4.3.2 going down", share=0.05),
        Fault(Step.DOT, "452 4.3.1 disk full", share=0.05),
    )
    house = await a_house(trial, cities, a_short_minute(trial))
    with trial.mail_server(house, Manners(faults)) as server:
        trial.inject(
            f"{cities} mails; 450 for 20 %, 421 for 5 %, 452 after the dot for 5 %, 550 for ten addresses"
        )
        await talks.finish(trial, house, cities, 15 * 60)
        talks.judge(trial, house, server, talks.owed_invitations(cities, but=gone), 0)
        tries = [to for _, to in server.journal.tries if to in gone]
        trial.claim("who is refused for good is asked once", len(tries) == 10, len(tries))
        said = outbox.count(house.database_url, f"state = 'failed' AND reason LIKE '%{_GONE}%'")
        trial.claim("ten have failed, with the server's words", said == 10, said)
        first, gap = a_short_minute(trial), shortest_gap(server.journal)
        trial.figure(
            f"the shortest wait before another try was {gap:.2f} s; the ladder begins with {first:.2f} s"
        )
        trial.claim("nobody is tried again before the ladder says so", gap >= first * 0.95, gap)


def shortest_gap(journal: Journal) -> float:
    """Seconds between a "later" and the next try of the same address, at the least."""
    tries: dict[str, list[float]] = defaultdict(list)
    for at, to in journal.tries:
        tries[to].append(at)
    later = [one for one in journal.said if one.reply.startswith("4") and one.step in (Step.RCPT, Step.DOT)]
    gaps = (at - one.at for one in later for at in tries[one.to] if at > one.at)
    return min(gaps, default=float("inf"))


@row("S02", "Mails that a broken line swallowed are sent again, and nobody gets one twice.")
async def swallowed(trial: Trial) -> None:
    await _with_faults(
        trial,
        (replace(CUT_INSIDE, share=0.1), replace(LOST, share=0.1)),
        "cut in the message, 10 %; cut after it, not taken, 10 %",
    )


@row("S03", "Mails that were taken without a word are repeated with the same Message-ID, UID and SEQUENCE.")
async def taken_without_a_word(trial: Trial) -> None:
    await _with_faults(trial, (replace(TAKEN_UNSAID, share=0.1),), "taken, and cut before the 250, 10 %")


async def _with_faults(trial: Trial, faults: tuple[Fault, ...], what: str) -> None:
    cities = trial.many(300, 150)
    house = await a_house(trial, cities, a_short_minute(trial))
    with trial.mail_server(house, Manners(faults)) as server:
        trial.inject(f"{cities} mails; {what}")
        await talks.finish(trial, house, cities, 15 * 60)
        talks.judge(trial, house, server, talks.owed_invitations(cities), 0)


@row("S04", "After the 250 the line may break and the farewell may hang: the mail is sent, and no slower.")
async def rude_farewell(trial: Trial) -> None:
    cities = 100
    took: dict[str, float] = {}
    ways = {"well-mannered": (), "cut after each 250": (SAID_AND_CUT,), "QUIT hangs": (QUIT_HANGS,)}
    for name, faults in ways.items():
        house = await a_house(trial, cities)
        with trial.mail_server(house, replace(_SLOW, faults=faults)) as server:
            trial.inject(f"{cities} mails; {name}")
            await talks.finish(trial, house, cities)
            talks.judge(trial, house, server, talks.owed_invitations(cities), 0, f"{name}: ")
            took[name] = server.journal.taken[-1].ended - server.journal.taken[0].began
    trial.figure(", ".join(f"{name}: {seconds:.2f} s" for name, seconds in took.items()))
    slowest = max(took.values())
    trial.claim("at least half as fast", slowest <= 2 * took["well-mannered"] + 0.5, took)


@row("S05", "A 250 that takes long is waited for; other mails pass by.")
async def slow_reply(trial: Trial) -> None:
    cities, wait = 50, max(2.0, trial.wait(90))
    slow = frozenset(address(n) for n in trial.random.sample(range(1, cities + 1), 5))
    house = await a_house(trial, cities)
    house.environment["SCHEDULER_MAIL_CONNECTIONS"] = "8"
    if trial.is_quick:
        house.environment["SCHEDULER_MAIL_REPLY_SECONDS"] = str(3 * wait)
    faults = (Fault(Step.DOT, wait=wait, takes=True, to=slow),)
    with trial.mail_server(house, Manners(faults)) as server:
        trial.inject(f"{cities} mails over 8 connections; the 250 takes {wait:.1f} s for five of them")
        await talks.finish(trial, house, cities, 60 + 5 * wait)
        talks.judge(trial, house, server, talks.owed_invitations(cities), 0)
        quick = [one.ended for one in server.journal.taken if one.to not in slow]
        begin = min(one.began for one in server.journal.taken)
        last = max(quick) - begin
        trial.figure(f"the last of the others was taken after {last:.2f} s")
        trial.claim("the others do not wait for the five", last < wait, last)


@row("S06", "While the server hangs the service ticks and answers; afterwards all mails go out.")
async def hanging_server(trial: Trial) -> None:
    cities, length = 20, max(2.0, trial.wait(120))
    ways = {
        "hangs at connect": Manners((Fault(Step.GREETING, says="", ends=End.HANGS),)),
        "hangs in DATA": Manners((Fault(Step.DATA, says="", ends=End.HANGS),)),
        "an octet every 2 s": Manners(octet_seconds=2.0),
    }
    for name, manners in ways.items():
        house = await a_house(trial, cities)
        with trial.mail_server(house, manners) as server:
            trial.inject(f"{cities} mails; the server {name} for {length:.0f} s")
            async with house.serving() as service:
                await _is_alive(trial, service, name, length)
                server.manners = Manners()
                server.close()
                server.open()
                was_done = await talks.done(house, cities, max(60.0, trial.wait(600)))
                trial.claim(f"{name}: all go out afterwards", was_done, outbox.states(house.database_url))
                await service.stop()
            talks.judge(trial, house, server, talks.owed_invitations(cities), 0, f"{name}: ")


async def _is_alive(trial: Trial, service: Serving, name: str, seconds: float) -> None:
    """Looks at the service as long as it must bear this."""
    end, slowest, oldest = monotonic() + seconds, 0.0, 0.0
    while monotonic() < end:
        slowest = max(slowest, (await service.get("/feeds/all.ics")).seconds)
        oldest = max(oldest, await service.metric("scheduler_tick_age_seconds"))
        await asyncio.sleep(seconds / 20)
    trial.claim(f"{name}: feeds answer within 1 s", slowest < 1, slowest)
    trial.claim(f"{name}: the clock ticks", oldest < 3, oldest)


@row("S07", "An outage burns no attempts; afterwards the backlog drains, no faster than is allowed.")
async def outage(trial: Trial) -> None:
    cities, length, rate = trial.many(1000, 200), trial.wait(600), 50
    house = await a_house(trial, cities)
    house.environment["SCHEDULER_MAIL_PER_SECOND"] = str(rate)
    with trial.mail_server(house) as server:
        server.close()
        trial.inject(f"{cities} mails, at most {rate} a second; connections refused for {length:.0f} s")
        async with house.serving() as service:
            await asyncio.sleep(length * 0.5)
            breaker = await service.metric("scheduler_breaker_open")
            trial.claim("the breaker shows in /metrics", breaker == 1, breaker)
            await asyncio.sleep(length * 0.5)
            burnt = outbox.count(house.database_url, "attempts > 0 OR state IN ('failed', 'missed')")
            trial.claim("no attempt is counted, nothing has failed", burnt == 0, burnt)
            server.open()
            begin = monotonic()
            was_done = await talks.done(house, cities, 120)
            trial.figure(f"drained {monotonic() - begin:.1f} s after the outage")
            trial.claim("it drains within 2 minutes", was_done, outbox.states(house.database_url))
            await service.stop()
        talks.judge(trial, house, server, talks.owed_invitations(cities), 0)
        burst = most_within([one.began for one in server.journal.taken], 1.0)
        trial.figure(f"at most {burst} mails within a second")
        trial.claim("no burst above the rate", burst <= 1.3 * rate, burst)


def most_within(instants: Sequence[float], seconds: float) -> int:
    """How many lie within any such span, at the most."""
    ordered = sorted(instants)
    return max(
        (sum(at <= one < at + seconds for one in ordered[n:]) for n, at in enumerate(ordered)), default=0
    )


@row("S08", 'A server that says "slower" gets less, and then takes everything.')
async def throttled(trial: Trial) -> None:
    cities, limit, settling = trial.many(1000, 160), 20, trial.many(10, 3)
    ways = ("454 4.7.0 too many messages, slow down", "451 4.7.1 slow down")
    for says in ways:
        house = await talks.invite(trial.house(cities))
        with trial.mail_server(house, Manners(most_per_second=limit, limit_says=says)) as server:
            trial.inject(f'{cities} mails; "{says}" at MAIL above {limit} a second')
            await talks.finish(trial, house, cities, 240)
            talks.judge(trial, house, server, talks.owed_invitations(cities), 0, f"{says[:3]}: ")
            begin = server.journal.taken[0].began
            refused = sum(one.reply == says for one in server.journal.said if one.at > begin + settling)
            took = sum(one.ended > begin + settling for one in server.journal.taken)
            share = refused / max(1, refused + took)
            rate = len(server.journal.taken) / (server.journal.taken[-1].ended - begin)
            trial.figure(f"{says[:3]}: {rate:.1f} a second, {share:.1%} refused after {settling:.0f} s")
            trial.claim(f"{says[:3]}: less than 5 % refused then", share < 0.05, share)


@row("S09", "What is put off as greylisting does arrives at the second or third try.")
async def greylisted(trial: Trial) -> None:
    cities, seconds = 100, trial.wait(120)
    house = await a_house(trial, cities)
    with trial.mail_server(house, Manners(grey_seconds=seconds)) as server:
        trial.inject(f"{cities} mails; each address is put off for {seconds:.1f} s")
        await talks.finish(trial, house, cities, max(20.0, trial.wait(900)))
        talks.judge(trial, house, server, talks.owed_invitations(cities), 0)
        tries = max(outbox.ask(house.database_url, "SELECT max(attempts) FROM outbox")[0])
        trial.claim("at the second or third try", 1 <= tries <= 2, tries)
        whole = server.journal.taken[-1].ended - server.journal.tries[0][0]
        trial.figure(f"the last was taken after {whole:.1f} s")
        trial.claim("in good time", whole < max(20.0, trial.wait(600)), whole)


@row("S10", "Where TLS is not as it must be, nothing is sent, least of all in clear, and a person is told.")
async def bad_tls(trial: Trial) -> None:
    cities = 10
    ca = trial.folder / "authority.pem"
    write_authority(ca)
    for way in (*list(Certificate)[1:], None):
        name = way.value if way else "no STARTTLS"
        house = await a_house(trial, cities)
        house.environment["SCHEDULER_MAIL_CA"] = str(ca)
        trial.inject(f"{cities} mails; certificate: {name}" if way else f"{cities} mails; {name}")
        await _refused_until_mended(trial, house, name, context(way, _ANY_HOST) if way else None)


async def _refused_until_mended(trial: Trial, house: House, name: str, bad: object) -> None:
    server = MailServer(trial.random.getrandbits(32), host=_ANY_HOST, starttls=bad)  # type: ignore[arg-type]
    with server.running():
        house.environment["SCHEDULER_MAIL_URL"] = server.url
        async with house.serving() as service:
            begin = monotonic()
            was_said = await _warned(service, "the mail server is away", _ALERT)
            trial.claim(f"{name}: said within a minute", was_said, monotonic() - begin)
            await asyncio.sleep(trial.wait(60))
            heard = {word: server.journal.counts[word] for word in ("MAIL", "AUTH", "DATA")}
            trial.claim(f"{name}: nothing is begun", not any(heard.values()), heard)
            waiting = outbox.count(house.database_url, f"{outbox.UNSENT} AND attempts = 0")
            trial.claim(f"{name}: all wait, uncounted", waiting == 10, waiting)
            server.starttls = context(Certificate.GOOD, _ANY_HOST)
            was_done = await talks.done(house, 10, max(30.0, trial.wait(420)))
            trial.claim(f"{name}: all go out once it is mended", was_done, outbox.states(house.database_url))
            await service.stop()
        talks.judge(trial, house, server, talks.owed_invitations(10), 0, f"{name}: ")


async def _warned(service: Serving, words: str, seconds: float) -> bool:
    """Readiness says so, in time."""
    end = monotonic() + seconds
    while monotonic() < end:
        if words in (await service.get("/health/ready")).body:
            return True
        await asyncio.sleep(0.2)
    return False


@row("S11", "A wrong password is not tried again and again, and a person is told.")
async def wrong_password(trial: Trial) -> None:
    cities, span = 10, max(2.0, trial.wait(150))
    house = await a_house(trial, cities)
    with trial.mail_server(house, Manners(password="right")) as server:  # noqa: S106 - a made-up one
        house.environment["SCHEDULER_MAIL_URL"] = server.url.replace("://", "://scheduler:wrong@")
        trial.inject(f"{cities} mails; the password is wrong for {span:.0f} s")
        async with house.serving() as service:
            was_said = await _warned(service, "the mail server is away", _ALERT)
            trial.claim("it is said", was_said)
            await asyncio.sleep(span)
            tries = [one.at for one in server.journal.said if one.step == Step.AUTH]
            gap = min((later - earlier for earlier, later in pairwise(tries)), default=span)
            trial.figure(f"{len(tries)} tries in {span:.0f} s, the nearest two {gap:.2f} s apart")
            trial.claim("at most one try in 30 s", gap >= trial.wait(30) * 0.95, gap)
            waiting = outbox.count(house.database_url, f"{outbox.UNSENT} AND attempts = 0")
            trial.claim("all wait, uncounted", waiting == cities, waiting)
            server.manners = Manners(password="wrong")  # noqa: S106 - a made-up one
            was_done = await talks.done(house, cities, max(30.0, trial.wait(420)))
            trial.claim("all go out once it is right", was_done, outbox.states(house.database_url))
            await service.stop()
        talks.judge(trial, house, server, talks.owed_invitations(cities), 0)


@row("S12", "A server that knows ASCII only gets ASCII only; who cannot be reached so fails by name.")
async def plain_server(trial: Trial) -> None:
    house = await _invite_in_letters(trial.house(5))
    with trial.mail_server(house, Manners(extensions=())) as server:
        cities = ", ".join(f"{name} <{to}>" for _, name, to in _LETTERS)
        trial.inject(f"a server without SMTPUTF8, 8BITMIME and PIPELINING; 5 plain cities and {cities}")
        await talks.finish(trial, house, 5 + len(_LETTERS), 20)
        arrived = {one.to for one in server.journal.taken}
        wanted = {*(address(n) for n in range(1, 6)), "stadt@xn--mnchen-3ya.example", "info@emoji.example"}
        trial.claim("all that can be reached are, the domain as its A-label", arrived == wanted, arrived)
        repeated = len(server.journal.taken) - len(arrived)
        trial.claim("nothing is repeated", repeated == 0, repeated)
        others = outbox.ask(
            house.database_url, "SELECT state, reason, reply FROM outbox WHERE state <> 'sent'"
        )
        trial.figure(f"not sent: {others}")
        has_failed = len(others) == 1 and others[0][0] == "failed" and bool(others[0][1])
        trial.claim("the other has failed with a reason", has_failed, others)
        trial.claim("no command before its time", not server.journal.counts["pipelined unasked"])
        trial.claim("no octet above 127", not server.journal.counts["8 bit"], server.journal.counts["8 bit"])


#: slug, name and address of cities in other letters
_LETTERS = (
    ("emoji", "Emoji 🎓 City", "info@emoji.example"),
    ("muenchen", "München", "stadt@münchen.example"),
    ("local", "Ort", "bürger@local.example"),
)


async def _invite_in_letters(house: House) -> House:
    """The last address would be refused in members.csv: here it comes in by another door."""
    with (house.config / "members.csv").open("a", encoding="utf-8") as file:
        for slug, name, to in _LETTERS:
            plain = to.replace("bürger", "buerger")
            file.write(f"{slug},{name},DE,europe-and-north-america,Europe/Berlin,en,Sat-Sun,2019,{plain}\n")
    return await talks.invite(house, {"buerger@local.example": "bürger@local.example"})
