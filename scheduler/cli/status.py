"""`scheduler status`: what is in force, how the files stand to it, what waits, what is due, what failed."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.common import (
    ConfigOption,
    at_home,
    counted,
    database_if_any,
    key_if_any,
    out,
    read_configuration,
)
from scheduler.cli.hold import about
from scheduler.settings import read_settings

if TYPE_CHECKING:
    from scheduler.configuration.load import Loaded
    from scheduler.service.condition import Condition, Due

_DAY = timedelta(hours=24)
#: How many of the next instants are shown one by one.
_SHOWN = 5


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
    config: ConfigOption = None,
) -> None:
    """Say what is in force, how the files differ from it, what waits to be sent and what failed."""
    now = datetime.now(UTC)
    found = asyncio.run(_read(read_configuration(config), now))
    problems = list(_problems(found)) if found else []
    if as_json:
        out.print(json.dumps(_for_programs(found, problems), ensure_ascii=False, indent=2))
    elif found is None:
        out.print("Nothing is in force yet. Put the files in force with: scheduler apply")
    else:
        _print(found, problems)
    if found is None or problems:
        raise typer.Exit(1)


async def _read(loaded: Loaded, now: datetime) -> Condition | None:
    from scheduler.service.bootstrap import identity
    from scheduler.service.condition import read_condition

    settings = read_settings()
    async with database_if_any() as database:
        if database is None:
            return None
        return await read_condition(database, loaded, now, key_if_any(settings), identity(settings))


def _print(found: Condition, problems: list[str]) -> None:
    for name, said in _lines(found):
        out.print(f"{name:<10} {said}")
    for problem in problems:
        out.print(f"! {problem}")
    if not problems:
        out.print("OK: nothing waits for a person")


def _lines(found: Condition) -> Iterator[tuple[str, str]]:
    network, applied = found.network, found.applied
    yield (
        "In force",
        f"since {at_home(applied.applied_at, network)}, by {applied.applied_by} ({applied.hash[:12]})",
    )
    yield "Files", str(found.seen)
    if not found.difference.is_empty:
        yield "", f"{found.difference}; see it with: scheduler plan"
    yield "Last look", at_home(found.last_look, network)
    since = f", the oldest due since {at_home(found.oldest_due, network)}" if found.oldest_due else ""
    yield "Waiting", f"{counted(found.waiting, 'mail')}{since}"
    yield from _due_lines(found)
    yield from _answer_lines(found)
    by_state = Counter[str]()
    for (_, state), number in found.rows.items():
        by_state[state] += number
    for state in ("sent", "missed", "withdrawn", "failed"):
        yield state.capitalize(), f"{by_state[state]:,}"
    yield from _lately(found)


def _lately(found: Condition) -> Iterator[tuple[str, str]]:
    """What was missed, failed or held within a week, in words."""
    from scheduler.service.digest import digest

    heading = "Lately"
    for said in digest(found.losses, lambda at: at_home(at, found.network)):
        yield heading, said
        heading = ""


def _due_lines(found: Condition) -> Iterator[tuple[str, str]]:
    """The next instants with what is due then, and how much it is in a day and in two."""
    day, two_days = (counted(found.due_within(span), "mail") for span in (_DAY, 2 * _DAY))
    yield "Due", f"{day} within 24 hours, {two_days} within 48 hours"
    heading = "Due next"
    for at, of_instant in islice(groupby(found.due, key=lambda due: due.at), _SHOWN):
        yield heading, f"{at_home(at, found.network)}: {'; '.join(map(_said_of, of_instant))}"
        heading = ""


def _answer_lines(found: Condition) -> Iterator[tuple[str, str]]:
    """Of sessions ahead that anybody answered; and how many ended the mails."""
    heading = "Answers"
    for name, count in found.answers.items():
        yield heading, f"{name}: {count}"
        heading = ""
    if found.ended:
        who = counted(found.ended, "contact")
        yield "Ended", f"{who} ended the mails about webinars; reports still go there"


def _said_of(due: Due) -> str:
    """Gives "reminder week-before, first.talks: 12 mails, held"."""
    name = due.kind if due.rule in (due.kind, "opened") else f"{due.kind} {due.rule}"
    held = ", held" if due.is_held else ""
    return f"{name}, {due.occurrence}: {counted(due.mails, 'mail')}{held}"


def _problems(found: Condition) -> Iterator[str]:
    """What waits for a person."""
    from scheduler.service.clock_changes import is_of_clocks
    from scheduler.service.digest import asks

    yield from found.problems()
    for hold in found.holds:
        if found.clocks and is_of_clocks(hold):
            continue  # said as one
        kinds = found.held.get(hold.subject, Counter())
        if hold.is_of_service:
            yield asks(hold, kinds)
            continue
        waiting = kinds.total()
        wait = f"{counted(waiting, 'mail')} {'waits' if waiting == 1 else 'wait'}"
        yield (
            f"held: {hold.subject}, {about(hold, found.network)}; {wait}; "
            f"let it go with: scheduler resume {hold.subject}"
        )


def _for_programs(found: Condition | None, problems: list[str]) -> dict[str, Any]:
    """All of it; instants are ISO 8601 in UTC."""
    if found is None:
        return {"ok": False, "in_force": None, "problems": ["nothing is in force yet"]}
    applied = found.applied
    states: dict[str, dict[str, int]] = {}
    for (kind, state), number in sorted(found.rows.items()):
        states.setdefault(kind, {})[state] = number
    return {
        "ok": not problems,
        "looked_at": _instant(found.looked_at),
        "in_force": {
            "hash": applied.hash,
            "since": _instant(applied.applied_at),
            "by": applied.applied_by,
            "tzdata": applied.tzdata,
        },
        "files": {
            "standing": found.seen.standing.name.lower(),
            "said": str(found.seen),
            "difference": str(found.difference),
            "problems": [str(problem) for problem in found.seen.problems],
        },
        "last_look": _instant(found.last_look),
        "may_send": found.may_send,
        "waiting": found.waiting,
        "oldest_due": _instant(found.oldest_due),
        "mails": states,
        "due": {
            "within_24_hours": found.due_within(_DAY),
            "within_48_hours": found.due_within(2 * _DAY),
            "next": [{**vars(due), "at": _instant(due.at)} for due in found.due],
        },
        "answers": [{"occurrence": name, **vars(count)} for name, count in found.answers.items()],
        "ended": found.ended,
        "barred": [
            {"contact": str(whose), "since": _instant(one.since), "reason": one.reason}
            for whose, one in found.barred
        ],
        "failures": [{"reason": why, "mails": number} for why, number in found.failures.most_common()],
        "stuck": [{"said": said, "mails": number} for said, number in found.stuck.most_common()],
        "vanished": list(found.vanished),
        "holds": [
            {
                "subject": hold.subject,
                "since": _instant(hold.since),
                "by": hold.held_by,
                "because": hold.because,
                "mails": found.held.get(hold.subject, Counter()).total(),
                "kinds": dict(found.held.get(hold.subject, {})),
            }
            for hold in found.holds
        ],
        "elsewhere": found.elsewhere,
        "lately": [
            {**vars(loss), "due_from": _instant(loss.due_from), "found_from": _instant(loss.found_from)}
            for loss in found.losses
        ],
        "problems": problems,
    }


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
