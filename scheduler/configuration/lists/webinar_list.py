"""A list of webinars, as a spreadsheet has it -> the file of a series, with every doubt said (story US-03).

Nothing is repaired and nothing is guessed: what a cell says is written down as it stands, and the reader of
the files decides what it means. What it says then is said of the cell.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from scheduler.configuration.problems import Place, Problem, Problems, Severity, listed, printable, quoted
from scheduler.configuration.schema import CLOCK_PATTERN, WRITE_A_CLOCK, Refusal, read_clock, read_url
from scheduler.configuration.series_form import MAX_SESSIONS, TO_BE_ANNOUNCED
from scheduler.configuration.table import Row, rows_of
from scheduler.configuration.text import MAX_TABLE_BYTES, read_text
from scheduler.configuration.time_line import read_line
from scheduler.configuration.vocabulary import Vocabulary, folded
from scheduler.configuration.writing.drafts import Draft, series_draft, unique_id
from scheduler.configuration.writing.scalars import Entry
from scheduler.model import times
from scheduler.model.audience import Audience
from scheduler.model.recurrence import WEEKDAYS
from scheduler.model.series import Series, Session

#: key of a session -> what its column may be called; of several columns the first one that is filled counts.
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "session id", "slug"),
    "title": ("title", "topic", "theme", "subject", "webinar"),
    "date": ("date", "day"),
    "weekday": ("weekday", "day of week", "weekday of date as stated"),
    "when": ("when", "time", "stated time", "time stated", "hours"),
    "start": ("start", "starts", "start time", "begin", "from"),
    "end": ("end", "ends", "end time", "to", "until"),
    "zone": ("zone", "time zone", "timezone", "stated zone label", "zone label"),
    "audience": ("audience", "region", "region stated", "regions", "for"),
    "description": ("description", "abstract"),
    "organisers": ("organisers", "organizers", "organiser", "organizer", "host", "hosts"),
    "platform": ("platform", "tool"),
    "kind": ("id kind", "kind of id", "kind"),
    "number": ("meeting id", "webinar id", "id stated", "number"),
    "link": ("link", "url", "address", "join link", "login text", "login"),
    "passcode": ("passcode", "password"),
    "recording": ("recording", "webinar recording"),
    "summary": ("summary",),
    "speakers": ("speakers", "speaker"),
}
#: Columns that are about the list, not about the webinars.
_NOT_READ = ("seq", "no", "nr", "number of row", "source", "sources", "note", "notes", "remark", "remarks")
_KINDS = {"meeting id": "Meeting ID", "webinar id": "Webinar ID"}
_SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
_WITH_ITEM = re.compile(r"(?P<name>[^()]+?)\s*\((?P<item>.+)\)")
_QUOTES = re.compile('["“”„«»]')
_CLOCK = re.compile(CLOCK_PATTERN, re.ASCII)
#: What is said of the hours stands beside their line.
_HOURS = ("when", "start", "end", "zone", "weekday")
_ONE_IS_WRONG = "one of the two is wrong"
_STRAY_BLANK = re.compile(r"\w- \w|\w -\w|  ")


@dataclass
class WebinarList:
    """The rows of a list, and which column holds what."""

    file: str
    rows: list[Row]
    #: key of a session -> names of the columns that hold it, the one that counts first
    columns: dict[str, tuple[str, ...]]

    def cell(self, row: Row, key: str) -> str:
        column = self.column(row, key)
        return row[column] if column else ""

    def column(self, row: Row, key: str) -> str | None:
        """The name of the column that counts for a row, which may have an empty cell there."""
        columns = self.columns.get(key, ())
        return next((column for column in columns if row[column]), columns[0] if columns else None)

    def others(self, row: Row, key: str) -> list[str]:
        """Further columns that hold the same, and are filled."""
        counts = self.column(row, key)
        return [column for column in self.columns.get(key, ()) if column != counts and row[column]]

    def place(self, row: Row, key: str) -> Place:
        return row.place(self.column(row, key))

    def has(self, key: str) -> bool:
        return key in self._filled

    @cached_property
    def _filled(self) -> frozenset[str]:
        """The keys of which some row says something."""
        return frozenset(key for key in self.columns if any(self.cell(row, key) for row in self.rows))


@dataclass(frozen=True)
class Given:
    """What is said of the whole series on the command line."""

    title: str
    id: str
    entries: Sequence[Entry] = ()

    def says(self, key: str) -> bool:
        return any(entry.key == key for entry in self.entries)


def read_list(path: Path, problems: Problems) -> WebinarList | None:
    """The list of a CSV file. Columns that are not known are named in a note, and left alone."""
    file = printable(path)
    if path.suffix.lower() in _SPREADSHEETS and path.exists():
        problems.error(Place(file), "a spreadsheet itself is not read here", "save the list as CSV UTF-8")
        return None
    text = read_text(path, MAX_TABLE_BYTES, problems)
    if text is None:
        return None
    header = _header(text)
    if not header:
        names = f"it must name the columns: date and title, and any of {listed(_COLUMNS, most=30)}"
        problems.error(Place(file), "the first line is empty", names)
        return None
    rows = rows_of(text, file, (), tuple(dict.fromkeys(header)), problems)
    if not rows:
        return None
    columns = _columns(header)
    for key in ("date", "title"):
        if key not in columns:
            what = f"no column holds the {key} of a webinar"
            problems.error(Place(file), what, f"call it {' or '.join(_COLUMNS[key])}")
    read = {name for names in columns.values() for name in names}
    if unknown := [name for name in header if name not in read and not _is_not_read(name)]:
        what = f"these columns are not read: {listed(map(quoted, unknown), most=20)}"
        problems.note(Place(file), what, f"known are {listed(_COLUMNS, most=30)}")
    return None if problems.errors() else WebinarList(file, _as_many_as_fit(rows, problems), columns)


def _as_many_as_fit(rows: list[Row], problems: Problems) -> list[Row]:
    """What is wrong with the first of them is said in the same run."""
    if len(rows) > MAX_SESSIONS:
        what = f"this list has {len(rows):,} rows, but a series has at most {MAX_SESSIONS:,} sessions"
        problems.error(rows[MAX_SESSIONS].place(), what, "make several lists of it")
    return rows[:MAX_SESSIONS]


def _header(text: str) -> tuple[str, ...]:
    first = text.partition("\n")[0].rstrip("\r")
    cells = next(csv.reader([first], delimiter=max(",;\t", key=first.count)), [])
    return tuple(cell.strip() for cell in cells if cell.strip())


def _columns(header: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found = {
        key: tuple(name for words in known for name in header if _words(name) == words)
        for key, known in _COLUMNS.items()
    }
    return {key: names for key, names in found.items() if names}


def _words(name: str) -> str:
    return folded(re.sub(r"[_\W]+", " ", name))


def _is_not_read(name: str) -> bool:
    return _words(name) in _NOT_READ or _words(name).startswith("derived ")


# the draft


def as_draft(found: WebinarList, given: Given, vocabulary: Vocabulary, problems: Problems) -> Draft:
    """The file of a series, with the doubts that the list itself raises: said, and beside the lines."""
    return _Drafter(found, given, vocabulary, problems).draft()


@dataclass
class _Drafter:
    found: WebinarList
    given: Given
    vocabulary: Vocabulary
    problems: Problems
    #: title of a session, folded -> the first row that has it
    titles: dict[str, Row] = field(default_factory=dict)

    def draft(self) -> Draft:
        sessions: dict[str, list[Entry]] = {}
        for row in self.found.rows:
            entries = self.session(row, sessions)
            sessions[str(entries[0].value)] = entries
        whole = Entry("sessions", list(sessions.values()), Place(self.found.file))
        self.doubts_of_whole(whole)
        entries = [*self.organisers(), *self.given.entries]
        entries += [Entry("expected_sessions", len(sessions)), whole]
        first = self.found.rows[0]
        return series_draft(
            self.given.title,
            self.given.id,
            entries,
            first_session=next(iter(sessions)),
            first_on=self.found.cell(first, "date"),
        )

    def session(self, row: Row, taken: Mapping[str, object]) -> list[Entry]:
        title, audience = self.found.cell(row, "title"), self.found.cell(row, "audience")
        name = self.found.cell(row, "id") or unique_id(title, audience, taken, f"session-{len(taken) + 1}")
        entries = [Entry("id", name, self.found.place(row, "id"))]
        entries += self.simple(row, "title", self.doubts_of_title)
        entries += self.simple(row, "date")
        entries += self.simple(row, "weekday")
        entries += self.hours(row)
        entries += self.simple(row, "audience", self.doubts_of_audience)
        entries += self.simple(row, "description")
        if not self.one_organiser:
            entries += self.several(row, "organisers")
        entries += self.join(row)
        entries += self.address(row, "recording")
        entries += self.address(row, "summary")
        entries += self.programme(row)
        if not audience and not self.given.says("audience") and self.found.has("audience"):
            what = "this row does not say who is invited"
            self.problems.error(
                self.found.place(row, "audience"), what, "fill in the cell, or use --audience"
            )
        return entries

    def doubt(self, entry: Entry, place: Place, what: str, instead: str = "") -> None:
        self.problems.warning(place, what, instead)
        entry.doubts.append(doubt_comment(what, instead))

    def gap(self, place: Place, what: str, instead: str = "") -> list[Entry]:
        """A doubt about a line that is not there."""
        entry = Entry("", None, place)
        self.doubt(entry, place, what, instead)
        return [entry]

    def simple(self, row: Row, key: str, doubts: Callable[[Row, Entry], None] | None = None) -> list[Entry]:
        text = self.found.cell(row, key)
        if not text:
            return []
        entry = Entry(key, text, self.found.place(row, key))
        if doubts:
            doubts(row, entry)
        return [entry]

    def several(self, row: Row, key: str) -> list[Entry]:
        names = [name.strip() for name in re.split("[;|]", self.found.cell(row, key)) if name.strip()]
        return [Entry(key, names, self.found.place(row, key))] if names else []

    def doubts_of_title(self, row: Row, entry: Entry) -> None:
        title, place = str(entry.value), self.found.place(row, "title")
        if _QUOTES.search(title):
            self.doubt(entry, place, "the title has quotation marks", "mails will print them")
        if _STRAY_BLANK.search(title):
            self.doubt(entry, place, "the title has a blank where none is usual", "mails will print it")
        first = self.titles.setdefault(re.sub(r"[\W_]", "", title.casefold()), row)
        if first is not row:
            what = f"this title stands on line {first.line} too"
            self.doubt(entry, place, what, "if they are editions of one session, give both the same topic:")

    def doubts_of_audience(self, row: Row, entry: Entry) -> None:
        label, place = str(entry.value), self.found.place(row, "audience")
        audience = self.audience(label)
        if audience and audience.label != label:
            self.doubt(
                entry, place, f'{quoted(label)} is written otherwise in network.yaml: "{audience.label}"'
            )
        if audience and audience.languages:
            what = f"{quoted(label)} goes by the language of our mails ({', '.join(audience.languages)})"
            self.doubt(entry, place, what, "look at it in network.yaml: other countries may be meant")

    def audience(self, label: str) -> Audience | None:
        every = self.vocabulary.audiences.items()
        return next((one for name, one in every if folded(name) == folded(label)), None)

    def hours(self, row: Row) -> list[Entry]:
        """The line of the list where it has one, else its cells; without an hour it is to be announced."""
        if line := _line(row, self.found):
            place = self.found.place(row, "when" if self.found.cell(row, "when") else "start")
            zone = [] if read_line(line, self.vocabulary).zone_word else self.zone_beside(row)
            return [Entry("when", line, place), *zone]
        entries = [entry for key in ("start", "end", "zone") for entry in self.simple(row, key)]
        if self.found.cell(row, "start") or self.given.says("start"):
            return entries
        place = self.found.place(row, "when" if "when" in self.found.columns else "start")
        entry = Entry("start", "to be announced", place)
        self.doubt(entry, place, "no time is given: it is to be announced")
        return [entry, *(one for one in entries if one.key != "start")]

    def zone_beside(self, row: Row) -> list[Entry]:
        """For a line without one. Cells for start and end need none: the home zone counts, which is said."""
        if self.found.cell(row, "zone") or self.found.cell(row, "when") or self.given.says("zone"):
            return self.simple(row, "zone")
        return [Entry("zone", self.vocabulary.home_zone, self.found.place(row, "start"))]

    def join(self, row: Row) -> list[Entry]:
        found = self.found
        link = found.cell(row, "link")
        has_link = _is_url(link)
        number = Entry("id", found.cell(row, "number"), found.place(row, "number"))
        column = "kind" if found.cell(row, "kind") else "number"
        kind = Entry("kind", self.kind(row), found.place(row, column))
        parts = [*self.simple(row, "platform")]
        if number.value:
            self.doubts_of_kind(kind, found.place(row, column))
            parts += [kind, number]
        parts += [Entry("link", link, found.place(row, "link"))] if has_link else []
        parts += self.simple(row, "passcode")
        joined = [Entry("join", parts, found.place(row, "link"))] if parts else []
        if link and not has_link:
            what = f"{quoted(link)} is no web address: the link to join is missing"
            return joined + self.gap(found.place(row, "link"), what)
        if not link and (found.has("link") or number.value):
            return joined + self.gap(found.place(row, "link"), "there is no link to join")
        return joined

    def kind(self, row: Row) -> str:
        """Of the cell, or of the name of the column that holds the number; "" where neither says it."""
        written = self.found.cell(row, "kind")
        column = _words(self.found.column(row, "number") or "")
        return _KINDS.get(folded(written), written) or _KINDS.get(column, "")

    @cached_property
    def kinds(self) -> Counter[str]:
        return Counter(self.kind(row) for row in self.found.rows if self.found.cell(row, "number"))

    def doubts_of_kind(self, entry: Entry, place: Place) -> None:
        kinds = self.kinds
        usual = kinds.most_common(1)[0][0]
        if not entry.value:
            entry.value = "Meeting ID"
            what = "the list does not say whether this is a Meeting ID or a Webinar ID"
            self.doubt(entry, place, what)
        elif entry.value != usual and kinds[str(entry.value)] < kinds[usual]:
            what = f"this number is a {entry.value}, the others are a {usual}"
            self.doubt(entry, place, what)

    def address(self, row: Row, key: str) -> list[Entry]:
        text = self.found.cell(row, key)
        if not text or _is_url(text):
            return self.simple(row, key)
        what = f"{quoted(text)} is no web address: the {key} is not taken over"
        return self.gap(self.found.place(row, key), what)

    def programme(self, row: Row) -> list[Entry]:
        """ "Name (item); Name (item)": who speaks to the same item in a row speaks to one item."""
        place = self.found.place(row, "speakers")
        items: list[tuple[str, list[str]]] = []
        gaps: list[Entry] = []
        for part in (part.strip() for part in self.found.cell(row, "speakers").split(";")):
            found = _WITH_ITEM.fullmatch(part)
            if part and not found:
                what = f"{quoted(part)} does not say what they speak about, and is not taken over"
                gaps += self.gap(place, what, "write Name (title of the item)")
            elif found and items and items[-1][0] == found["item"]:
                items[-1][1].append(found["name"])
            elif found:
                items.append((found["item"], [found["name"]]))
        made = [
            [
                Entry("title", title, place),
                Entry("speakers", [[Entry("name", name, place)] for name in names], place),
            ]
            for title, names in items
        ]
        return gaps + ([Entry("programme", made, place)] if made else [])

    @cached_property
    def one_organiser(self) -> bool:
        return len({self.found.cell(row, "organisers") for row in self.found.rows}) == 1

    def organisers(self) -> list[Entry]:
        if self.given.says("organisers") or not self.one_organiser:
            return []
        return self.several(self.found.rows[0], "organisers")

    def doubts_of_whole(self, entry: Entry) -> None:
        place, found = Place(self.found.file), self.found
        if not (found.has("audience") or self.given.says("audience")):
            what = "this row does not say who is invited"
            what = f"{what}, nor does any other" if len(found.rows) > 1 else what
            instead = f"use --audience with one of {listed(self.vocabulary.audiences)}; or fill in the column"
            self.problems.error(found.place(found.rows[0], "audience"), what, instead)
        if not (found.has("link") or found.has("number")):
            self.doubt(entry, place, "the list has no links to join")
        if not (found.has("when") or found.has("zone") or self.given.says("zone")):
            what = f"the list names no zone: {self.vocabulary.home_zone} of network.yaml counts"
            self.doubt(entry, place, what, "say another one with --zone")
        if not self.given.says("announced"):
            what = "the list does not say when the cities hear of the series: there will be no announcement"
            self.doubt(entry, place, what, "say it with --announced")


def _is_url(text: str) -> bool:
    try:
        return bool(read_url(text))
    except Refusal:
        return False


# what the reader of the files says

#: The list is told so in its own words.
_SAID_OF_THE_LIST = '"audience" is missing'
#: In a cell nothing needs quotes.
_WRITE_A_CLOCK = "write hours and minutes, such as 13:00"


def take_doubts(draft: Draft, said: Sequence[Problem], found: WebinarList, problems: Problems) -> None:
    """Says of a cell what was said of the line that was made of it; warnings become comments there.

    Notes are about the file, not about the list: check says them.
    """
    lines = draft.lines()
    for problem in said:
        entry = lines[problem.place.line - 1].entry if problem.place.line <= len(lines) else None
        place = (entry and entry.place) or Place(found.file)
        if problem.severity is Severity.ERROR:
            if problem.what != _SAID_OF_THE_LIST:
                instead = problem.instead.replace(WRITE_A_CLOCK, _WRITE_A_CLOCK)
                problems.error(place, problem.what, instead)
        elif problem.severity is Severity.WARNING:
            problems.warning(place, problem.what, problem.instead)
            if entry:
                entry.doubts.append(doubt_comment(problem.what, problem.instead))


@dataclass(frozen=True)
class _Doubt:
    #: key of a session, of which it is said
    key: str
    place: Place
    what: str
    instead: str = _ONE_IS_WRONG


def take_what_it_means(
    draft: Draft, series: Series, found: WebinarList, vocabulary: Vocabulary, problems: Problems
) -> None:
    """Says what was read where the list itself says something else too, or no end."""
    for row, session, parts in zip(found.rows, series.sessions, _entries_of_sessions(draft), strict=True):
        for doubt in (
            *_doubts_of_hours(row, session, found),
            *_doubts_of_zone(row, session, found, vocabulary),
            *_doubts_of_twins(row, session, found, vocabulary),
        ):
            problems.warning(doubt.place, doubt.what, doubt.instead)
            names = ("when", "start", "date") if doubt.key in _HOURS else (doubt.key, "join", "id")
            entry = next(one for name in names for one in parts if one.key == name)
            entry.doubts.append(doubt_comment(doubt.what, doubt.instead))


def _doubts_of_hours(row: Row, session: Session, found: WebinarList) -> Iterator[_Doubt]:
    """A row may give its hours twice: as a line, and in cells."""
    line = found.cell(row, "when")
    for key, read in (("start", session.start), ("end", session.end)):
        cell = found.cell(row, key)
        if cell and line and not _is_clock(cell, read):
            said = f"{read:%H:%M}" if read else f"no {key}"
            what = f"{quoted(line)} says {said}, the column {found.column(row, key)} says {quoted(cell)}"
            yield _Doubt(key, found.place(row, key), what)
    if session.start and not session.end and not _line(row, found):
        what = f"no end is given, so {session.length_minutes} minutes count"
        place = found.place(row, "end" if "end" in found.columns else "start")
        yield _Doubt("start", place, what, "write the end too")


def _doubts_of_zone(
    row: Row, session: Session, found: WebinarList, vocabulary: Vocabulary
) -> Iterator[_Doubt]:
    """A line that names a zone counts; a cell for the zone beside it must mean the same."""
    line, cell = _line(row, found), found.cell(row, "zone")
    word = read_line(line, vocabulary).zone_word if line and cell else None
    if word is None or folded(word.text) == folded(cell) or _is_zone(cell, session, vocabulary):
        return
    what = f"{quoted(line)} says {word.text}, the column {found.column(row, 'zone')} says {quoted(cell)}"
    yield _Doubt("zone", found.place(row, "zone"), what)


def _doubts_of_twins(
    row: Row, session: Session, found: WebinarList, vocabulary: Vocabulary
) -> Iterator[_Doubt]:
    """Two columns may hold the same thing, such as "title" and "topic": the first counts."""
    for key in found.columns:
        counts, column = found.cell(row, key), found.column(row, key)
        for other in found.others(row, key):
            if not _means(row[other], key, counts, session, vocabulary):
                what = (
                    f"the column {column} says {quoted(counts)}, the column {other} says {quoted(row[other])}"
                )
                yield _Doubt(key, row.place(other), what)


def _means(cell: str, key: str, counts: str, session: Session, vocabulary: Vocabulary) -> bool:
    """The cell says of the session what the one that counts says."""
    if folded(cell) == folded(counts):
        return True
    match key:
        case "when":
            return _is_clock(cell, session.start) or _is_line(cell, session, vocabulary)
        case "start" | "end":
            return _is_clock(cell, session.start if key == "start" else session.end)
        case "zone":
            return _is_zone(cell, session, vocabulary)
        case "date" | "weekday":
            return folded(cell) == WEEKDAYS[session.on.weekday()]
    return False


def _is_line(cell: str, session: Session, vocabulary: Vocabulary) -> bool:
    line = read_line(cell, vocabulary)
    if line.errors or (line.first.start, line.first.end) != (session.start, session.end):
        return False
    return line.zone_word is None or _is_zone(line.zone_word.text, session, vocabulary)


def _is_zone(word: str, session: Session, vocabulary: Vocabulary) -> bool:
    """By this word the session begins at the same moment."""
    if session.start is None:
        return False
    nowhere = Place("")
    zone = vocabulary.zone(word, session.on, session.start, nowhere, nowhere, Problems())
    here = times.moment(session.on, session.start, session.zone)
    return zone is not None and times.moment(session.on, session.start, zone) == here


def _line(row: Row, found: WebinarList) -> str:
    """The hours as one text: the line of the list, or the cells for start and end, as "1 pm" and "2 pm".

    "" where the cells are plain hours, or only numbers: of "1" nobody knows whether it is one in the night.
    """
    start, end = found.cell(row, "start"), found.cell(row, "end")
    if line := found.cell(row, "when"):
        return line
    written = [cell for cell in (start, end) if cell and not _is_plain(cell)]
    if not start or not written or all(cell.isdigit() for cell in written):
        return ""
    return f"{start}–{end}" if end else start


def _is_plain(cell: str) -> bool:
    """An hour of the clock, or the words "to be announced"."""
    return folded(cell) in TO_BE_ANNOUNCED or _CLOCK.fullmatch(cell) is not None


def _entries_of_sessions(draft: Draft) -> Sequence[list[Entry]]:
    sessions = next(entry for entry in draft.entries if entry.key == "sessions")
    return cast(Sequence[list[Entry]], sessions.value)


def _is_clock(cell: str, read: object) -> bool:
    try:
        return read_clock(cell) == read
    except Refusal:
        return False


def doubt_comment(what: str, instead: str = "") -> str:
    return "doubt: " + "; ".join(part for part in (what, instead) if part)
