"""P: staff edit, and contacts come and go, at the worst moments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from time import monotonic

from chaos import outbox, staff, talks
from chaos.faults import Manners
from chaos.house import House, address
from chaos.journal import Taken
from chaos.rows.crashes import a_house
from chaos.trial import Trial, row, until
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind, MinutesBefore, NoticeRule, QuietHours
from scheduler.model.series import Status
from scheduler.service.in_force import Memory
from scheduler.service.rehearsal import Edit, Entry, Rehearsal
from scheduler.service.stopping import ONE_CLICK, Stopping
from scheduler.store.database import open_database

#: What is played on the virtual clock is played on these days: a Monday, and a talk two weeks later.
_APPLIED = datetime(2027, 5, 31, 8, tzinfo=UTC)
_STARTS = datetime(2027, 6, 14, 11, tzinfo=UTC)
_VIRTUAL = "on the virtual clock of a rehearsal: the same engine and outbox"
_DAY_BEFORE = NoticeRule("day", Kind.REMINDER, ("coordinator",), MinutesBefore(24 * 60))
_HOUR_BEFORE = NoticeRule("hour", Kind.REMINDER, ("coordinator",), MinutesBefore(60))
_SLOW = Manners(seconds_per_message=0.05)


def _moved(configuration: Configuration, starts_at: datetime) -> Configuration:
    (series,) = configuration.series
    return replace(
        configuration, series=(replace(series, sessions=(staff.at(series.sessions[0], starts_at),)),)
    )


def _with_status(configuration: Configuration, status: Status) -> Configuration:
    (series,) = configuration.series
    session = replace(series.sessions[0], status=status)
    return replace(configuration, series=(replace(series, sessions=(session,)),))


def _later(
    configuration: Configuration, *rules: NoticeRule, settle: timedelta = timedelta(0)
) -> Configuration:
    """The talk of the virtual clock, with invitations, corrections and these reminders; no hour is quiet."""
    network = replace(configuration.network, settle=settle, quiet_hours=QuietHours(time(0), time(0)))
    (series,) = configuration.series
    told = (Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED)
    series = staff.with_rules(replace(series, announced=date(2027, 5, 1)), *told, more=rules)
    return _moved(replace(configuration, network=network, series=(series,)), _STARTS)


async def _play(
    trial: Trial, configuration: Configuration, *edits: tuple[datetime, Configuration]
) -> Rehearsal:
    folder = trial.folder / "rehearsal"
    end = _STARTS + timedelta(days=3)
    return await staff.rehearsed(configuration, _APPLIED, end, folder, *(Edit(*edit) for edit in edits))


def _of(played: Rehearsal, member: str = "city-1") -> list[Entry]:
    return [entry for entry in played.timeline if entry.member == member]


@row("P07", "Of a talk that is moved a minute before its reminder, nobody is reminded at the old hour.")
async def moved_before_its_reminder(trial: Trial) -> None:
    base = _later(staff.configuration_of(talks.prepare(trial.house(3))), _HOUR_BEFORE)
    new = _STARTS + timedelta(days=1)
    edited_at = _STARTS - timedelta(minutes=61)
    trial.inject(f"moved by a day one minute before its reminder is due; {_VIRTUAL}")
    played = await _play(trial, base, (edited_at, _moved(base, new)))
    entries = _of(played)
    trial.figure(", ".join(f"{entry.kind} at {entry.instant:%d %H:%M}" for entry in entries))
    reminders = [entry.instant for entry in entries if entry.kind == "reminder"]
    trial.claim(
        "one reminder, an hour before the new start", reminders == [new - timedelta(hours=1)], reminders
    )
    (invited, changed) = (next(e for e in entries if e.kind == kind) for kind in ("invitation", "changed"))
    steps = (invited.sequence, changed.sequence)
    trial.claim("the update has the next SEQUENCE", steps[0] is not None and steps[1] == steps[0] + 1, steps)
    feed = (trial.folder / "rehearsal" / "feeds" / "all.ics").read_bytes()
    uids = {line for line in feed.split(b"\r\n") if line.startswith(b"UID:first.talks@")}
    shown = b"SEQUENCE:1" in feed and b"DTSTART:20270615T110000Z" in feed and len(uids) == 1
    trial.claim("the feed shows the same entry at the new hour with the same SEQUENCE", shown)


@row("P08", "Of a talk that is moved while it is told, nobody is left with the old hour.")
async def moved_in_the_middle(trial: Trial) -> None:
    cities = trial.many(1000, 150)
    house = a_house(trial, cities)
    configuration = _told(staff.configuration_of(talks.prepare(house)))
    await staff.decide(house, configuration)
    with trial.mail_server(house, _SLOW) as server:
        async with house.serving() as service:
            await talks.soon(server, cities // 2)
            new = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=29)
            await staff.decide(house, _moved(configuration, new))
            trial.inject(
                f"{cities} invitations; moved by a day when {len(server.journal.taken)} had been taken"
            )
            await until(lambda: outbox.count(house.database_url, "kind = 'changed'") > 0)
            was_done = await talks.done(house, cities)
            trial.claim("all is done", was_done, outbox.states(house.database_url))
            await service.stop()
        mails = _by_address(server.journal.taken)
        twice = sum(len(found) == 2 for found in mails.values())
        trial.figure(f"{twice} got both, {cities - twice} only the new hour")
        trial.claim("everybody is told", len(mails) == cities, len(mails))
        wanted = f"{new:%Y%m%dT%H%M%SZ}"
        wrong = [to for to, found in mails.items() if found[-1].starts != wanted]
        trial.claim("the last word is the new hour", not wrong, wrong[:3])
        falls = [to for to, found in mails.items() if not _rises(found)]
        trial.claim("SEQUENCE only rises", not falls, falls[:3])
        most = max(map(len, mails.values()))
        trial.claim("one update at the most", most <= 2, most)


def _told(configuration: Configuration) -> Configuration:
    """Only what goes into calendars."""
    told = (Kind.INVITATION, Kind.CHANGED, Kind.CANCELLED)
    series = tuple(staff.with_rules(one, *told) for one in configuration.series)
    return replace(configuration, series=series)


def _by_address(taken: Sequence[Taken]) -> dict[str, list[Taken]]:
    found = defaultdict(list)
    for one in taken:
        found[one.to].append(one)
    return dict(found)


def _rises(mails: Sequence[Taken]) -> bool:
    steps = [int(one.sequence) for one in mails]
    return steps == sorted(set(steps))


@row("P09", "Once a talk is cancelled nobody is invited any more, and only who was invited hears of it.")
async def cancelled_in_the_middle(trial: Trial) -> None:
    cities = trial.many(500, 150)
    house = a_house(trial, cities)
    configuration = _told(staff.configuration_of(talks.prepare(house)))
    await staff.decide(house, configuration)
    with trial.mail_server(house, _SLOW) as server:
        async with house.serving() as service:
            await talks.soon(server, cities // 2)
            await staff.decide(house, _with_status(configuration, Status.CANCELLED))
            decided = monotonic()
            trial.inject(f"{cities} invitations; cancelled when {len(server.journal.taken)} had been taken")
            await until(lambda: outbox.count(house.database_url, "kind = 'cancelled'") > 0)
            was_done = await talks.done(house, cities)
            trial.claim("all is done", was_done, outbox.states(house.database_url))
            await service.stop()
        invited = [one for one in server.journal.taken if one.method == "REQUEST"]
        cancelled = [one for one in server.journal.taken if one.method == "CANCEL"]
        last = max(one.began for one in invited) - decided
        trial.figure(
            f"{len(invited)} invited, {len(cancelled)} cancellations; the last invitation began {last:+.2f} s"
        )
        trial.claim("no invitation begins later than a second after", last <= 1, last)
        who = ({one.to for one in invited}, {one.to for one in cancelled})
        trial.claim(
            "those and only those who were invited are told", who[0] == who[1], sorted(who[0] ^ who[1])[:3]
        )
        trial.claim("each is told once", len(cancelled) == len(who[1]), len(cancelled))


@row("P10", "What is changed and changed back within the settling time is told to nobody.")
async def there_and_back(trial: Trial) -> None:
    base = _later(staff.configuration_of(talks.prepare(trial.house(3))), settle=timedelta(minutes=10))
    off, moved = _with_status(base, Status.CANCELLED), _moved(base, _STARTS + timedelta(days=1))
    day, minutes = timedelta(days=1), timedelta(minutes=5)
    edits = (
        *((_APPLIED + day, off), (_APPLIED + day + minutes, base)),
        *((_APPLIED + 2 * day, moved), (_APPLIED + 2 * day + minutes, base)),
        *((_APPLIED + 3 * day, moved), (_APPLIED + 4 * day, base)),
    )
    trial.inject(
        f"cancelled and restored, moved and moved back within 5 minutes; then both a day apart; {_VIRTUAL}"
    )
    entries = _of(await _play(trial, base, *edits))
    trial.figure(
        ", ".join(f"{entry.kind} on {entry.instant:%d %H:%M}, SEQUENCE {entry.sequence}" for entry in entries)
    )
    kinds = [entry.kind for entry in entries]
    trial.claim("one mail for each net change", kinds == ["invitation", "changed", "changed"], kinds)
    steps = [entry.sequence or 0 for entry in entries]
    trial.claim("SEQUENCE only rises", steps == sorted(set(steps)), steps)


@row("P11", "Who joins between two reminders gets the later one, and not the one before.")
async def late_comer(trial: Trial) -> None:
    whole = _later(staff.configuration_of(talks.prepare(trial.house(3))), _DAY_BEFORE, _HOUR_BEFORE)
    *_, late = whole.members
    before = replace(whole, members=whole.members[:-1])
    trial.inject(f"a city joins an hour after the reminder of the day before; {_VIRTUAL}")
    played = await _play(trial, before, (_STARTS - timedelta(hours=23), whole))
    rules = [entry.rule for entry in _of(played, late.slug)]
    trial.figure(f"it gets: {', '.join(rules)}")
    trial.claim("invitation and the later reminder", rules == ["invitation", "hour"], rules)
    others = [entry.rule for entry in _of(played)]
    trial.claim("the others get both", others == ["invitation", "day", "hour"], others)


@row("P12", "A rule that is switched on or changed tells nothing of the past, and replaces what it was.")
async def rule_switched_on(trial: Trial) -> None:
    plain = _later(staff.configuration_of(talks.prepare(trial.house(3))))
    (series,) = plain.series
    (session,) = series.sessions
    starts = [_APPLIED + timedelta(days=days, hours=4) for days in (2, 4, 8, 10)]
    sessions = tuple(staff.at(replace(session, id=f"talk-{n}"), start) for n, start in enumerate(starts, 1))
    plain = replace(plain, series=(replace(series, sessions=sessions),))
    on, changed = (_with_reminder(plain, minutes) for minutes in (60, 24 * 60))
    switched, unit = _APPLIED + timedelta(days=5), _APPLIED + timedelta(days=9)
    trial.inject(
        f"a reminder is switched on after two of four talks, its hour made a day after three; {_VIRTUAL}"
    )
    entries = _of(await _play(trial, plain, (switched, on), (unit, changed)))
    reminded = [(entry.occurrence, entry.instant) for entry in entries if entry.kind == "reminder"]
    trial.figure(", ".join(f"{occurrence} at {instant:%d %H:%M}" for occurrence, instant in reminded))
    wanted = [
        ("talk-3.talks", starts[2] - timedelta(hours=1)),
        ("talk-4.talks", starts[3] - timedelta(hours=24)),
    ]
    trial.claim("each talk to come is reminded of once, by the rule of its day", reminded == wanted, reminded)


def _with_reminder(configuration: Configuration, minutes: int) -> Configuration:
    (series,) = configuration.series
    rule = NoticeRule("before", Kind.REMINDER, ("coordinator",), MinutesBefore(minutes))
    return replace(configuration, series=(replace(series, rules=(*series.rules, rule)),))


@row("P13", "Who ends the mails while they wait gets none after that.")
async def unsubscribed_in_the_middle(trial: Trial) -> None:
    cities = 150
    gone = range(cities - 99, cities + 1)
    house = a_house(trial, cities)
    await staff.decide(house, _told(staff.configuration_of(talks.prepare(house))))
    with trial.mail_server(house, _SLOW) as server:
        async with house.serving() as service:
            await talks.soon(server, 20)
            ended = await _unsubscribe(house, [address(n) for n in gone])
            trial.inject("150 invitations; 100 contacts end the mails when 20 had been taken")
            was_done = await talks.done(house, cities)
            trial.claim("all is done", was_done, outbox.states(house.database_url))
            await service.stop()
        late = [one.to for one in server.journal.taken if one.to in ended and one.began > ended[one.to] + 1]
        trial.figure(f"{len(server.journal.taken)} taken; {outbox.states(house.database_url)}")
        trial.claim("none of them is begun more than a second after", not late, late[:3])
        others = {address(n) for n in range(1, cities + 1) if n not in gone}
        got = {one.to for one in server.journal.taken}
        trial.claim("all others get theirs", others <= got, sorted(others - got)[:3])


async def _unsubscribe(house: House, addresses: Sequence[str]) -> dict[str, float]:
    """As the page does, one after the other; gives the instant of each by the steady clock."""
    database, ended = open_database(house.database_url), {}
    numbers = dict(outbox.ask(house.database_url, "SELECT address, id FROM contacts"))
    stopping = Stopping(database, Memory())
    try:
        for one in addresses:
            await stopping.stop(numbers[one], ONE_CLICK, datetime.now(UTC))
            ended[one] = monotonic()
    finally:
        await database.close()
    return ended
