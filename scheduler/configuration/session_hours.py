"""When a session is: out of `when`, or of `start`, `end`, `zone`, its own or those of the series."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial

from scheduler.configuration.document import Document
from scheduler.configuration.problems import Place, Problems, listed, quoted
from scheduler.configuration.series_form import DetailsForm, SeriesForm
from scheduler.configuration.time_line import Hours, TimeLine, on_date, read_line
from scheduler.configuration.vocabulary import Vocabulary
from scheduler.configuration.writing import canonical
from scheduler.errors import WallTimeError
from scheduler.model import times
from scheduler.model.network import Network

#: So many days a session lasts at most; more is a typing error in `end_date`.
LONGEST_DAYS = 31

Path = tuple[str | int, ...]
_KEEP_ONE = "keep one of the two"
_FIX_WRITES_IT = "scheduler check --fix writes it so"
_FIX_LEAVES_IT = "scheduler check --fix leaves it: it rewrites only when: and a text right behind it"
_BESIDE_WHEN = ("start", "end", "end_date")


@dataclass(frozen=True)
class SessionHours:
    """Wall times in a true zone."""

    #: None = to be announced
    start: time | None
    #: None where the length counts
    end: time | None
    #: None where it is the day of the start
    end_on: date | None
    length_minutes: int
    zone: str


@dataclass(frozen=True)
class Asked:
    """One session for which the hours are asked."""

    on: date
    form: DetailsForm
    #: where its keys stand; None for a date of a rule without details
    path: Path | None
    #: where its date stands, for what is true of this date only
    date_place: Place
    #: where something is said that has no key of its own
    around: Place


@dataclass
class HoursReader:
    """Reads the hours of the sessions of one series, and says what the series itself has wrong only once."""

    form: SeriesForm
    document: Document
    network: Network
    vocabulary: Vocabulary
    problems: Problems
    #: the time line of the series, where it has one
    line: TimeLine | None = None
    #: every zone that it was understood in, and whether it was for all its dates
    _zones: set[str] = field(default_factory=set)
    _whole: bool = True

    def __post_init__(self) -> None:
        before = self.problems.errors()
        if self.form.when is not None:
            self.line = self._read(self.form.when, self.form, ())
            self._refuse_no_zone(self.line, self.form.zone, ())
        elif self.form.end:
            self._compare(self.form.start, self.form.end, self.document.place("end"))
        self._whole = self.problems.errors() == before

    def hours_of(self, asked: Asked) -> SessionHours | None:
        """None where they cannot be told, with the problems said."""
        before = self.problems.errors()
        found = self._of_own_line(asked) if asked.form.when is not None else self._of_keys(asked)
        return found if self.problems.errors() == before else None

    def offer_rewrite(self) -> None:
        """The time line of the series in canonical form, once all its sessions are read."""
        if self.line is None or not self.line.parts or not self._whole or len(self._zones) != 1:
            return
        if not self.line.first.runs_over_midnight:  # no key of a series can say that
            self._offer(self.line.first, self.line, next(iter(self._zones)), ())

    # a line of its own

    def _of_own_line(self, asked: Asked) -> SessionHours | None:
        assert asked.path is not None  # noqa: S101 - what is written stands somewhere
        assert asked.form.when is not None  # noqa: S101 - asked only then
        before = self.problems.errors()
        line = self._read(asked.form.when, asked.form, asked.path)
        own = asked.form.zone or (self.line.zone_word.text if self.line and self.line.zone_word else None)
        self._refuse_no_zone(line, own or self.form.zone, asked.path)
        if self.problems.errors() > before:
            return None
        outer = None if line.zone_word else self._zone(asked, line.first.start)
        place = partial(self._place_in_line, asked.path)
        zone = on_date(line, asked.on, outer, self.vocabulary, place, place, self.problems)
        if zone is None or not self._both_exist(asked, line.first, zone, place(line.first.at)):
            return None
        found = self._in_line(line.first, zone, asked)
        self._warn_of_no_end(line, found, asked.form, asked.path)
        self._offer(line.first, line, zone, asked.path, asked.on)
        return found

    def _of_series_line(self, line: TimeLine, asked: Asked) -> SessionHours | None:
        """None once the line itself is refused; that was said already."""
        if not line.parts or line.errors:
            self._whole = False
            return None
        outer = None if line.zone_word and not asked.form.zone else self._zone(asked, line.first.start)
        place = partial(self._place_in_line, ())
        own = TimeLine((_without_zones(line.first),)) if asked.form.zone else line
        zone = on_date(
            own, asked.on, outer, self.vocabulary, place, lambda _: asked.date_place, self.problems
        )
        if zone is None or not self._both_exist(asked, line.first, zone, asked.date_place):
            self._whole = False
            return None
        if not asked.form.zone:
            self._zones.add(zone)
        found = self._in_line(line.first, zone, asked)
        self._warn_of_no_end(line, found, asked.form, ())
        return found

    def _in_line(self, hours: Hours, zone: str, asked: Asked) -> SessionHours:
        end_on = asked.on + date.resolution if hours.runs_over_midnight else None
        return SessionHours(hours.start, hours.end, end_on, self._length(asked.form), zone)

    def _read(self, text: str, form: DetailsForm | SeriesForm, path: Path) -> TimeLine:
        """The line by itself; all that is wrong with it on any date is said."""
        line = read_line(text, self.vocabulary)
        for finding in line.errors:
            self.problems.error(self._place_in_line(path, finding.at), finding.what, finding.instead)
        for finding in line.warnings:
            self.problems.warning(self._place_in_line(path, finding.at), finding.what, finding.instead)
        for key in self._twice(form, line):
            place = self.document.place_of_key(*path, key)
            self.problems.error(place, f'"when" and "{key}" both say when it is', _KEEP_ONE)
        return line

    def _twice(self, form: DetailsForm | SeriesForm, line: TimeLine) -> Iterator[str]:
        yield from (key for key in _BESIDE_WHEN if key in form.model_fields_set)
        if form.zone and line.zone_word:
            yield "zone"
        if isinstance(form, DetailsForm) and form.length_minutes and line.parts and line.first.end:
            yield "length_minutes"

    def _refuse_no_zone(self, line: TimeLine, zone: str | None, path: Path) -> None:
        if line.parts and not line.zone_word and zone is None:
            place = self._place_in_line(path, line.first.at)
            what = f"no zone stands behind {line.first}"
            self.problems.error(place, what, "write one, such as Europe/Berlin, or zone: beside it")

    def _warn_of_no_end(self, line: TimeLine, found: SessionHours, form: DetailsForm, path: Path) -> None:
        if line.first.end is None and form.length_minutes is None:
            what = f"no end is written, so {found.length_minutes} minutes count"
            self.problems.warning(self._place_in_line(path, line.first.at), what, "write the end too")

    def _both_exist(self, asked: Asked, hours: Hours, zone: str, place: Place) -> bool:
        """Stories US-10.4: an hour that the clocks jump over, or show twice, is a question for people."""
        begins = self._exists(asked.on, hours.start, zone, place)
        last = asked.on + date.resolution if hours.runs_over_midnight else asked.on
        return self._exists(last, hours.end, zone, place) and begins

    def _offer(self, hours: Hours, line: TimeLine, zone: str, path: Path, on: date | None = None) -> None:
        lines = {"start": f'"{hours.start:%H:%M}"'}
        if hours.end:
            lines["end"] = f'"{hours.end:%H:%M}"'
        if hours.runs_over_midnight and on:
            lines["end_date"] = (on + date.resolution).isoformat()
        if line.zone_word:
            lines["zone"] = zone if zone[0].isalpha() else f'"{zone}"'
        rewrite = canonical.in_place_of(self.document, (*path, "when"), lines)
        beside = [key for key in lines if self.document.has(*path, key)]
        if rewrite and not beside:
            self.problems.rewrites.append(rewrite)
        if beside:
            instead = (
                f"scheduler check --fix leaves it: {listed(map(quoted, beside))} stands beside it, empty"
            )
        else:
            instead = _FIX_WRITES_IT if rewrite else _FIX_LEAVES_IT
        next_day = " the next day" if hours.runs_over_midnight else ""
        what = f"understood as {hours}{next_day} {zone}"
        self.problems.note(self.document.place(*path, "when"), what, instead)

    def _place_in_line(self, path: Path, at: int) -> Place:
        return self.document.place_in(at, *path, "when")

    # start, end, zone

    def _of_keys(self, asked: Asked) -> SessionHours | None:
        form = asked.form
        has_own_start = "start" in form.model_fields_set
        if self.line and not has_own_start and not form.end and not form.length_minutes and not form.end_date:
            return self._of_series_line(self.line, asked)
        series_start, series_end = self._of_series()
        start = form.start if has_own_start else series_start
        end = form.end if has_own_start or form.end or form.length_minutes else series_end
        zone = self._zone(asked, start)
        if zone is None:
            return None
        self._exists(asked.on, start, zone, self._place(asked, "start"))
        self._exists(form.end_date or asked.on, end, zone, self._place(asked, "end"))
        end_on = self._end_on(asked, start, end)
        self._check_end(asked, start, end_on)
        return SessionHours(start, end, end_on, self._length(form), zone)

    def _of_series(self) -> tuple[time | None, time | None]:
        if self.line:
            return (self.line.first.start, self.line.first.end) if self.line.parts else (None, None)
        return self.form.start, self.form.end

    def _zone(self, asked: Asked, start: time | None) -> str | None:
        """The zone that is written nearest: of the session, of the series, of the network."""
        line_word = self.line.zone_word if self.line else None
        if asked.form.zone:
            word, place = asked.form.zone, self._place(asked, "zone")
            date_place = place
        elif line_word:
            word, place = line_word.text, self._place_in_line((), line_word.at)
            date_place = asked.date_place
        else:
            word, place = self.form.zone or self.network.zone, self.document.place("zone")
            date_place = asked.date_place
        zone = self.vocabulary.zone(word, asked.on, start, place, date_place, self.problems)
        if line_word and not asked.form.zone:
            self._zones |= {zone} if zone else set()
            self._whole = self._whole and zone is not None
        return zone

    def _length(self, form: DetailsForm) -> int:
        """In minutes. A start of its own keeps the length that the series has."""
        return form.length_minutes or self._length_of_series() or self.network.default_length_minutes

    def _length_of_series(self) -> int | None:
        start, end = self._of_series()
        if start is None or end is None:
            return None
        day = date(2000, 1, 1)
        length = datetime.combine(day, end) - datetime.combine(day, start)
        return (length % timedelta(days=1)) // timedelta(minutes=1)

    def _exists(self, on: date, at: time | None, zone: str, place: Place) -> bool:
        try:
            if at is not None:
                times.instant(on, at, zone)
        except WallTimeError as error:
            self.problems.error(place, str(error), "write another hour, or another zone")
            return False
        return True

    def _end_on(self, asked: Asked, start: time | None, end: time | None) -> date | None:
        """The last day, where it is another than the first."""
        last, place = asked.form.end_date, self._place(asked, "end_date")
        if last is None or last == asked.on:
            return None
        if last < asked.on:
            self.problems.error(place, f"{last} lies before the first day, {asked.on}", "write the last day")
        elif last - asked.on >= timedelta(days=LONGEST_DAYS):
            what = f"from {asked.on} to {last} are more than {LONGEST_DAYS} days"
            self.problems.error(place, what, "write sessions of their own")
        elif start and end is None and not asked.form.length_minutes:
            self.problems.error(place, "the last day is named, but no end", "write end: too")
        return last

    def _check_end(self, asked: Asked, start: time | None, end_on: date | None) -> None:
        """The end that a session writes itself; that of the series is looked at once."""
        form = asked.form
        if form.length_minutes and (form.end or form.end_date):
            key = "end" if form.end else "end_date"
            what = f'"{key}" and "length_minutes" both say how long it lasts'
            self.problems.error(self._place(asked, "length_minutes"), what, _KEEP_ONE)
        if form.end and (start is None or end_on is None):
            self._compare(start, form.end, self._place(asked, "end"))

    def _compare(self, start: time | None, end: time, place: Place) -> None:
        if start is None:
            self.problems.error(place, f"there is an end, {end:%H:%M}, but no start", "write the start too")
        elif end <= start:
            what = f"{end:%H:%M} is no end for a start at {start:%H:%M}"
            self.problems.error(place, what, "for one that runs over midnight write end_date too")

    def _place(self, asked: Asked, key: str) -> Place:
        if asked.path is not None and self.document.has(*asked.path, key):
            return self.document.place(*asked.path, key)
        return asked.around


def _without_zones(hours: Hours) -> Hours:
    return Hours(hours.at, hours.start, hours.end, hours.next_day, ())
