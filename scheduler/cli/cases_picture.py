"""`scheduler cases picture`: how the reports came in, against the ladder of reminders and the deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli.cases_round import CycleArgument, CycleOption, one_of, read_round
from scheduler.cli.common import counted, out
from scheduler.cli.pictures import check_name, drawn
from scheduler.configuration.problems import printable
from scheduler.model import times
from scheduler.model.notices import ASKING, Days, Kind, NoticeRule, WorkingDayAfter, WorkingDaysBefore
from scheduler.model.times import local

if TYPE_CHECKING:
    from scheduler.cli.pictures import Axes
    from scheduler.service.proof import Round, Standing

#: Told apart also by people who do not see red and green (after Okabe and Ito).
_CAME, _LATE, _DRAFT, _RUNG, _DEADLINE, _MORE_TIME = (
    "#0072b2", "#d55e00", "#e69f00", "#9aa7b3", "#000000", "#cc79a7",
)  # fmt: skip
#: On each side of what is drawn.
_MARGIN = timedelta(days=4)
#: So many later deadlines get a line of their own.
_MOST_EXTENSIONS = 6


def picture(
    to: Annotated[Path, typer.Option(help="The file to write: .svg or .png.")],
    cycle: CycleArgument = None,
    named: CycleOption = None,
) -> None:
    """Draw how many reports had come by which day, with the rungs of the ladder and the deadlines."""
    check_name(to)
    whole = asyncio.run(read_round(one_of(cycle, named), datetime.now(UTC)))
    draw_round(whole, to)
    came = sum(one.case.submitted_at is not None for one in whole.due)
    said = f"{came:,} of {counted(len(whole.due), 'report')} of {whole.cycle.id}"
    out.print(f"OK: {said}, drawn into {printable(to)}")


def draw_round(whole: Round, file: Path) -> None:
    """Writes an SVG or PNG file. Raises SchedulerError where the plotting library is not installed."""
    with drawn(file, (12, 6.5), f"{whole.cycle.id} {whole.at}") as figure:
        axes = figure.subplots()
        _draw_ladder(axes, whole)
        _draw_deadlines(axes, whole)
        _draw_reports(axes, whole)
        _draw_drafts(axes, whole)
        _frame(axes, whole)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), ncols=4, fontsize="small", frameon=False)
        figure.suptitle(_title(whole))


def _title(whole: Round) -> str:
    total, there = whole.total, _there(whole.at, whole)
    numbers = ", ".join(f"{number:,} {which}" for which, number in total.by_timing.items())
    return f"{printable(whole.cycle.title)}\n{total.due:,} due: {numbers}, on {there:%Y-%m-%d %H:%M}"


def _there(at: datetime, whole: Round) -> Any:
    """What the clock in Hamburg shows: the axis counts its days."""
    return local(at, whole.network.zone).replace(tzinfo=None)


def _came(whole: Round) -> list[tuple[datetime, Standing]]:
    """Reports in the order in which they came."""
    found = [(one.case.submitted_at, one) for one in whole.due if one.case.submitted_at]
    return sorted(found, key=lambda pair: (pair[0], pair[1].case.member))


def _draw_reports(axes: Axes, whole: Round) -> None:
    came = _came(whole)
    begins, ends = _span(whole)
    steps: list[Any] = [begins, *(_there(at, whole) for at, _ in came), min(ends, _there(whole.at, whole))]
    numbers = [0, *range(1, len(came) + 1), len(came)]
    axes.step(steps, numbers, where="post", color=_CAME, linewidth=2, label="reports that came")
    late = [(_there(at, whole), place) for place, (at, one) in enumerate(came, 1) if one.case.is_late]
    if late:
        days, places = zip(*late, strict=True)
        axes.plot(days, places, "D", color=_LATE, markersize=6, label=f"late ({len(late):,})")
    total = len(whole.due)
    if total:
        axes.axhline(total, color=_CAME, linewidth=1, linestyle=":", label=f"all that are due ({total:,})")


def _draw_drafts(axes: Axes, whole: Round) -> None:
    """When those were begun that have not come: as the survey says, or when it was first heard of."""
    cases = [one.case for one in whole.due if one.case.submitted_at is None]
    known = [(case.draft.started_at or case.since) for case in cases if case.draft]
    begun: list[Any] = [_there(at, whole) for at in known]
    if begun:
        name = f"drafts that were begun ({len(begun):,})"
        axes.plot(begun, [0] * len(begun), "|", color=_DRAFT, markersize=14, markeredgewidth=2, label=name)


def _draw_ladder(axes: Axes, whole: Round) -> None:
    """The rungs as they fall in Hamburg; each city has its own day and hour."""
    for number, (at, name) in enumerate(_rungs(whole)):
        label = "rungs of the ladder" if number == 0 else None
        axes.axvline(at, color=_RUNG, linewidth=1, label=label)
        _name(axes, at, name, _RUNG)


def _rungs(whole: Round) -> Iterator[tuple[Any, str]]:
    cycle, zone = whole.cycle, whole.network.zone
    weekend = (5, 6)
    for rule in cycle.rules:
        if not rule.enabled or rule.kind not in ASKING - {Kind.REPORT_MOVED}:
            continue
        if isinstance(rule.when, Days | WorkingDaysBefore | WorkingDayAfter):
            day = cycle.opens if rule.kind is Kind.REPORT_OPENED else cycle.deadline.on
            at = rule.when.due_at(day, zone, weekend)
            if times.local_date(at, zone) >= cycle.opens:
                yield _there(at, whole), _rung_name(rule)


def _rung_name(rule: NoticeRule) -> str:
    return printable(rule.id)


def _draw_deadlines(axes: Axes, whole: Round) -> None:
    announced = _there(whole.cycle.deadline.there(whole.network.zone).instant, whole)
    axes.axvline(announced, color=_DEADLINE, linewidth=1.6, label="deadline")
    _name(axes, announced, "deadline", _DEADLINE)
    on = whole.cycle.deadline.on
    later = sorted({extension.until for extension in whole.cycle.extensions if extension.until > on})
    for number, until in enumerate(later[:_MOST_EXTENSIONS]):
        at = announced + (until - on)
        label = None if number else "more time, for some or all"
        axes.axvline(at, color=_MORE_TIME, linewidth=1.4, linestyle="--", label=label)
        _name(axes, at, "extended", _MORE_TIME)


def _name(axes: Axes, at: Any, name: str, colour: str) -> None:
    """Upright beside its line, at the top."""
    style: dict[str, Any] = {"rotation": 90, "va": "top", "ha": "right", "fontsize": 8, "color": colour}
    axes.text(at, 0.985, f" {name}", transform=axes.get_xaxis_transform(), **style)


def _frame(axes: Axes, whole: Round) -> None:
    begins, ends = _span(whole)
    axes.set_xlim(begins, ends)
    # room above for the names of the lines
    axes.set_ylim(-0.03 * max(1, len(whole.due)), 1.28 * max(1, len(whole.due)))
    axes.set_ylabel("reports")
    axes.locator_params(axis="y", integer=True)
    axes.grid(axis="y", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _span(whole: Round) -> tuple[Any, Any]:
    """From the opening to the last that is drawn, in Hamburg's time."""
    cycle = whole.cycle
    opens = times.moment(cycle.opens, datetime.min.time(), whole.network.zone)
    ends: Sequence[datetime] = [cycle.last_instant, *(at for at, _ in _came(whole))]
    last_rung = max((at for at, _ in _rungs(whole)), default=_there(cycle.last_instant, whole))
    return _there(opens - _MARGIN, whole), max(_there(max(ends), whole), last_rung) + _MARGIN
