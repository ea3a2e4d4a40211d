"""`scheduler cases list` and `report`: how far each report of a round is, and the sums that add up."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.cases_round import CycleArgument, CycleOption, clock_at, one_of, read_round
from scheduler.cli.common import columns, counted, out
from scheduler.configuration.problems import printable, quoted
from scheduler.model.cases import State, Timing

if TYPE_CHECKING:
    from scheduler.service.proof import Round, Standing, Sum

_COLUMNS = ("city", "country", "state", "since", "deadline there", "draft", "told", "note")
_SUMS = ("due", *(str(which) for which in Timing))


def read_state(text: str, option: str = "--state") -> State:
    """A state of a case, with hyphens or blanks; wrong usage is said in one line."""
    by_name = {state.value.replace(" ", "-"): state for state in State}
    found = by_name.get(text.strip().lower().replace(" ", "-").replace("_", "-"))
    if found is None:
        said = f"there is no state {quoted(text)}; write one of {', '.join(by_name)}"
        raise typer.BadParameter(said, param_hint=option)
    return found


def list_cases(
    cycle: CycleArgument = None,
    named: CycleOption = None,
    state: Annotated[
        list[str] | None, typer.Option(help="Only cases in this state; may be given more than once.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the cases of a round: state, deadline in the city's own time, draft, and who was not reached."""
    wanted = [read_state(text) for text in state or ()]
    whole = asyncio.run(read_round(one_of(cycle, named), datetime.now(UTC)))
    shown = [one for one in whole.standings if not wanted or one.case.state in wanted]
    if as_json:
        cases = [standing_json(one) for one in shown]
        write_json({"cycle": whole.cycle.id, "of": len(whole.standings), "cases": cases})
        return
    if shown:
        out.print("\n".join(columns([_COLUMNS, *(_cells(one, whole) for one in shown)])))
    out.print(f"OK: {_last_line(whole, shown)}")


def _last_line(whole: Round, shown: Sequence[Standing]) -> str:
    """Gives "179 cases in report-2021: 27 undecided, 41 excepted, 111 open; 3 not reached"."""
    states = ", ".join(
        f"{whole.states[state.value]:,} {state}" for state in State if whole.states.get(state.value)
    )
    number = counted(len(whole.standings), "case")
    if len(shown) < len(whole.standings):
        number = f"{len(shown):,} of {number}"
    unreached = sum(one.reach == "not reached" for one in whole.standings)
    more = f"; {unreached:,} not reached" if unreached else ""
    return f"{number} in {whole.cycle.id}" + (f": {states}" if states else "") + more


def _cells(one: Standing, whole: Round) -> tuple[str, ...]:
    zone = one.member.zone if one.member else whole.network.zone
    return (
        one.case.member,
        printable(one.country),
        one.case.state.value,
        clock_at(one.case.since, whole.network.zone)[:10],
        clock_at(one.case.deadline_at, zone) if one.is_due else "",
        draft_words(one),
        _told(one),
        "; ".join(_notes(one)),
    )


def _told(one: Standing) -> str:
    """Who knows of it: the roles, or why none does."""
    return ", ".join(one.told) if one.told else (one.reach.value if one.reach else "")


def _notes(one: Standing) -> Iterator[str]:
    if one.why_not:
        yield printable(one.why_not)
    if one.told and one.missed:
        yield f"not reached: {', '.join(one.missed)}"
    if one.case.released_at:
        yield f"letter: {', '.join(one.notified)}" if one.notified else "its letter has not arrived"
    if one.case.is_late:
        yield "late"
    if one.extended_because:
        yield f"extended: {printable(one.extended_because)}"


def draft_words(one: Standing) -> str:
    """Gives "page 3, 12 of 40 answered, 1 too long"; "started" where no more is known."""
    draft = one.case.draft
    if draft is None:
        return ""
    parts = [f"page {draft.last_page}"] if draft.last_page is not None else []
    if number := len(draft.answered) + len(draft.unanswered):
        parts.append(f"{len(draft.answered)} of {number} answered")
    if draft.too_long:
        parts.append(f"{len(draft.too_long)} too long")
    return ", ".join(parts) or "started"


def write_json(found: dict[str, Any]) -> None:
    """For programs: piece by piece, for a large round is megabytes."""
    json.dump(found, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def standing_json(one: Standing) -> dict[str, Any]:
    """A case for programs: no address, no name of a person, no code."""
    case, draft = one.case, one.case.draft
    return {
        "city": case.member,
        "name": one.name,
        "country": one.country,
        "region": one.region,
        "state": case.state.value,
        "since": case.since.isoformat(),
        "opens_at": case.opens_at.isoformat(),
        "deadline_at": case.deadline_at.isoformat(),
        "zone": one.member.zone if one.member else None,
        "decision": case.decision.value if case.decision else None,
        "extended_because": one.extended_because or None,
        "submitted_at": case.submitted_at.isoformat() if case.submitted_at else None,
        "is_late": case.is_late,
        "timing": one.timing.value if one.timing else None,
        "draft": {
            "started_at": draft.started_at.isoformat() if draft.started_at else None,
            "last_page": draft.last_page,
            "answered": len(draft.answered),
            "unanswered": list(draft.unanswered),
            "too_long": [long.number for long in draft.too_long],
        }
        if draft
        else None,
        "reach": one.reach.value if one.reach else None,
        "told": list(one.told),
        "not_reached": list(one.missed),
        "why_not_reached": one.why_not or None,
        "released_at": case.released_at.isoformat() if case.released_at else None,
        "notified": list(one.notified),
        "ends_on": case.ends_on.isoformat() if case.ends_on else None,
    }


def report(
    cycle: CycleArgument = None,
    named: CycleOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Count a round: due, in time, extended, late, none; by region and country, each sum the number due."""
    whole = asyncio.run(read_round(one_of(cycle, named), datetime.now(UTC)))
    if as_json:
        write_json(_report_json(whole))
        return
    regions, countries = whole.by_region(), whole.by_country()
    for what, found in (("region", regions), ("country", countries)):
        for line in columns([(what, *_SUMS), *(sum_cells(one) for one in (*found, whole.total))]):
            out.print(line)
        out.print("")
    total = whole.total
    numbers = ", ".join(f"{number:,} {which}" for which, number in total.by_timing.items())
    out.print(f"OK: {whole.cycle.id}: {total.due:,} due = {numbers}")


def sum_cells(one: Sum) -> tuple[str, ...]:
    return (printable(one.name), *(f"{number:,}" for number in (one.due, *one.by_timing.values())))


def _report_json(whole: Round) -> dict[str, Any]:
    return {
        "cycle": whole.cycle.id,
        "at": whole.at.isoformat(),
        "states": dict(whole.states),
        "total": _sum_json(whole.total),
        "regions": [_sum_json(one) for one in whole.by_region()],
        "countries": [_sum_json(one) for one in whole.by_country()],
    }


def _sum_json(one: Sum) -> dict[str, Any]:
    return {
        "name": one.name,
        "due": one.due,
        **{which.value.replace(" ", "_"): number for which, number in one.by_timing.items()},
    }
