"""What ops read counts what happened, and is described where they look for it.

The talks of the cast: Monday 14 June 2027, 13:00 in Hamburg; invited four weeks before, reminded a week
before and on the working day before.
"""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from scheduler.mail.post import Fate
from scheduler.model.notices import Kind
from scheduler.service.meters import Meters
from scheduler.store import counts, holds, suppressions
from scheduler.store.holds import Hold
from scheduler.store.suppressions import WEBINARS, Suppression
from tests.cast import DOHA, MANTES, ROOT, a_configuration, a_series, at
from tests.service.stage import Stage
from tests.service.test_post import APPLIED, INVITED, OVER, ScriptedPost, play

#: Both reminders are due.
JUNE = at("2027-06-11T12:00:00+00:00")

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def value(meters: Meters, name: str, **labels: str) -> float:
    found = meters.registry.get_sample_value(f"scheduler_{name}", labels)
    assert found is not None, name
    return found


def counted(stage: Stage, end: str) -> float:
    """Mails of all kinds that ended so."""
    return sum(value(stage.meters, f"mails_{end}_total", kind=kind.value) for kind in Kind)


@ON_SQLITE
async def test_what_was_sent_is_counted_once_however_often_it_was_tried(stage: Stage) -> None:
    post = await play(stage, lambda _m, _now, before: Fate.LATER if before < 2 else Fate.SENT)

    assert counted(stage, "sent") == len(await stage.sent()) == len(post.attempts) / 3
    assert value(stage.meters, "attempts_total", kind="invitation", fate="later") == 2
    assert value(stage.meters, "lateness_seconds_sum", kind="invitation") == pytest.approx(360, abs=60)


@ON_SQLITE
@pytest.mark.parametrize("fate", [Fate.NEVER, Fate.LATER])
async def test_what_was_given_up_is_counted(stage: Stage, fate: Fate) -> None:
    """Refused for good, or put off until it is of no use any more."""
    await play(stage, lambda m, _now, _b: fate if "invitation" in m.message_id else Fate.SENT)

    assert value(stage.meters, "mails_failed_total", kind="invitation") == 1
    assert counted(stage, "failed") == 1


@ON_SQLITE
async def test_what_an_outage_made_useless_is_counted(stage: Stage) -> None:
    await stage.apply(a_configuration(a_series(), members=(MANTES,)), APPLIED)
    await stage.play(APPLIED, INVITED + timedelta(days=1))
    await stage.play(JUNE, OVER)

    states = await stage.states()
    assert counted(stage, "missed") == sum(n for (_, state), n in states.items() if state == "missed") == 1


@ON_SQLITE
async def test_a_mail_server_that_is_away_is_seen(stage: Stage) -> None:
    stage.post = ScriptedPost(lambda _m, _now, _b: Fate.AWAY)
    await stage.apply(a_configuration(a_series(), members=(MANTES,)), APPLIED)

    await stage.play(INVITED - timedelta(seconds=1), INVITED + timedelta(seconds=10))

    assert value(stage.meters, "breaker_open") == 1
    assert value(stage.meters, "in_flight") == 0


async def test_what_is_due_and_what_is_held_are_told_apart(stage: Stage) -> None:
    """Two cities were announced the talks and are invited; then somebody holds them."""
    stage.post = ScriptedPost(lambda _m, _now, _b: Fate.AWAY)
    await stage.apply(a_configuration(a_series(), members=(MANTES, DOHA)), APPLIED)
    await stage.play(INVITED - timedelta(seconds=1), INVITED + timedelta(seconds=10))
    now = INVITED + timedelta(hours=1)

    meters = await measured(stage, now)
    async with stage.database.write() as connection:
        await holds.put(connection, Hold("talks", now, "Anna", ""))
    held = await measured(stage, now)

    due = sum(value(meters, "mails_due", kind=kind.value) for kind in Kind)
    assert due == sum(value(held, "mails_held", kind=kind.value) for kind in Kind) == 4
    assert value(meters, "mails_due", kind="invitation") == 2
    assert value(meters, "oldest_due_seconds") >= 3600
    assert value(held, "mails_due", kind="invitation") == value(held, "oldest_due_seconds") == 0


async def measured(stage: Stage, now: object) -> Meters:
    """As the lookout counts."""
    meters = Meters()
    async with stage.database.read() as connection:
        meters.counted(await counts.unsent(connection, now), now)  # type: ignore[arg-type]
    return meters


async def test_addresses_that_are_not_written_to_are_counted_not_named(stage: Stage) -> None:
    address = "somebody@mantes-la-jolie.example"
    async with stage.database.write() as connection:
        await suppressions.add(connection, Suppression(address, WEBINARS, APPLIED, "by one click"))
        found = await counts.suppressed(connection)
        returned = await counts.returned(connection, APPLIED)
    meters = Meters()

    meters.came_back(returned, found)

    assert value(meters, "suppressed_addresses", scope="webinars") == 1
    assert value(meters, "suppressed_addresses", scope="everything") == 0
    assert value(meters, "bounces", kind="hard") == 0


def test_every_meter_is_described_where_ops_look() -> None:
    """docs/watching.md says the same as /metrics."""
    page = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(scheduler_\w+?)(?:_total)?` \| ([^|]*?) ?\| (.+) \|$", page, re.MULTILINE)
    described = {name: (re.findall(r"`(\w+)`", labels), what) for name, labels, what in rows}

    made = Meters().registry._collector_to_names
    ours = {one._name: one for one in made if getattr(one, "_name", "").startswith("scheduler_")}  # type: ignore[attr-defined]

    assert described == {n: (list(one._labelnames), one._documentation) for n, one in ours.items()}  # type: ignore[attr-defined]
