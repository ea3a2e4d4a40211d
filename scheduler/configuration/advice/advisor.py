"""Warnings and notes about what is written well but may not be meant: nothing here refuses anything.

A pass of its own over what was read, with the day of the reader as an argument; each finding stands where
the session, the rule or the row stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from scheduler.configuration.advice.days import DaysOfPeople, Finding, Stretch
from scheduler.configuration.advice.landmarks import Landmarks
from scheduler.configuration.advice.overlaps import Meeting, Sitting, find_crowded_days, find_overlaps
from scheduler.configuration.advice.rounds import look_at_rounds
from scheduler.configuration.load import Loaded
from scheduler.configuration.problems import Place, Problem, Problems, Severity, listed, printable, quoted
from scheduler.configuration.which_city import question
from scheduler.model import times
from scheduler.model.cycles import Cycle
from scheduler.model.local_hours import NIGHT_HOURS, is_at_night
from scheduler.model.names import Names
from scheduler.model.network import Configuration
from scheduler.model.notices import Days, Kind, MinutesBefore, NoticeRule, WorkingDaysBefore, hour_of
from scheduler.model.programme import Occurrence, occurrences_of
from scheduler.model.renames import find_renames
from scheduler.model.roll import Roll, Set
from scheduler.model.series import Series, Status

#: So large a part of those invited must be in bed to be worth a warning.
MANY_AT_NIGHT = 1 / 3
#: A session so near should have its link.
LINK_WANTED = timedelta(days=7)
#: A reminder is placed on the calendar of the home zone, with the commonest weekend.
_WEEKEND = (5, 6)
_INVITED = "cities invited"
_ANOTHER_DAY = "choose another day if you can"


def advise(loaded: Loaded, today: date, in_force: Configuration | None = None) -> list[Problem]:
    """What staff may want to look at again, in the order of the files.

    today: in the home zone; in_force: what the files will replace, where that is known.
    """
    if loaded.readable is None:
        return []
    problems = Problems()
    adviser = _Adviser(loaded, loaded.readable, today, problems)
    adviser.look_at_sessions()
    adviser.look_at_rounds()
    look_at_rounds(loaded, loaded.readable, today, in_force, problems)
    if in_force:
        _compare_names(in_force, loaded, loaded.readable, problems)
    return problems.in_order()


@dataclass(frozen=True)
class _Subject:
    """One session that takes place, and who is invited."""

    occurrence: Occurrence
    landmarks: Landmarks
    day: date
    invited: Set

    def place(self, *keys: str) -> Place:
        assert self.occurrence.session is not None  # noqa: S101 - subjects are made of sessions
        return self.landmarks.session(self.occurrence.session, *keys)


@dataclass
class _Adviser:
    loaded: Loaded
    configuration: Configuration
    today: date
    problems: Problems

    @cached_property
    def roll(self) -> Roll:
        return Roll(self.configuration)

    @cached_property
    def days(self) -> DaysOfPeople:
        return DaysOfPeople.of(self.configuration, self.roll, self.loaded.seasons)

    @property
    def home(self) -> str:
        return self.configuration.network.zone

    def landmarks(self, part: Series | Cycle) -> Landmarks:
        return Landmarks(self.loaded.documents[part.id])

    # sessions

    def look_at_sessions(self) -> None:
        subjects: list[_Subject] = []
        for series in self.configuration.series:
            landmarks = self.landmarks(series)
            of_series = list(self._subjects(series, landmarks))
            self._look_at_reminders(series, landmarks, of_series)
            self._look_at_speakers(series, landmarks)
            subjects += of_series
        for subject in subjects:
            self._look_at_day(subject)
            self._look_at_joining(subject)
        self._look_at_neighbours(subjects)

    def _subjects(self, series: Series, landmarks: Landmarks) -> Iterator[_Subject]:
        for occurrence in occurrences_of(series):
            if not occurrence.is_off and not occurrence.is_postponed:
                day, invited = occurrence.day_in(self.home), self.roll.invited(occurrence)
                yield _Subject(occurrence, landmarks, day, invited)

    def _look_at_day(self, subject: _Subject) -> None:
        stretches = self.days.stretches(subject.occurrence, subject.invited)
        findings = self.days.in_seasons(subject.day, stretches, _INVITED)
        holiday = self.days.holiday(subject.day, stretches, _INVITED)
        at_night = _at_night(subject.occurrence, stretches, self.roll)
        self._say(subject.place("date", "when"), filter(None, (holiday, *findings)), subject.day)
        self._say(subject.place("start", "when", "date"), filter(None, (at_night,)), subject.day)

    def _say(self, place: Place, findings: Iterable[Finding], day: date) -> None:
        """Nobody can choose another day for what is over."""
        for finding in findings:
            instead = _ANOTHER_DAY if day >= self.today and finding.severity is Severity.WARNING else ""
            say = self.problems.warning if finding.severity is Severity.WARNING else self.problems.note
            say(place, finding.what, instead)

    def _look_at_joining(self, subject: _Subject) -> None:
        session = subject.occurrence.session
        if session is None or session.status is not Status.CONFIRMED:
            return
        if session.join.link or session.join.id:
            return
        if not self.today <= subject.day <= self.today + LINK_WANTED:
            return
        near = f"{subject.day} is {_away(subject.day - self.today)}"
        without = [code for code, join in session.joins if not (join.link or join.id)]
        if len(without) == len(session.joins):
            what = f"{near} and nobody can join: no link, no number"
            self.problems.warning(subject.place("join"), what, "write join: with a link or an id")
        elif without:
            what = f"{near} and nobody can join in {listed(without)}: no link, no number"
            instead = "write a link or an id there, or a join: for all"
            self.problems.warning(subject.place("languages", "join"), what, instead)

    def _look_at_neighbours(self, subjects: Iterable[_Subject]) -> None:
        by_name = {subject.occurrence.id: subject for subject in subjects}
        sittings = [_sitting(subject) for subject in by_name.values()]
        for meeting in find_overlaps(sittings):
            place = by_name[meeting.sitting.name].place("start", "when", "date")
            what = _overlap(meeting, self._day_of(by_name[meeting.sitting.name]))
            self.problems.warning(place, what, "move one of them, or invite others")
        for meeting in find_crowded_days(sittings):
            place = by_name[meeting.sitting.name].place("date", "when")
            what = _crowded_day(meeting, self._day_of(by_name[meeting.sitting.name]))
            self.problems.note(place, what)

    def _day_of(self, subject: _Subject) -> str:
        """The day in the home zone, which may be another than the one that the file has."""
        if subject.day == subject.occurrence.on:
            return str(subject.day)
        return f"{subject.day} (in {self.configuration.network.place}; {subject.occurrence.on} there)"

    def _look_at_reminders(self, series: Series, landmarks: Landmarks, subjects: Iterable[_Subject]) -> None:
        """A reminder whose moment lies before the announcement is left out, not sent late."""
        if series.announced is None:
            return
        announced_at = times.moment(series.announced, hour_of(series.rules, Kind.ANNOUNCEMENT), self.home)
        for rule in _enabled(series.rules, Kind.REMINDER):
            early = [
                str(subject.day)
                for subject in subjects
                if subject.occurrence.starts_at and self._due_at(rule, subject) < announced_at
            ]
            if early:
                what = (
                    f'the reminder "{rule.id}" lies before the announcement on {series.announced}, '
                    f"so it is left out for {listed(early, most=6)}"
                )
                place = landmarks.rule(rule.id, "announced")
                self.problems.warning(place, what, "announce it earlier, or remove the reminder")

    def _due_at(self, rule: NoticeRule, subject: _Subject) -> datetime:
        if isinstance(rule.when, Days | WorkingDaysBefore):
            return rule.when.due_at(subject.day, self.home, _WEEKEND)
        at = subject.occurrence.starts_at
        assert isinstance(rule.when, MinutesBefore) and at  # noqa: S101, PT018 - only those are asked
        return at - timedelta(minutes=rule.when.minutes)

    def _look_at_speakers(self, series: Series, landmarks: Landmarks) -> None:
        seen: set[str] = set()
        for session in series.sessions:
            for item, point in enumerate(session.programme):
                for number, speaker in enumerate(point.speakers):
                    if speaker.city and speaker.city not in seen:
                        seen.add(speaker.city)
                        self._look_at_city(speaker.city, landmarks.speaker(session, item, number))

    def _look_at_city(self, city: str, place: Place) -> None:
        if city not in self._said_of_cities:
            match = self._names.find(city)
            said = question(self._names, match) if match.candidates else None
            self._said_of_cities[city] = (match.member is not None, said)
        is_member, said = self._said_of_cities[city]
        if said:
            self.problems.warning(place, *said)
        elif not is_member:
            self.problems.note(place, f"{quoted(city)} is no member city; as a speaker's city that is fine")

    @cached_property
    def _names(self) -> Names:
        return Names(self.configuration.members, self.configuration.countries)

    @cached_property
    def _said_of_cities(self) -> dict[str, tuple[bool, tuple[str, str] | None]]:
        """city -> (a member surely has this name, the question where several may)."""
        return {}

    # rounds

    def look_at_rounds(self) -> None:
        for cycle in self.configuration.cycles:
            for last_day, members in self.roll.by_last_day(cycle).items():
                for rule in _enabled(cycle.rules, Kind.REPORT_REMINDER):
                    self._look_at_reminder(cycle, rule, last_day, members)

    def _look_at_reminder(self, cycle: Cycle, rule: NoticeRule, last_day: date, members: Set) -> None:
        """members: those who must report until that day."""
        landmarks = self.landmarks(cycle)
        at = {w: _rung(rule, last_day, self.home, w) for w in {_WEEKEND, *self.roll.by_weekend}}
        day = at[_WEEKEND].date()
        opens_at = times.moment(cycle.opens, hour_of(cycle.rules, Kind.REPORT_OPENED), self.home)
        if times.moment(day, at[_WEEKEND].time(), self.home) < opens_at:
            what = f'the reminder "{rule.id}" on {day} lies before the round opens on {cycle.opens}'
            longer = f" for cities with time until {last_day}" if last_day != cycle.deadline.on else ""
            instead = "open it earlier, or remove the reminder"
            place = landmarks.rule(rule.id, "opens")
            self.problems.warning(place, f"{what}, so it is left out{longer}", instead)
            return
        parts = self.roll.by_weekend.items()
        stretches = [Stretch(at[weekend], at[weekend], part & members) for weekend, part in parts]
        self._look_at_rung(rule, landmarks, day, stretches)

    def _look_at_rung(
        self, rule: NoticeRule, landmarks: Landmarks, day: date, stretches: Sequence[Stretch]
    ) -> None:
        """Holidays and seasons on the days of a reminder; weekends move it by themselves."""
        holiday = self.days.holiday(day, stretches, "cities that report")
        findings = [*self.days.in_seasons(day, stretches, "cities that report")]
        if holiday and holiday.severity is Severity.WARNING:
            findings.append(holiday)
        said = [Finding(one.severity, f'the reminder "{rule.id}": {one.what}') for one in findings]
        self._say(landmarks.rule(rule.id, "deadline"), said, day)


def _enabled(rules: Iterable[NoticeRule], kind: Kind) -> Iterator[NoticeRule]:
    return (rule for rule in rules if rule.kind is kind and rule.enabled and rule.when)


def _rung(rule: NoticeRule, last_day: date, zone: str, weekend: tuple[int, ...]) -> datetime:
    """When a reminder of a deadline is due on the calendar of members with that weekend, as a wall time."""
    assert isinstance(rule.when, Days | WorkingDaysBefore)  # noqa: S101 - rounds have no other rules
    return times.local(rule.when.due_at(last_day, zone, weekend), zone).replace(tzinfo=None)


def _at_night(occurrence: Occurrence, stretches: Iterable[Stretch], roll: Roll) -> Finding | None:
    if occurrence.starts_at is None:
        return None
    every = list(stretches)
    in_bed = [stretch for stretch in every if is_at_night(stretch.starts)]
    invited, asleep = _number(every), _number(in_bed)
    if not asleep or asleep < invited * MANY_AT_NIGHT:
        return None
    largest = max(in_bed, key=lambda stretch: stretch.members.bit_count())
    (example,) = roll.of(largest.members, 1)
    what = (
        f"it begins at night ({NIGHT_HOURS} there) for {asleep:,} of the {invited:,} "
        f"cities invited, such as {printable(example.name)} at {largest.starts:%H:%M}"
    )
    return Finding(Severity.WARNING, what)


def _number(stretches: Iterable[Stretch]) -> int:
    return sum(stretch.members.bit_count() for stretch in stretches)


def _sitting(subject: _Subject) -> Sitting:
    occurrence = subject.occurrence
    return Sitting(
        name=occurrence.id,
        topic=occurrence.session.topic if occurrence.session else "",
        day=subject.day,
        starts_at=occurrence.starts_at,
        ends_at=occurrence.ends_at,
        invited=subject.invited,
    )


def _overlap(meeting: Meeting, day: str) -> str:
    others = f" and {len(meeting.others) - 1} more" if len(meeting.others) > 1 else ""
    return (
        f"it overlaps with {meeting.largest.name}{others} on {day}, {_cities(meeting.shared)} invited to both"
    )


def _crowded_day(meeting: Meeting, day: str) -> str:
    """Story US-12.5: "two sessions on 2020-06-10, no overlap, 46 cities invited to both"."""
    number = "two" if len(meeting.others) == 1 else str(len(meeting.others) + 1)
    names = listed([other.name for other in meeting.others], most=3)
    return (
        f"{number} sessions on {day}, no overlap, {_cities(meeting.shared)} "
        f"invited to both: this one and {names}"
    )


def _cities(number: int) -> str:
    return f"{number:,} {'city' if number == 1 else 'cities'}"


def _away(distance: timedelta) -> str:
    return {0: "today", 1: "tomorrow"}.get(distance.days, f"in {distance.days} days")


def _compare_names(
    in_force: Configuration, loaded: Loaded, proposal: Configuration, problems: Problems
) -> None:
    """Names for ever: a UID that changes shows everything twice in all calendars (US-12), and an organiser
    who changes is not believed (RFC 5546, section 2.1.4)."""
    was, now = in_force.network.uid_domain, proposal.network.uid_domain
    if was != now and loaded.network:
        what = f'"{was}" is in force: with another uid_domain calendars would show everything twice'
        problems.warning(loaded.network.place("uid_domain"), what, f"write {was} again")
    was, now = in_force.network.sender.address, proposal.network.sender.address
    if was != now and loaded.network:
        what = (
            f'"{was}" is in force and stands as the organiser in calendars: programs take changes and '
            "cancellations from no other address"
        )
        instead = f"write {was} again until the sessions that were invited to are over"
        problems.warning(loaded.network.place("sender", "address"), what, instead)
    sessions = {(series.id, session.id): session for series in proposal.series for session in series.sessions}
    for rename in find_renames(in_force, proposal):
        document = loaded.documents[rename.part]
        place = document.place("id")
        if rename.session is not None:
            place = Landmarks(document).session(sessions[rename.part, rename.session], "id")
        name = rename.session or rename.part
        what = f'the id "{rename.was}" is in force and no longer here'
        problems.warning(place, what, f'is it "{name}" now? ids are names for ever')
