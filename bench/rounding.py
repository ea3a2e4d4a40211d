"""The plan of a reporting round: 10,000 cities and 20 rungs, each with its digest.

In three ways: one deadline for all; with more time for 500 cities, each by its own extension; and until the
end of the day in each city. The reference is the least that any plan does: the cities put into groups.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall

from bench.furnished import for_everybody, made_up
from scheduler.model.cases import terms_of
from scheduler.model.cycles import IN_THE_CITY, Cycle, Deadline, Extension
from scheduler.model.members import NATIONAL_COORDINATOR
from scheduler.model.moments import Since
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, NoticeRule
from scheduler.model.plan import plan_mailings
from scheduler.model.programme import Window
from scheduler.model.slots import group_members

MEMBERS, RUNGS, EXTENDED, MOST_SECONDS = 10_000, 20, 500, 3.0
NOW = datetime(2027, 1, 4, 9, tzinfo=UTC)
RUNS = 2


def measure() -> int:
    """Prints seconds; gives 1 where a plan takes too long."""
    plain = for_everybody(replace(made_up(1, 1, MEMBERS), series=()))
    cycle = _cycle(plain.cycles[0])
    slugs = [member.slug for member in plain.members[:: MEMBERS // EXTENDED]]
    own = tuple(
        Extension(cycle.deadline.on + timedelta(days=1 + n % 60), "floods", (slug,))
        for n, slug in enumerate(slugs)
    )
    in_the_city = replace(cycle.deadline, zone=IN_THE_CITY)
    ways = {
        "one deadline for all": cycle,
        f"more time for {len(own)} cities": replace(cycle, extensions=own),
        "end of the day in the city": replace(cycle, deadline=in_the_city),
        "both": replace(cycle, deadline=in_the_city, extensions=own),
    }
    print(f"plan of {MEMBERS:,} cities, {RUNGS} rungs     seconds       mails  x the groups  terms of cases")
    return max([_measured(name, replace(plain, cycles=(way,))) for name, way in ways.items()])


def _cycle(cycle: Cycle) -> Cycle:
    opened = tuple(rule for rule in cycle.rules if rule.kind in (Kind.REPORT_OPENED, Kind.REPORT_OVERDUE))
    rungs = []
    for number in range(RUNGS):
        when = Days(-1 - 7 * number, wall(9), on_working_day=True)
        rungs.append(NoticeRule(f"rung-{number}", Kind.REPORT_REMINDER, ("coordinator",), when))
        to = (NATIONAL_COORDINATOR,)
        rungs.append(NoticeRule(f"digest-{number}", Kind.REPORT_DIGEST, to, when))
    deadline = Deadline(date(2027, 12, 31), wall(23, 59, 59), "Europe/Berlin")
    who = replace(cycle.who, joined_before=date(2027, 1, 1), joined=(), excepted=())
    return replace(cycle, opens=date(2027, 2, 1), deadline=deadline, who=who, rules=(*opened, *rungs))


def _measured(name: str, configuration: Configuration) -> int:
    window, since = Window(NOW, NOW + timedelta(days=500)), Since(NOW)

    def plan() -> int:
        groups = group_members(configuration)
        return sum(mailing.mails for mailing in plan_mailings(configuration, groups, window, since))

    seconds, mails = _best(plan)
    alone, _ = _best(lambda: len(group_members(configuration)))
    terms, _ = _best(lambda: len(terms_of(configuration)))
    print(f"  {name:<32} {seconds:8.2f}  {mails:10,}  {seconds / alone:12.1f}  {terms:12.2f} s", flush=True)
    return int(seconds > MOST_SECONDS)


def _best(work: Callable[[], int]) -> tuple[float, int]:
    found = []
    for _ in range(RUNS):
        began = time.perf_counter()
        result = work()
        found.append((time.perf_counter() - began, result))
    return min(found)


if __name__ == "__main__":
    raise SystemExit(measure())
