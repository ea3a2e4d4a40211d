"""Exports of the survey in which cities report, as LimeSurvey (3 to 6) writes them: responses, participants.

Of a response is kept when it came, how far it got, and which answers are too long: never an answer itself.
Codes are secrets: no sentence repeats one, it names the line.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from scheduler.configuration.lists.headings import Headings, Question, read_headings
from scheduler.configuration.lists.spreadsheet import Limits, open_sheet
from scheduler.configuration.problems import MOST_FINDINGS, Place, Problems, printable
from scheduler.model.drafts import TooLong, count_words

#: Octets of a CSV file: 10,000 cities that use up every word of every answer have half of it. It is read
#: as a stream, so only time limits it.
MAX_BYTES = 1_000_000_000
#: The first line of a survey with 500 questions, with their full texts, has a quarter of it.
_MAX_HEADER = 1_000_000
#: Characters of one answer; csv would stop at an eighth of it, and a city may paste a whole report.
_MAX_CELL = 1_000_000
#: A workbook is read as a whole, in its own process: one with 2,000 full reports has half of it.
_OF_A_WORKBOOK = Limits(octets=64_000_000, unpacked=400_000_000, memory=3_000_000_000, seconds=120)
_DELIMITERS = ",;\t"
#: So many rows are read between two looks at how far the file is.
_TELL_EVERY = 50

#: What stands in a column of a question that nobody has answered: LimeSurvey says so of a choice that was
#: not shown, and of "other" without a word.
_NO_ANSWERS = frozenset({"", "N/A", "n/a", "-oth-"})
#: Those of ASCII.
_BLANKS = b" \t\n\v\f\r\x1c\x1d\x1e\x1f"
#: When a survey keeps no dates it writes this one.
_NO_DATE = datetime(1980, 1, 1)  # noqa: DTZ001 - as it is written, without a zone
_FIRST_YEAR = 2000
_AGAIN = "export it anew from LimeSurvey, and do not save it with another program"

#: Takes how much is done, and of how much.
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Response:
    #: of the file; of a sheet its row
    line: int
    #: as the survey numbers it; empty where the export does not say
    number: str
    #: as it is written; empty where there is none
    code: str = field(repr=False)
    #: wall times of the survey's clock, to the second; None: not submitted, or the export does not say
    submitted: datetime | None = None
    started: datetime | None = None
    touched: datetime | None = None
    last_page: int | None = None
    #: numbers of questions
    answered: tuple[int, ...] = ()
    unanswered: tuple[int, ...] = ()
    too_long: tuple[TooLong, ...] = ()


@dataclass(frozen=True)
class Export:
    file: str
    responses: tuple[Response, ...]

    def place(self, response: Response) -> Place:
        return Place(self.file, response.line)


def read_survey(
    path: Path,
    sheet: str | None,
    word_limits: Mapping[int, int],
    problems: Problems,
    tell: Tell | None = None,
) -> Export | None:
    """The responses of an export, CSV or .xlsx; None with every line said that cannot be read.

    word_limits: number of a question -> most words; where it has none, what its heading says.
    """
    with _opened(path, sheet, problems, tell) as lines:
        if lines is None:
            return None
        headings = read_headings(lines.header, word_limits)
        if not _can_be_matched(headings, lines, problems):
            return None
        reader = _Reader(headings, lines, problems)
        responses = tuple(reader.read())
    return None if problems.errors() else Export(lines.file, responses)


@dataclass(frozen=True)
class Participant:
    """A city in a list of the survey's participants."""

    line: int
    code: str = field(repr=False)
    #: what may name the city: its slug, or what stands as the last name; and its address
    names: tuple[str, ...]
    address: str


def read_participants(path: Path, problems: Problems) -> tuple[Participant, ...] | None:
    """The participants' list of a survey, as LimeSurvey exports it (CSV), with the codes that it has made."""
    with _opened(path, None, problems, None) as lines:
        if lines is None:
            return None
        columns = [_bare(heading) for heading in lines.header]
        named = [at for at, column in enumerate(columns) if column in _NAMING or "slug" in column]
        token = next((at for at, column in enumerate(columns) if column in ("token", "access code")), None)
        email = next((at for at, column in enumerate(columns) if column in ("email", "email address")), None)
        if token is None or not (named or email is not None):
            what = "the first line does not name what is needed: token, and attribute_1 (the slug) or email"
            problems.error(Place(lines.file), what, "export the participants from LimeSurvey, as CSV")
            return None
        # the slug is surer than a name
        named.sort(key=lambda at: ("slug" not in columns[at], columns[at] != "attribute_1"))
        found = tuple(
            Participant(
                line,
                cells[token].strip(),
                tuple(name for name in (cells[at].strip() for at in named) if name),
                cells[email].strip() if email is not None else "",
            )
            for line, cells in _complete(lines, problems)
        )
    return None if problems.errors() else found


#: Columns whose cells may name a city.
_NAMING = ("attribute_1", "name", "city", "lastname", "last name")


def _bare(heading: str) -> str:
    """Of " attribute_1 <slug>" both words, for either may tell what it is."""
    plain = " ".join(heading.split()).casefold()
    name, _, description = plain.partition(" <")
    return f"{name} slug" if "slug" in description else name


# lines, of whichever kind of file


@dataclass
class _Lines:
    file: str
    header: list[str]
    #: (line it begins on, cells)
    rows: Iterable[tuple[int, list[str]]]
    #: (line, position of the column) of formulas that were never computed, and of errors
    unsaid: frozenset[tuple[int, int]] = frozenset()


@contextmanager
def _opened(path: Path, sheet: str | None, problems: Problems, tell: Tell | None) -> Iterator[_Lines | None]:
    file = printable(path)
    if path.suffix.lower() == ".xlsx":
        yield _of_sheet(path, sheet, problems)
    elif sheet is not None:
        problems.error(Place(file), "this is no .xlsx file, so it has no sheets", "leave out --sheet")
        yield None
    elif why := _refused(path):
        problems.error(Place(file), *why)
        yield None
    else:
        with path.open(encoding="utf-8-sig", newline="") as text, _long_cells():
            yield _of_csv(text, file, path.stat().st_size, problems, tell)


def _refused(path: Path) -> tuple[str, str] | None:
    if not path.exists():
        return "this file is missing", ""
    if not path.is_file():
        return "this is no ordinary file", "put the export itself here"
    if path.stat().st_size > MAX_BYTES:
        return f"this file is larger than {MAX_BYTES:,} bytes", "export fewer questions"
    with path.open("rb") as raw:
        mark = raw.read(4)
    if mark.startswith(b"PK"):
        return "this is a spreadsheet, not CSV", "call it .xlsx"
    if mark.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "this file is saved as UTF-16", _AGAIN
    return None


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(_MAX_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _of_csv(
    text: io.TextIOWrapper, file: str, size: int, problems: Problems, tell: Tell | None
) -> _Lines | None:
    try:
        head = text.read(_MAX_HEADER)
    except UnicodeDecodeError:
        problems.error(Place(file), "this file is not saved as UTF-8", _AGAIN)
        return None
    delimiter, header = _best_header(head)
    if not any(cell.strip() for cell in header):
        problems.error(Place(file), "the first line is empty", _AGAIN)
        return None
    text.seek(0)
    return _Lines(file, header, _csv_rows(text, file, size, delimiter, problems, tell))


def _best_header(head: str) -> tuple[str, list[str]]:
    """Questions have commas in them, so the separator is the one by which the columns are known."""
    found = []
    for delimiter in _DELIMITERS:
        try:
            cells = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
        except csv.Error:
            cells = []
        found.append((read_headings(cells, {}).known, len(cells), delimiter, cells))
    *_, delimiter, cells = max(found, key=lambda one: one[:2])
    return delimiter, cells


def _csv_rows(
    text: io.TextIOWrapper,
    file: str,
    size: int,
    delimiter: str,
    problems: Problems,
    tell: Tell | None,
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        for number, cells in enumerate(reader):
            if number and any(cells):
                yield line, cells
            line = reader.line_num + 1
            if tell and number % _TELL_EVERY == 0:
                tell(min(cast(io.BufferedReader, text.buffer).tell(), size), size)
    except UnicodeDecodeError:
        problems.error(Place(file, line), "from here on this file is not UTF-8", _AGAIN)
    except csv.Error as error:
        what = "a quotation mark of this row is not closed, or something stands behind a closed one"
        if "field limit" in str(error):
            what = f"a cell of this row has more than {_MAX_CELL:,} characters"
        problems.error(Place(file, line), what, _AGAIN)
    if tell:
        tell(size, size)


def _of_sheet(path: Path, sheet: str | None, problems: Problems) -> _Lines | None:
    file = printable(path)
    found = open_sheet(path, sheet, problems, _OF_A_WORKBOOK)
    if found is None:
        return None
    header, *rows = [[_as_text(cell) for cell in row] for row in found.rows] or [[]]
    if not any(cell.strip() for cell in header):
        problems.error(Place(file), "the first line is empty", _AGAIN)
        return None
    numbered = ((number, cells) for number, cells in enumerate(rows, 2) if any(cells))
    return _Lines(file, header, numbered, found.unsaid)


def _as_text(cell: Any) -> str:
    """LimeSurvey writes what looks like a number as one; a program that saved the file again, dates too."""
    if isinstance(cell, str):
        return cell
    kind, value = next(iter(cell.items()))
    if kind == "number":
        return f"{value:.0f}" if float(value).is_integer() else repr(value)
    return str(value)


# responses


def _can_be_matched(headings: Headings, lines: _Lines, problems: Problems) -> bool:
    place, at = Place(lines.file), headings.columns
    if not headings.known:
        what = "this is no export of responses: the first line names none of its columns"
        problems.error(place, what, "export them from LimeSurvey with the headings “Question code”")
        return False
    if "token" not in at:
        what = "no column has the cities' codes (token, Access code)"
        instead = "choose that column too; if there is none, the survey is anonymous, and cities are marked "
        problems.error(place, what, f"{instead}by hand: scheduler cases mark")
    if "submitdate" not in at:
        what = "no column says when a report was submitted (submitdate, Date submitted)"
        problems.error(place, what, "choose that column too in LimeSurvey's export")
    return "token" in at and "submitdate" in at


@dataclass
class _Reader:
    headings: Headings
    lines: _Lines
    problems: Problems
    #: many cities have answered the same questions
    _same: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict)
    _says_no_dates: bool = False

    def read(self) -> Iterator[Response]:
        at = self.headings.columns
        for line, cells in _complete(self.lines, self.problems):
            if self.problems.are_enough(Place(self.lines.file, line)):
                return
            answered, unanswered, too_long = self._answers(line, cells)
            yield Response(
                line,
                self._cell(cells, "id").strip(),
                self._code(line, cells[at["token"]]),
                self._time(line, cells, "submitdate"),
                self._time(line, cells, "startdate"),
                self._time(line, cells, "datestamp"),
                self._page(line, cells),
                answered,
                unanswered,
                too_long,
            )

    def _cell(self, cells: Sequence[str], name: str) -> str:
        at = self.headings.columns.get(name)
        return cells[at] if at is not None else ""

    def _code(self, line: int, cell: str) -> str:
        if (line, self.headings.columns["token"]) in self.lines.unsaid:
            self._refuse(line, "the code of this response is a formula or an error", _AGAIN)
        return cell.strip()

    def _time(self, line: int, cells: Sequence[str], name: str) -> datetime | None:
        text = self._cell(cells, name).strip()
        if not text:
            if (line, self.headings.columns.get(name, -1)) in self.lines.unsaid:
                self._refuse(line, f"{name} is a formula or an error", _AGAIN)
            return None
        try:
            found = _read_time(text)
        except ValueError:
            what = f"{name} is not a time as LimeSurvey writes it, 2021-12-10 14:23:05"
            self._refuse(line, what, _AGAIN)
            return None
        if found == _NO_DATE:
            if name == "submitdate":
                self._refuse_without_dates(line)
            return None
        if found.year < _FIRST_YEAR:
            self._refuse(line, f"{name} lies before any survey", _AGAIN)
        return found

    def _refuse_without_dates(self, line: int) -> None:
        """Once is enough: it is so of all."""
        if not self._says_no_dates:
            self._says_no_dates = True
            what = "this survey keeps no dates (1980-01-01 stands for “submitted”): nobody knows who is late"
            instead = "switch on “Date stamp” in a survey before it begins; now: scheduler cases mark"
            self._refuse(line, what, instead)

    def _page(self, line: int, cells: Sequence[str]) -> int | None:
        text = self._cell(cells, "lastpage").strip()
        if not text or text == "N/A":
            return None
        if text.isascii() and text.isdigit() and len(text) <= 4:
            return int(text)
        self._refuse(line, "lastpage is no number", _AGAIN)
        return None

    def _answers(
        self, line: int, cells: Sequence[str]
    ) -> tuple[tuple[int, ...], tuple[int, ...], tuple[TooLong, ...]]:
        answered, unanswered, too_long = [], [], []
        for question in self.headings.questions:
            if not self._is_answered(line, cells, question):
                unanswered.append(question.number)
                continue
            answered.append(question.number)
            if question.limit:
                words = max([_words_over(cells[at], question.limit) for at in question.columns])
                if words:
                    too_long.append(TooLong(question.number, words, question.limit))
        return self._kept(answered), self._kept(unanswered), tuple(too_long)

    def _is_answered(self, line: int, cells: Sequence[str], question: Question) -> bool:
        for at in question.columns:
            cell = cells[at]
            if cell not in _NO_ANSWERS and not cell.isspace():
                return True
        # LimeSurvey makes a formula of an answer that begins with "=": nobody computes it
        return bool(self.lines.unsaid) and any((line, at) in self.lines.unsaid for at in question.columns)

    def _kept(self, numbers: list[int]) -> tuple[int, ...]:
        found = tuple(numbers)
        return self._same.setdefault(found, found)

    def _refuse(self, line: int, what: str, instead: str) -> None:
        self.problems.error(Place(self.lines.file, line), what, instead)


def _complete(lines: _Lines, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """The rows with as many cells as the first line; empty ones behind them are left out."""
    width, wrong = len(lines.header), 0
    for line, cells in lines.rows:
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            del cells[width:]
        if len(cells) == width:
            yield line, cells
            continue
        what = f"this row has {len(cells)} cells, the first line has {width}"
        problems.error(Place(lines.file, line), what, _AGAIN)
        wrong += 1
        if wrong >= MOST_FINDINGS:
            problems.are_enough(Place(lines.file, line))
            return


def _read_time(text: str) -> datetime:
    """Raises ValueError. A database may add parts of a second, and a spreadsheet program a T."""
    if len(text) < len("2021-12-10 14:23:05") or text[4:5] != "-":
        raise ValueError(text)
    found = datetime.fromisoformat(text)
    if found.tzinfo is not None:
        raise ValueError(text)
    return found.replace(microsecond=0)


def _words_over(text: str, limit: int) -> int:
    """How many words it has, where these are too many; else 0.

    Most answers are short enough at a glance, which takes a hundredth of the time: words stand between
    blanks, or are signs of a script without blanks, and whatever is not ASCII has more octets than letters.
    """
    if len(text) <= limit:
        return 0
    octets = text.encode("utf-8", "surrogatepass")
    blanks = len(octets) - len(octets.translate(None, _BLANKS))
    if 1 + blanks + len(octets) - len(text) <= limit:
        return 0
    words = count_words(text)
    return words if words > limit else 0
