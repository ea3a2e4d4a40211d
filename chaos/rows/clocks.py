"""T: time."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, reset_tzpath

import psutil

from chaos import outbox, replicas, staff, talks
from chaos.auditor import ALWAYS, Notice, audit, notice_of
from chaos.faults import Manners
from chaos.house import House, address
from chaos.journal import Journal
from chaos.rows.crashes import IN_FLIGHT, a_house
from chaos.shift import Shift, means
from chaos.trial import Trial, row, until
from scheduler.model.audience import Audience
from scheduler.model.cycles import Cohort, Cycle, Deadline
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, MinutesBefore, NoticeRule, QuietHours
from scheduler.model.series import Series

_HOUR = timedelta(hours=1)
_AWAKE = QuietHours(time(0), time(0))


def _reminding(name: str, minutes: int) -> NoticeRule:
    return NoticeRule(name, Kind.REMINDER, ("coordinator",), MinutesBefore(minutes))


def _talk(configuration: Configuration, name: str, starts_at: datetime, *rules: NoticeRule) -> Series:
    """A series of its own with one session and only these rules."""
    (series,) = configuration.series
    session = staff.at(series.sessions[0], starts_at)
    return staff.with_rules(replace(series, id=name, sessions=(session,)), more=rules)


def _base(house: House) -> Configuration:
    """The house's configuration, in which no hour is quiet."""
    configuration = staff.configuration_of(talks.prepare(house))
    return replace(configuration, network=replace(configuration.network, quiet_hours=_AWAKE))


def _reminded(journal: Journal, occurrence: str) -> list[str]:
    return [one.to for one in journal.taken if notice_of(one).occurrence == occurrence]


@row("T01", "After a clock was set forward, what is still of use goes out at once, and the rest is missed.")
async def forward(trial: Trial) -> None:
    cities, shift = 10, Shift(trial.folder / "clock")
    house = a_house(trial, cities)
    base, now = _base(house), datetime.now(UTC)
    useful = _talk(base, "useful", now + timedelta(minutes=90), _reminding("hour", 60))
    stale = _talk(base, "stale", now + timedelta(minutes=31), _reminding("minute", 1))
    await staff.decide(house, replace(base, series=(useful, stale)))
    with trial.mail_server(house) as server:
        trial.inject(f"two reminders due in 30 minutes; the clock is set forward by an hour; {means()}")
        async with shift.on(house).serving() as service:
            await asyncio.sleep(1)
            shift.set(3600)
            begin = asyncio.get_running_loop().time()
            went = await talks.soon(server, cities, 60)
            trial.figure(f"reminded {asyncio.get_running_loop().time() - begin:.1f} s after the step")
            trial.claim(
                "what is of use goes within 60 s",
                went and len(_reminded(server.journal, "first.useful")) == cities,
            )
            missed = "occurrence = 'first.stale' AND state = 'missed' AND reason <> ''"
            was_said = await until(lambda: outbox.count(house.database_url, missed) == cities, 10)
            trial.claim(
                "what is of no use any more is missed, with a reason",
                was_said,
                outbox.states(house.database_url),
            )
            await service.stop()
        trial.claim("nobody gets the other", not _reminded(server.journal, "first.stale"))


@row("T02", "After a clock was set back and forth, nothing is sent again, and the next mail is punctual.")
async def back_and_forth(trial: Trial) -> None:
    cities, shift = 50, Shift(trial.folder / "clock")
    house = a_house(trial, cities)
    base, now = _base(house), datetime.now(UTC)
    first = _talk(base, "before", now + timedelta(seconds=4) + _HOUR, _reminding("hour", 60))
    await staff.decide(house, replace(base, series=(first,)))
    with trial.mail_server(house) as server:
        away = trial.many(60, 5)
        trial.inject(f"{cities} reminders are sent; the clock is set back by an hour for {away} s; {means()}")
        async with shift.on(house).serving() as service:
            await talks.soon(server, cities)
            due_at = datetime.now(UTC) + timedelta(seconds=2 * away)
            second = _talk(base, "after", due_at + _HOUR, _reminding("hour", 60))
            await staff.decide(house, replace(base, series=(first, second)))
            shift.set(-3600)
            await asyncio.sleep(away)
            shift.set(0)
            await talks.soon(server, 2 * cities, away + 70)
            await service.stop()
        names = ("before", "after")
        every = range(1, cities + 1)
        owed = {Notice(address(n), f"first.{name}", "hour"): ALWAYS for n in every for name in names}
        found = audit(owed, server.journal.taken)
        late = server.journal.taken[-1].at - due_at
        trial.figure(f"{found}; the next reminder was {late.total_seconds():.1f} s late")
        trial.claim("everybody gets both, once", found.is_whole and found.charged == 0, found)
        trial.claim("the next one is at most 60 s late", late < timedelta(seconds=60), late)


@row("T03", "While a clock jumps to and fro during a fan-out, nothing is lost and no processor is burnt.")
async def flapping(trial: Trial) -> None:
    cities, flaps, every = trial.many(1000, 150), trial.many(15, 5), trial.many(20, 2)
    shift = Shift(trial.folder / "clock")
    house = a_house(trial, cities)
    with trial.mail_server(house, Manners(seconds_per_message=trial.many(60, 10) / 100)) as server:
        trial.inject(
            f"{2 * cities} mails; the clock jumps by an hour, {flaps} times, every {every} s; {means()}"
        )
        async with shift.on(house).serving() as service:
            await talks.soon(server, 10)
            process = psutil.Process(service.process.pid)
            begin, burnt = asyncio.get_running_loop().time(), _burnt(process)
            for flap in range(flaps):
                shift.set(3600 if flap % 2 == 0 else -3600)
                await asyncio.sleep(every)
            share = (_burnt(process) - burnt) / (asyncio.get_running_loop().time() - begin)
            shift.set(0)
            was_done = await talks.done(house, 2 * cities, 300)
            trial.claim("all is done", was_done, outbox.states(house.database_url))
            await service.stop()
        trial.figure(f"{share:.0%} of a processor while it jumps")
        trial.claim("no busy loop", share < 0.9, share)
        talks.judge(trial, house, server, talks.owed(cities), flaps * IN_FLIGHT)


def _burnt(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


class Wish(NamedTuple):
    """An hour of every day somewhere."""

    zone: str
    at: time


_WISHES = (
    Wish("Europe/Berlin", time(2, 30)),
    Wish("America/Santiago", time(0)),
    Wish("Africa/Cairo", time(0, 30)),
    Wish("Australia/Lord_Howe", time(1, 45)),
    Wish("Europe/Dublin", time(1, 30)),
)
_YEARS = (date(2026, 1, 1), date(2029, 1, 1))


@row("T04", "Through every clock change of three years, each day has its one mail, at the hour of the rule.")
async def every_clock_change(trial: Trial) -> None:
    """Played on the virtual clock; the other opinion is zoneinfo's with the tz database of PyPI."""
    reset_tzpath(to=())
    house = trial.house(len(_WISHES))
    base = _base(house)
    members = tuple(replace(one, zone=wish.zone) for one, wish in zip(base.members, _WISHES, strict=True))
    days = {wish: _days_around_changes(wish.zone) for wish in _WISHES}
    series = tuple(
        _daily(base, wish, member.slug, days[wish]) for wish, member in zip(_WISHES, members, strict=True)
    )
    start, end = (datetime.combine(day, time(0), UTC) for day in _YEARS)
    configuration = replace(base, members=members, series=series, cycles=())
    played = await staff.rehearsed(configuration, start, end, trial.folder / "rehearsal")
    number = sum(map(len, days.values()))
    trial.inject(
        f"{number} days around each gap and fold of 2026 to 2028 in {len(_WISHES)} zones, on a virtual clock"
    )
    for wish, member in zip(_WISHES, members, strict=True):
        sent = sorted(entry.instant for entry in played.timeline if entry.member == member.slug)
        wanted = [datetime.combine(day, wish.at, ZoneInfo(wish.zone)).astimezone(UTC) for day in days[wish]]
        wrong = sorted(set(sent) ^ set(wanted))
        trial.figure(f"{wish.zone} {wish.at:%H:%M}: {len(sent)} mails on {len(wanted)} days")
        trial.claim(f"{wish.zone}: one a day, at its hour", sent == wanted, wrong[:4])


def _days_around_changes(zone: str) -> list[date]:
    """Two days before to two after each change of the clock."""
    clock, found, day = ZoneInfo(zone), set[date](), _YEARS[0] + timedelta(days=4)
    while day < _YEARS[1] - timedelta(days=4):
        noon = datetime.combine(day, time(12), clock)
        if (noon + timedelta(days=1)).utcoffset() != noon.utcoffset():
            found |= {day + timedelta(days=n) for n in range(-2, 4)}
        day += timedelta(days=1)
    return sorted(found)


def _daily(base: Configuration, wish: Wish, slug: str, days: list[date]) -> Series:
    """A session on the day after each of these, so that its reminder falls on them."""
    (series,) = base.series
    audience = Audience(slug, members=(slug,))
    sessions = tuple(
        replace(
            series.sessions[0],
            id=f"day-{day}",
            on=day + timedelta(days=1),
            start=time(15),
            zone=wish.zone,
            audience=audience,
        )
        for day in days
    )
    rule = NoticeRule("daily", Kind.REMINDER, ("coordinator",), Days(-1, wish.at))
    announced = _YEARS[0] - timedelta(days=30)
    return staff.with_rules(replace(series, id=slug, announced=announced, sessions=sessions), more=(rule,))


@row("T05", "After three days of silence everybody gets one mail for each occasion: the latest useful one.")
async def three_days_down(trial: Trial) -> None:
    cities, shift = 10, Shift(trial.folder / "clock")
    house = a_house(trial, cities)
    base, now = _base(house), datetime.now(UTC)
    rules = [_reminding(f"hours-{hours}", hours * 60) for hours in (70, 48, 24)]
    talk = _talk(base, "missed", now + timedelta(hours=74), *rules)
    await staff.decide(house, replace(base, series=(talk,), cycles=(_round(base, now),)))
    with trial.mail_server(house) as server:
        trial.inject(
            f"three reminders of a talk and two steps to a deadline fall due while nothing runs; {means()}"
        )
        async with shift.on(house).serving() as service:
            await asyncio.sleep(1)
            await service.stop()
        too_early = len(server.journal.taken)
        shift.set(72 * 3600)
        async with shift.on(house).serving() as service:
            await talks.soon(server, 2 * cities, 30)
            await asyncio.sleep(2)
            await service.stop()
        trial.claim("nothing was due before", too_early == 0, too_early)
        wanted = {("first.missed", "hours-24"), ("round", "days-3")}
        got: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for one in server.journal.taken:
            notice = notice_of(one)
            got[one.to].append((notice.occurrence, notice.rule))
        seen = sorted({tuple(sorted(mails)) for mails in got.values()})
        trial.figure(f"{len(server.journal.taken)} mails to {len(got)} cities: {seen}")
        is_right = len(got) == cities and all(sorted(mails) == sorted(wanted) for mails in got.values())
        trial.claim("one mail for each occasion, the latest useful one", is_right, seen)
        missed = outbox.count(house.database_url, "state = 'missed' AND reason <> ''")
        trial.claim(
            "the others are missed, with a reason", missed == 3 * cities, outbox.states(house.database_url)
        )


def _round(base: Configuration, now: datetime) -> Cycle:
    """A reporting round that is due in five days; two steps of its ladder lie in the next three."""
    cohort = Cohort(also=tuple(member.slug for member in base.members))
    deadline = Deadline((now + timedelta(days=5)).date(), time(23, 59), "UTC")
    steps = (
        NoticeRule(f"days-{days}", Kind.REPORT_REMINDER, ("coordinator",), Days(-days, time(12)))
        for days in (4, 3)
    )
    return Cycle(
        id="round",
        title="A round of reports",
        period=("2025-01", "2026-04"),
        opens=(now - timedelta(days=30)).date(),
        deadline=deadline,
        submit_at="https://reports.learning-cities.example/round",
        who=cohort,
        rules=tuple(steps),
    )


@row("T06", "A replica whose clock is ten minutes ahead sends nothing early and takes nothing away.")
async def ahead(trial: Trial) -> None:
    seconds, shift = trial.many(180, 35), Shift(trial.folder / "clock")
    shift.set(600)
    cities, sessions = trial.many(100, 30), trial.many(10, 5)
    house, due = await replicas.prepare(trial, cities, sessions, seconds)
    trial.inject(
        f"{len(due)} reminders due within {seconds} s, two replicas, one 10 minutes ahead; {means()}"
    )
    pair = replicas.Pair(trial, house, seconds, change=shift.on)
    await pair.run(())
    found = audit(due, pair.taken)
    trial.figure(f"{found}; shares {pair.shares}")
    trial.claim("nothing missing, unexpected, early or late", found.is_whole, found)
    trial.claim("no lease is stolen: nothing is repeated", found.charged == 0, found.charged)
