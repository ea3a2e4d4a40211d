"""The span of a plan on one page: mails a day, sessions and deadlines, cities at night."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scheduler.cli.pictures import drawn
from scheduler.configuration.problems import printable
from scheduler.model import times
from scheduler.model.notices import Kind
from scheduler.model.programme import Occurrence, build_programme
from scheduler.service.planning import Plan

if TYPE_CHECKING:
    from scheduler.cli.pictures import Axes

#: Told apart also by people who do not see red and green (after Okabe and Ito, and Tol).
_COLOURS = {
    Kind.ANNOUNCEMENT: "#56b4e9",
    Kind.INVITATION: "#0072b2",
    Kind.CHANGED: "#d55e00",
    Kind.CANCELLED: "#000000",
    Kind.REMINDER: "#009e73",
    Kind.FOLLOW_UP: "#cc79a7",
    Kind.REPORT_OPENED: "#e69f00",
    Kind.REPORT_MOVED: "#a6761d",
    Kind.REPORT_REMINDER: "#f0e442",
    Kind.REPORT_DIGEST: "#999999",
    Kind.REPORT_OVERDUE: "#882255",
    Kind.REPORT_RECEIVED: "#44aa99",
    Kind.REPORT_RENEWED: "#117733",
    Kind.REPORT_INCOMPLETE: "#aa4499",
    Kind.REPORT_NO_PROGRESS: "#661100",
    Kind.REPORT_NOT_SUBMITTED: "#332288",
    Kind.CLOCKS_CHANGED: "#88ccee",
}
#: More series and rounds than this are drawn in one row.
_MOST_ROWS = 20


def draw_year(plan: Plan, file: Path) -> None:
    """Writes an SVG or PNG file. Raises SchedulerError where the plotting library is not installed."""
    rows = _rows(plan)
    with drawn(file, (13, 7 + 0.25 * len(rows)), plan.hash) as figure:
        ratios = (3, 1 + 0.35 * len(rows), 2)
        mails, dates, nights = figure.subplots(3, 1, sharex=True, height_ratios=ratios)
        _draw_mails(mails, plan)
        _draw_dates(dates, plan, rows)
        _draw_nights(nights, plan)
        nights.set_xlim(*(_day(at, plan) for at in (plan.window.start, plan.window.end)))
        figure.suptitle(_title(plan))


def _title(plan: Plan) -> str:
    first, last = (_day(at, plan) for at in (plan.window.start, plan.window.end))
    mails = sum(mailing.mails for mailing in plan.mailings)
    return f"{plan.configuration.network.name}: {mails:,} mails, {first} until {last}"


def _draw_mails(axes: Axes, plan: Plan) -> None:
    days = plan.by_day()
    bottom = dict.fromkeys(days, 0)
    for kind in Kind:
        of_kind = {day: mails[kind] for day, mails in days.items() if mails[kind]}
        if not of_kind:
            continue
        heights, floors = list(of_kind.values()), [bottom[day] for day in of_kind]
        axes.bar(list(of_kind), heights, bottom=floors, color=_COLOURS[kind], label=kind.value, width=1.0)  # type: ignore[arg-type]
        for day, number in of_kind.items():
            bottom[day] += number
    axes.set_ylabel("mails a day")
    if days:
        axes.legend(ncols=4, loc="upper left", fontsize="small", frameon=False)
    axes.margins(y=0.25)


def _rows(plan: Plan) -> dict[str, list[Occurrence]]:
    """What has dates in the span, a row for each series and round."""
    rows: dict[str, list[Occurrence]] = {}
    for occurrence in build_programme(plan.configuration, plan.window):
        rows.setdefault(occurrence.of.id, []).append(occurrence)
    if len(rows) > _MOST_ROWS:
        return {"all series and rounds": [o for row in rows.values() for o in row]}
    return rows


def _draw_dates(axes: Axes, plan: Plan, rows: dict[str, list[Occurrence]]) -> None:
    for number, row in enumerate(rows.values()):
        for marker, chosen in _marks(row).items():
            days: list[Any] = [occurrence.day_in(plan.configuration.network.zone) for occurrence in chosen]
            axes.plot(days, [number] * len(days), marker, color="#0072b2", markersize=9)
    axes.set_yticks(range(len(rows)), [printable(name) for name in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_title("● session   ◆ deadline   × cancelled, postponed or held", fontsize="small", loc="left")
    axes.grid(axis="x", alpha=0.3)


def _marks(row: list[Occurrence]) -> dict[str, list[Occurrence]]:
    found: dict[str, list[Occurrence]] = {"o": [], "D": [], "x": []}
    for occurrence in row:
        is_off = occurrence.is_off or occurrence.is_postponed
        found["x" if is_off else "o" if occurrence.session else "D"].append(occurrence)
    return found


def _draw_nights(axes: Axes, plan: Plan) -> None:
    zone = plan.configuration.network.zone
    worst: dict[date, int] = {}
    for night in plan.nights():
        day = night.occurrence.day_in(zone)
        worst[day] = max(worst.get(day, 0), night.members.bit_count())
    days: list[Any] = list(worst)
    axes.bar(days, list(worst.values()), color="#555555", width=2.0)
    axes.set_ylabel("cities at night")
    axes.margins(y=0.2)


def _day(at: Any, plan: Plan) -> date:
    return times.local_date(at, plan.configuration.network.zone)
