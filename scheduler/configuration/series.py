"""series/*.yaml -> series with their sessions, as wall times in true zones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from scheduler.configuration.document import Document
from scheduler.configuration.notices import NoticesForm, rules_of
from scheduler.configuration.problems import MOST_FINDINGS, Place, Problems, listed
from scheduler.configuration.series_form import (
    MAX_SESSIONS,
    DetailsForm,
    ItemForm,
    SeriesForm,
    SessionForm,
    read_form,
    what_is_left,
)
from scheduler.configuration.session_hours import Asked, HoursReader, SessionHours
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.network import Network
from scheduler.model.recurrence import WEEKDAYS, Recurrence
from scheduler.model.series import Join, ProgrammeItem, Series, Session, Speaker, Status


def read_series(
    document: Document,
    network: Network,
    vocabulary: Vocabulary,
    notices: NoticesForm | None,
    problems: Problems,
) -> Series | None:
    form = read_form(document, problems)
    if form is None:
        if problems.errors_in(document.file) < MOST_FINDINGS and (left := what_is_left(document)):
            _Reader(left.form, document, network, vocabulary, problems, left.numbers).sessions()
        return None
    before = problems.errors()
    numbers = tuple(range(len(form.sessions)))
    sessions = _Reader(form, document, network, vocabulary, problems, numbers).sessions()
    _warn_of_late_announcement(form, sessions, document, problems)
    rules = rules_of(notices.sessions if notices else None, form.notices, document, network, problems)
    if problems.errors() > before:
        return None
    return Series(
        id=form.id,
        title=form.title,
        description=form.description,
        organisers=tuple(form.organisers) or (network.organiser,),
        announced=form.announced,
        sessions=sessions,
        rules=rules,
    )


def _warn_of_late_announcement(
    form: SeriesForm, sessions: tuple[Session, ...], document: Document, problems: Problems
) -> None:
    first = min((session.on for session in sessions), default=date.max)
    if form.announced and form.announced > first:
        what = f"this series is announced on {form.announced}, after its first session on {first}"
        problems.warning(document.place("announced"), what, "write an earlier day")


@dataclass
class _Reader:
    form: SeriesForm
    document: Document
    network: Network
    vocabulary: Vocabulary
    problems: Problems
    #: position in the file of each session of the form
    numbers: tuple[int, ...]
    hours: HoursReader = field(init=False)

    def __post_init__(self) -> None:
        self.hours = HoursReader(self.form, self.document, self.network, self.vocabulary, self.problems)

    def sessions(self) -> tuple[Session, ...]:
        if self.form.every and self.form.sessions:
            what = "a series has either `every` or `sessions`"
            self.problems.error(self.document.place("sessions"), what, "keep one of the two")
            return ()
        sessions = self._by_rule(self.form.every) if self.form.every else self._one_by_one()
        if len(self.numbers) == self._written():
            # else nobody knows yet whether the hours of the series are right for those that are left out
            self.hours.offer_rewrite()
        return sessions

    def _written(self) -> int:
        """How many sessions stand in the file one by one."""
        node = self.document.node("sessions")
        return len(node.items or []) if node else 0

    # one by one

    def _one_by_one(self) -> tuple[Session, ...]:
        if not self.form.sessions:
            self.problems.error(
                self.document.place(), "this series has no sessions", "write sessions: or every:"
            )
        self._refuse_rule_words()
        self._refuse_twins()
        self._check_number(len(self.form.sessions))
        both = zip(self.numbers, self.form.sessions, strict=True)
        listed_ones = (self._listed(number, one) for number, one in both if not self._is_enough(number))
        return tuple(session for session in listed_ones if session)

    def _is_enough(self, number: int) -> bool:
        return self.problems.are_enough(self.document.place("sessions", number))

    def _refuse_rule_words(self) -> None:
        for key in ("from", "until", "count", "except", "move", "details"):
            if self.document.has(key):
                self.problems.error(
                    self.document.place_of_key(key), f'"{key}" goes with `every`', "remove it"
                )

    def _refuse_twins(self) -> None:
        seen: set[str] = set()
        for number, session in zip(self.numbers, self.form.sessions, strict=True):
            if session.id in seen:
                place = self.document.place("sessions", number, "id")
                self.problems.error(
                    place, f'the id "{session.id}" stands here twice', "ids are names for ever; write another"
                )
            seen.add(session.id)

    def _listed(self, number: int, form: SessionForm) -> Session | None:
        path = ("sessions", number)
        date_place = self.document.place(*path, "zone" if form.zone else "date")
        asked = Asked(form.date, form, path, date_place, self.document.place(*path))
        return self._session(form.id, asked)

    # by a rule

    def _by_rule(self, every: str) -> tuple[Session, ...]:
        rule = self._rule(every)
        if rule is None:
            return ()
        nominal = rule.nominal_dates()
        if not self._is_in_bounds(rule, nominal):
            return ()
        self._check_exceptions(nominal)
        self._check_number(len(rule.dates()))
        sessions = [self._of_rule(day, held_on) for day, held_on in rule.dates()]
        return tuple(session for session in sessions if session)

    def _rule(self, every: str) -> Recurrence | None:
        """From, and until when or how often; nothing goes on for ever."""
        first, last, count = self.form.first, self.form.last, self.form.count
        if last and count:
            what = "`until` and `count` both say how long it goes on"
            self.problems.error(self.document.place_of_key("count"), what, "keep one of the two")
            return None
        if count:
            last = date(times.LAST_YEAR, 12, 31)
        if first is None or last is None or last < first:
            what = "`every` needs `from` and `until`, in this order"
            instead = "write from: as a date too" if count else "write both as dates"
            self.problems.error(self.document.place("every"), what, instead)
            return None
        return Recurrence(every, first, last, tuple(self.form.left_out), self.form.move, count)

    def _is_in_bounds(self, rule: Recurrence, nominal: list[date]) -> bool:
        gives = f'"{rule.every}" gives {len(nominal):,} dates from {rule.first}'
        if rule.count and len(nominal) < rule.count:
            what = f"{gives} until the end of {times.LAST_YEAR}"
            self.problems.error(self.document.place("count"), what, "write a smaller number")
            return False
        if not 1 <= len(nominal) <= MAX_SESSIONS:
            place = self.document.place("every")
            self.problems.error(place, f"{gives} until {rule.last}", f"a series has 1 to {MAX_SESSIONS:,}")
            return False
        return True

    def _check_exceptions(self, nominal: list[date]) -> None:
        named: list[tuple[date, Place]] = []
        named += [(day, self.document.place("except", n)) for n, day in enumerate(self.form.left_out)]
        named += [(day, self.document.place_of_key("move", day.isoformat())) for day in self.form.move]
        named += [(day, self.document.place_of_key("details", day.isoformat())) for day in self.form.details]
        known = set(nominal)
        for day, place in named:
            if day not in known:
                near = min(nominal, key=lambda other: abs(other - day))
                self.problems.error(place, f"{day} is no date of this series", f"the nearest one is {near}")
        for day in self.form.move:
            if day in self.form.left_out:
                place = self.document.place_of_key("move", day.isoformat())
                self.problems.error(place, f"{day} is both left out and moved", "keep one of the two")

    def _of_rule(self, nominal: date, held_on: date) -> Session | None:
        details = self.form.details.get(nominal)
        around = self.document.place("every")
        if details is None:
            return self._session(nominal.isoformat(), Asked(held_on, DetailsForm(), None, around, around))
        path = ("details", nominal.isoformat())
        date_place = self.document.place(*path, "zone")
        return self._session(nominal.isoformat(), Asked(held_on, details, path, date_place, around))

    # both

    def _session(self, name: str, asked: Asked) -> Session | None:
        hours = self.hours.hours_of(asked)
        form, audience = asked.form, self.audience(asked)
        self._check_weekday(asked)
        if hours is None or audience is None:
            return None
        return _session(name, form, asked.on, hours, audience, self.form)

    def _check_weekday(self, asked: Asked) -> None:
        """Story US-03.2: a list of another year is found by its weekdays."""
        weekday, on = asked.form.weekday, asked.on
        if weekday is None or WEEKDAYS[on.weekday()] == weekday or asked.path is None:
            return
        years = _years_with(on, WEEKDAYS.index(weekday))
        self.problems.error(
            self.document.place(*asked.path, "weekday"),
            f"{on} is a {WEEKDAYS[on.weekday()].capitalize()}",
            f"{weekday.capitalize()} in {' and '.join(str(year) for year in years)}",
        )

    def _check_number(self, found: int) -> None:
        """Story US-03.3: a page speaks of five webinars and lists six."""
        expected = self.form.expected_sessions
        if expected is not None and expected != found:
            what = f"{expected} sessions are expected, but there are {found}"
            self.problems.error(self.document.place("expected_sessions"), what, "mend the list or the number")

    def audience(self, asked: Asked) -> Audience | None:
        label, place = self.form.audience, self.document.place("audience")
        if asked.form.audience and asked.path is not None:
            label, place = asked.form.audience, self.document.place(*asked.path, "audience")
        if label is None:
            known = listed(self.vocabulary.audiences)
            self.problems.error(place, '"audience" is missing', f"write one of network.yaml: {known}")
            return None
        return self.vocabulary.audience(label, place, self.problems)


def _session(
    name: str, form: DetailsForm, on: date, hours: SessionHours, audience: Audience, series: SeriesForm
) -> Session:
    joins = ((code, Join(**join.model_dump())) for code, join in form.languages.items())
    return Session(
        id=name,
        title=form.title or series.title,
        on=on,
        start=hours.start,
        end=hours.end,
        length_minutes=hours.length_minutes,
        zone=hours.zone,
        audience=audience,
        status=Status(form.status),
        reason=form.reason,
        description=form.description,
        organisers=tuple(form.organisers),
        join=Join(**form.join.model_dump()),
        programme=tuple(_item(item) for item in form.programme),
        recording=form.recording,
        summary=form.summary,
        summary_on=form.summary_on,
        end_on=hours.end_on,
        topic=form.topic,
        languages=tuple(form.languages),
        joins=tuple((code, join) for code, join in joins if join.lines()),
        public=series.public if form.public is None else form.public,
    )


def _years_with(on: date, weekday: int) -> list[int]:
    """The last year before, and the first one after, in which this day of the month falls on the weekday."""
    before, after = range(on.year - 1, times.FIRST_YEAR - 1, -1), range(on.year + 1, times.LAST_YEAR + 1)
    found = (next((year for year in years if _falls_on(on, year, weekday)), 0) for years in (before, after))
    return [year for year in found if year]


def _falls_on(on: date, year: int, weekday: int) -> bool:
    try:
        return on.replace(year=year).weekday() == weekday
    except ValueError:  # 29 February
        return False


def _item(form: ItemForm) -> ProgrammeItem:
    return ProgrammeItem(form.title, tuple(Speaker(s.name, s.role, s.city) for s in form.speakers))
