"""A round that has ended, with one outcome of each kind, and nothing released yet.

The round of 2021 ends on 31 December 2021 at 23:59:59 in Hamburg; who is not renewed is a member until
30 June 2022.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from scheduler.model.cases import State
from scheduler.model.cycles import Cycle
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind
from scheduler.service.cases import Cases, Said
from scheduler.service.in_force import Memory
from tests import cast
from tests.cast import KASHAN, MEDELLIN, MELTON, THRISSUR, at
from tests.service.stage import Stage

ROUND = "report-2021"
CITIES = (MELTON, MEDELLIN, KASHAN, THRISSUR)
#: One of each outcome.
OUTCOMES = {
    MELTON: State.NOT_SUBMITTED,
    MEDELLIN: State.RENEWED,
    KASHAN: State.NO_PROGRESS,
    THRISSUR: State.INCOMPLETE,
}
#: Before the deadline, after it, and before the membership ends.
AUTUMN = at("2021-11-15T10:00:00+01:00")
JANUARY = at("2022-01-10T10:00:00+01:00")
MARCH = at("2022-03-15T10:00:00+01:00")
_ADDRESS = "https://reports.cities.example/2021?token={code}"


def the_round(**changes: object) -> Cycle:
    """Without mails that ask for a report, so that letters are easy to count."""
    cycle = next(one for one in cast.real().cycles if one.id == ROUND)
    asking = {Kind.REPORT_DIGEST, Kind.REPORT_REMINDER, Kind.REPORT_OVERDUE, Kind.REPORT_RECEIVED}
    rules = tuple(replace(r, enabled=False) if r.kind in asking else r for r in cycle.rules)
    plain = replace(cycle, rules=rules, membership_ends=date(2022, 7, 1), submit_at=_ADDRESS)
    return replace(plain, **changes)  # type: ignore[arg-type]


def switched_off(kind: Kind) -> Cycle:
    cycle = the_round()
    return replace(
        cycle, rules=tuple(replace(r, enabled=False) if r.kind is kind else r for r in cycle.rules)
    )


def house(cycle: Cycle | None = None, *, members: tuple[str, ...] = CITIES) -> Configuration:
    """A webinar in June, while all are members, and one in July."""
    sessions = (
        cast.a_session(id="june", on=date(2022, 6, 15)),
        cast.a_session(id="july", on=date(2022, 7, 20)),
    )
    series = cast.a_series(*sessions, announced=date(2022, 2, 1))
    whole = cast.a_configuration(series, members=members)
    return replace(whole, cycles=(cycle or the_round(),))


async def furnish(stage: Stage, cycle: Cycle | None = None) -> None:
    await stage.apply(house(cycle), AUTUMN)
    for slug, outcome in OUTCOMES.items():
        if outcome is not State.NOT_SUBMITTED:
            await say(stage, slug, State.SUBMITTED, AUTUMN)
        await say(stage, slug, outcome, JANUARY)


async def say(stage: Stage, slug: str, state: State, now: datetime) -> None:
    await Cases(stage.database, Memory()).record(ROUND, [Said(slug, state)], by="Anna", now=now)
