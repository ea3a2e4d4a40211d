"""series/*.yaml -> series with their sessions, as wall times in true zones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time

from scheduler.configuration.document import Document
from scheduler.configuration.notices import NoticesForm, rules_of
from scheduler.configuration.problems import Place, Problems, listed
from scheduler.configuration.series_form import (
    MAX_SESSIONS,
    DetailsForm,
    ItemForm,
    SeriesForm,
    SessionForm,
    read_form,
)
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.errors import WallTimeError
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.network import Network
from scheduler.model.recurrence import Recurrence
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
        return None
    before = problems.errors()
    reader = _Reader(form, document, network, vocabulary, problems)
    sessions = reader.sessions()
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

    def sessions(self) -> tuple[Session, ...]:
        form, place = self.form, self.document.place
        if form.every and form.sessions:
            self.problems.error(
                place("sessions"), "a series has either `every` or `sessions`", "keep one of the two"
            )
            return ()
        if form.every:
            self._check_end_of_series()
            return self._by_rule(form.every)
        if not form.sessions:
            self.problems.error(place(), "this series has no sessions", "write sessions: or every:")
        self._check_end_of_series()
        self._refuse_rule_words()
        self._refuse_twins()
        listed_ones = (self._listed(number, one) for number, one in enumerate(form.sessions))
        return tuple(session for session in listed_ones if session)

    def _refuse_rule_words(self) -> None:
        for key in ("from", "until", "except", "move", "details"):
            if self.document.has(key):
                self.problems.error(
                    self.document.place_of_key(key), f'"{key}" goes with `every`', "remove it"
                )

    def _refuse_twins(self) -> None:
        seen: set[str] = set()
        for number, session in enumerate(self.form.sessions):
            if session.id in seen:
                place = self.document.place("sessions", number, "id")
                self.problems.error(
                    place, f'the id "{session.id}" stands here twice', "ids are names for ever; write another"
                )
            seen.add(session.id)

    def _listed(self, number: int, form: SessionForm) -> Session | None:
        def place(*path: str | int) -> Place:
            return self.document.place("sessions", number, *path)

        return self._session(form.id, form.date, form, place, own_date=True)

    def _by_rule(self, every: str) -> tuple[Session, ...]:
        first, last = self.form.first, self.form.last
        if first is None or last is None or last < first:
            what = "`every` needs `from` and `until`, in this order"
            self.problems.error(self.document.place("every"), what, "write both as dates")
            return ()
        rule = Recurrence(every, first, last, tuple(self.form.left_out), self.form.move)
        nominal = rule.nominal_dates()
        if not 1 <= len(nominal) <= MAX_SESSIONS:
            what = f'"{every}" gives {len(nominal):,} dates from {first} until {last}'
            self.problems.error(self.document.place("every"), what, f"a series has 1 to {MAX_SESSIONS:,}")
            return ()
        self._check_exceptions(nominal)
        sessions = (self._of_rule(day, held_on) for day, held_on in rule.dates())
        return tuple(session for session in sessions if session)

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

        def place(*path: str | int) -> Place:
            if details and self.document.has("details", nominal.isoformat(), *path[:1]):
                return self.document.place("details", nominal.isoformat(), *path)
            return self.document.place("every")

        return self._session(nominal.isoformat(), held_on, details or DetailsForm(), place, own_date=False)

    def _session(
        self, name: str, on: date, form: DetailsForm, place: Callable[..., Place], *, own_date: bool
    ) -> Session | None:
        start, end, length = self._hours(form)
        zone_place = place("zone") if form.zone else self.document.place("zone")
        date_place = place("zone") if form.zone else place("date") if own_date else place()
        word = form.zone or self.form.zone or self.network.zone
        zone = self.vocabulary.zone(word, on, start, zone_place, date_place, self.problems)
        audience_place = place("audience") if form.audience else self.document.place("audience")
        audience = self.audience(form.audience or self.form.audience, audience_place)
        if zone is None or audience is None:
            return None
        self._check_hours(on, start, zone, place, "start")
        self._check_hours(on, end, zone, place, "end")
        self._check_end(form, start, place)
        return Session(
            id=name,
            title=form.title or self.form.title,
            on=on,
            start=start,
            end=end,
            length_minutes=length,
            zone=zone,
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
        )

    def _hours(self, form: DetailsForm) -> tuple[time | None, time | None, int]:
        """Start, end, length in minutes. A start of its own keeps the length that the series has."""
        length = form.length_minutes or self._length_of_series() or self.network.default_length_minutes
        if "start" in form.model_fields_set:
            return form.start, form.end, length
        if form.end or form.length_minutes:
            return self.form.start, form.end, length
        return self.form.start, self.form.end, length

    def _length_of_series(self) -> int | None:
        if self.form.start is None or self.form.end is None:
            return None
        day = date(2000, 1, 1)
        length = datetime.combine(day, self.form.end) - datetime.combine(day, self.form.start)
        return length.seconds // 60

    def _check_hours(
        self, on: date, at: time | None, zone: str, place: Callable[..., Place], key: str
    ) -> None:
        try:
            if at is not None:
                times.instant(on, at, zone)
        except WallTimeError as error:
            self.problems.error(place(key), str(error), "write another hour, or another zone")

    def _check_end_of_series(self) -> None:
        if self.form.end:
            self._compare(self.form.start, self.form.end, self.document.place("end"))

    def _check_end(self, form: DetailsForm, start: time | None, place: Callable[..., Place]) -> None:
        """The end that a session writes itself; that of the series is looked at once."""
        if form.end and form.length_minutes:
            what = '"end" and "length_minutes" both say how long it lasts'
            self.problems.error(place("length_minutes"), what, "keep one of the two")
        if form.end:
            self._compare(start, form.end, place("end"))

    def _compare(self, start: time | None, end: time, place: Place) -> None:
        if start is None:
            self.problems.error(place, f"there is an end, {end:%H:%M}, but no start", "write the start too")
        elif end <= start:
            what = f"{end:%H:%M} is no end for a start at {start:%H:%M}"
            instead = "for one that runs over midnight write length_minutes instead of end"
            self.problems.error(place, what, instead)

    def audience(self, label: str | None, place: Place) -> Audience | None:
        if label is None:
            known = listed(self.vocabulary.audiences)
            self.problems.error(place, '"audience" is missing', f"write one of network.yaml: {known}")
            return None
        return self.vocabulary.audience(label, place, self.problems)


def _item(form: ItemForm) -> ProgrammeItem:
    return ProgrammeItem(form.title, tuple(Speaker(s.name, s.role, s.city) for s in form.speakers))
