"""What an export of the survey says of cases: reports that came, and drafts.

The survey writes times without a zone. Of an hour that its clock shows twice the first one counts, so that no
city is late by the way an export is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scheduler.configuration.lists.survey import Export, Response
from scheduler.configuration.problems import Place, Problems, listed
from scheduler.errors import AmbiguousLocalTime, NonexistentLocalTime
from scheduler.model import times
from scheduler.model.cases import AWAITED, IDLE, Case, Move, State, advance
from scheduler.model.cycles import Cycle
from scheduler.model.drafts import Draft
from scheduler.model.notices import ASKING
from scheduler.service.case_codes import codes_of, folded
from scheduler.service.cases import AHEAD, Said
from scheduler.service.in_force import InForce
from scheduler.service.links import Links
from scheduler.store import cases
from scheduler.store.database import Connection
from scheduler.store.duties import count_of_cases


@dataclass(frozen=True)
class Ground:
    """What responses are held against."""

    cycle: Cycle
    #: slug -> case
    cases: Mapping[str, Case]
    #: slug -> when its report was sent back
    sent_back: Mapping[str, datetime]
    #: as LimeSurvey compares them -> slug
    by_code: Mapping[str, str] = field(repr=False)


async def read_ground(connection: Connection, in_force: InForce, cycle: Cycle, links: Links) -> Ground:
    codes = await codes_of(connection, in_force, cycle, links)
    return Ground(
        cycle,
        {case.member: case for case in await cases.read(connection, cycle.id)},
        await cases.sent_back(connection, cycle.id),
        {folded(code): slug for slug, code in codes.items()},
    )


@dataclass(frozen=True)
class Understood:
    """What an export says."""

    said: tuple[Said, ...]
    #: slugs of whom is known already that the report came; of these, with another time in the export
    known: tuple[str, ...]
    otherwise: tuple[str, ...]
    #: how many responses are left alone, for a reason that was said
    left: int


def understand(export: Export, ground: Ground, zone: str, now: datetime, problems: Problems) -> Understood:
    """Writes every line that is wrong into `problems`; with errors nothing of it may be used.

    zone: of the survey's clock.
    """
    return _Reading(export, ground, zone, now, problems).read()


async def count_waiting(
    connection: Connection, in_force: InForce, cycle: Cycle, moves: Sequence[Move]
) -> int:
    """How many mails wait that ask for the reports that come with these moves."""
    came = [in_force.member_ids[move.after.member] for move in moves if move.is_answer]
    return await count_of_cases(connection, cycle.id, came, ASKING) if came else 0


@dataclass(frozen=True)
class _Report:
    """A response that was submitted."""

    at: datetime
    response: Response


class _Reading:
    def __init__(self, export: Export, ground: Ground, zone: str, now: datetime, problems: Problems) -> None:
        self._export, self._ground, self._zone, self._now = export, ground, zone, now
        self._problems = problems
        self._said: list[Said] = []
        self._known: list[str] = []
        self._otherwise: list[str] = []
        self._left = 0

    def read(self) -> Understood:
        by_city = self._by_city()
        for slug, responses in by_city.items():
            self._read_city(slug, responses)
        return Understood(tuple(self._said), tuple(self._known), tuple(self._otherwise), self._left)

    def _by_city(self) -> dict[str, list[Response]]:
        found: dict[str, list[Response]] = defaultdict(list)
        nobodys = []
        for response in self._export.responses:
            place = self._export.place(response)
            if self._problems.are_enough(place):
                break
            slug = self._ground.by_code.get(folded(response.code))
            if slug:
                found[slug].append(response)
            elif response.code:
                instead = "is it a test, or of another round? Take it out of the survey, or that line out"
                what = f"no city has this code in {self._ground.cycle.id}"
                self._problems.error(place, what, instead)
            else:
                nobodys.append(response)
        self._warn_of_nobodys(nobodys)
        return found

    def _warn_of_nobodys(self, responses: Sequence[Response]) -> None:
        """Somebody came into the survey without a code: nobody knows for which city."""
        for what, of in (
            ("submitted", [one for one in responses if one.submitted]),
            ("begun", [one for one in responses if not one.submitted]),
        ):
            if of:
                self._left += len(of)
                one, has = ("response was", "has") if len(of) == 1 else ("responses were", "have")
                lines = listed((str(response.line) for response in of), most=20)
                said = f"{len(of)} {one} {what} and {has} no code (line {lines}), and left alone"
                instead = "if you know the city: scheduler cases mark" if what == "submitted" else ""
                self._problems.warning(self._export.place(of[0]), said, instead)

    def _read_city(self, slug: str, responses: list[Response]) -> None:
        case = self._ground.cases.get(slug)
        case = advance(case, self._now) if case else None
        if case and case.submitted_at:
            self._compare(case, responses)
        elif case is None or (why := _why_left(case)):
            why = f"{slug} is not concerned by {self._ground.cycle.id}" if case is None else why
            self._leave(responses, why)
        else:
            self._say(case, responses)

    def _compare(self, case: Case, responses: Sequence[Response]) -> None:
        """The time that is known stays: somebody may have put it right."""
        reports = [report.at for report in self._reports(responses, is_new=False)]
        if reports:
            self._known.append(case.member)
            if case.submitted_at and case.submitted_at.replace(microsecond=0) not in reports:
                self._otherwise.append(case.member)

    def _say(self, case: Case, responses: list[Response]) -> None:
        slug, reports = case.member, self._reports(responses)
        back = self._ground.sent_back.get(slug)
        news = [report for report in reports if back is None or report.at > back]
        if reports and not news and back:
            why = f"the report of {slug} was sent back on {back:%Y-%m-%d %H:%M} UTC, and this one is older"
            self._leave([report.response for report in reports], why)
        drafts = [response for response in responses if response.submitted is None]
        if news:
            first = min(news, key=lambda report: (report.at, report.response.line))
            self._note_others(slug, first, news, drafts)
            self._said.append(self._came(slug, first))
        elif case.state not in AWAITED:
            self._leave(drafts, f"{slug} is {case.state}")
        elif drafts:
            latest = max(drafts, key=_last_touched)
            self._said.append(self._began(slug, latest))

    def _came(self, slug: str, report: _Report) -> Said:
        draft = self._draft(report.response)
        reason = _reason(report.response)
        return Said(slug, State.SUBMITTED, report.at, reason, draft, if_awaited=True)

    def _began(self, slug: str, response: Response) -> Said:
        return Said(slug, State.DRAFT, None, _reason(response), self._draft(response), if_awaited=True)

    def _reports(self, responses: Sequence[Response], *, is_new: bool = True) -> list[_Report]:
        return [
            _Report(self._instant(response, response.submitted, is_new), response)
            for response in responses
            if response.submitted
        ]

    def _instant(self, response: Response, wall: datetime, is_new: bool) -> datetime:
        """When a report was submitted; what is odd about that is said of news only."""
        try:
            at = times.instant(wall.date(), wall.time(), self._zone)
        except (AmbiguousLocalTime, NonexistentLocalTime) as error:
            at = times.moment(wall.date(), wall.time(), self._zone)
            twice = isinstance(error, AmbiguousLocalTime)
            if is_new:
                how = "came twice that night: the first one is taken" if twice else "did not exist that night"
                what = f"submitted at {wall}: this hour of {self._zone} {how}"
                self._problems.warning(
                    self._export.place(response), what, "is it the zone of the survey? Else say --zone"
                )
        if is_new and at > self._now + AHEAD:
            what = f"submitted at {wall} {self._zone}, which is still to come"
            self._problems.error(self._export.place(response), what, "say the survey's zone with --zone")
        return at

    def _draft(self, response: Response) -> Draft:
        wall = response.started
        started_at = times.moment(wall.date(), wall.time(), self._zone) if wall else None
        answers = (response.answered, response.unanswered, response.too_long)
        return Draft(started_at, response.last_page, *answers)

    def _note_others(
        self, slug: str, counts: _Report, reports: Sequence[_Report], drafts: Sequence[Response]
    ) -> None:
        others = len(reports) + len(drafts) - 1
        if others:
            which = "the first that was submitted counts" if len(reports) > 1 else "the submitted one counts"
            what = f"{slug} has {others + 1} responses: {which}"
            self._problems.note(self._export.place(counts.response), what)

    def _leave(self, responses: Sequence[Response], why: str) -> None:
        self._left += len(responses)
        for response in responses:
            what = "submitted" if response.submitted else "begun"
            place: Place = self._export.place(response)
            self._problems.warning(place, f"{why}: the response that was {what} is left alone")


def _last_touched(response: Response) -> tuple[str, int]:
    """For the order of drafts; of those that say no time the last line."""
    wall = response.touched or response.started
    return wall.isoformat() if wall else "", response.line


def _why_left(case: Case) -> str:
    """Why a response does not count though the city has a case; empty where it does."""
    slug = case.member
    if case.state is State.UNDECIDED:
        return f"{slug} is undecided in {case.cycle} (first: scheduler cases decide)"
    if case.state in IDLE:
        return f"{slug} need not report in {case.cycle}, it is {case.state}"
    if case.released_at:
        return f"{slug}: the letter that says “{case.state}” is released already"
    if case.state not in AWAITED and case.state is not State.NOT_SUBMITTED:
        return f"{slug} is {case.state} already"
    return ""


def _reason(response: Response) -> str:
    number = response.number
    known = number.isascii() and number.isdigit() and len(number) <= 10
    return f"the survey's export, response {number}" if known else "the survey's export"
