"""`when: "13:00–14:30, Central European Time"`, as colleagues write it: understood whole, or refused.

First the text alone is read (`read_line`): every sign of it must have a place in

    hours [end] [next day] [zones], then perhaps the same again in another zone,

and what has none is named with its position. Then the line is read for a date (`on_date`): labels get their
meaning, and everything that is said twice must be the same instant (stories US-02 and US-04).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from scheduler.configuration.problems import Place, Problems, quoted
from scheduler.configuration.vocabulary import Vocabulary, in_utc
from scheduler.configuration.zone_words import ZONE_PATH, trouble_with
from scheduler.model import times

#: A session longer than this is a day's work: rather a typing error in the hours (table of US-02).
LONGEST_HOURS = 10
#: More than this is no line that gives a time.
LONGEST_LINE = 200
#: "Democratic Republic of the Congo", "America/Argentina/Buenos_Aires": so many tokens name one zone at most.
_LONGEST_NAME = 9

_DAY = timedelta(days=1)
_NOON = 12
_LAST_HOUR = 24

_TOKEN = re.compile(
    r"""
      (?P<blank>[\s\u200b\u2060\ufeff]+)
    | (?P<offset>(?:GMT|UTC|UT)\s{0,3}[+\-\u2010-\u2014\u2212][0-9]{1,2}
        (?:(?:[:.,]?[0-9]{2}|[.,][0-9])(?![0-9]|[:.,][0-9])|(?![0-9]|[:.,][0-9]))
        | \+[0-9]{2}:[0-9]{2}(?![0-9]))
    | (?P<clock>[0-9]{1,2}[:.,][0-9]{2}(?![0-9]) | [0-9]{1,2}[ \u00a0\u2009\u202f]?h[0-9]{2}(?![0-9]))
    | (?P<next>(?<![^\W\d_])\+1(?![0-9:.,]))
    | (?P<number>[0-9]+)
    | (?P<word>[^\W\d_]+(?:['\u2019\u02bc.][^\W\d_]+)*\.?)
    | (?P<dash>[-\u2010-\u2015\u2212~])
    | (?P<sign>.)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_OPENING, _CLOSING = "([", ")]"
_BETWEEN = ",;/&=|"
#: Of two of them in a row the first must be one of these: "Rome, and Vienna".
_BEFORE_JOINING = ",;"
_TO = frozenset({"to", "until", "till", "bis"})
_HOURS = frozenset({"h", "hr", "hrs", "hour", "hours", "uhr", "oclock"})
_HALVES = {"am": 0, "pm": _NOON}
#: They join zones, or hours that have one each; "13:00 or 14:00 CET" leaves open which it is.
_JOINING = frozenset({"and", "or"})
_JOINING_SIGNS = "&="
_LEADING = frozenset({"at", "from"})
_DAYS = frozenset({"day", "d"})
_DAY_BEGINS = frozenset({"the", "next", "following"})
_NEXT_DAY = (("the", "next", "day"), ("next", "day"), ("the", "following", "day"), ("following", "day"))

#: Hours that have a name instead of figures.
_NAMED_HOURS = {"noon": "12:00", "midday": "12:00", "midnight": "0:00, or 24:00 for an end"}
#: "0900", as it is written without a colon.
_FOUR_FIGURES = re.compile("([01]?[0-9]|2[0-4])([0-5][0-9])")
#: What may be a day and a month, and a whole date.
_DAY_AND_MONTH = re.compile(r"(?:0?[1-9]|[12][0-9]|3[01])[./](?:0?[1-9]|1[0-2])(?![0-9])")
_WHOLE_DATE = re.compile(r"[0-9]{4}[-./][0-9]{1,2}[-./][0-9]{1,2}|[0-9]{1,2}[-./][0-9]{1,2}[-./][0-9]{4}")
#: Letters, figures and signs as keyboards of East Asia write them; each is as long as ours.
_FULL_WIDTH = {0xFEE0 + code: code for code in range(ord("!"), ord("~") + 1)}

_WRITE = 'write hours and a zone, such as "13:00–14:30 Europe/Berlin"'
_DATE_HAS_A_KEY = "the date has its own key; write the hours alone"
_AM_OR_PM = "write hours from 0 to 24, or AM or PM behind both"


@dataclass(frozen=True)
class Finding:
    """One thing to say of a line; at: characters from its beginning."""

    at: int
    what: str
    instead: str = ""


@dataclass(frozen=True)
class Word:
    """A name of a zone, as written."""

    at: int
    text: str


@dataclass(frozen=True)
class Hours:
    """From when until when, and on whose clocks."""

    at: int
    start: time
    #: None where none is written
    end: time | None
    #: the words "next day" stand behind them
    next_day: bool
    zones: tuple[Word, ...]
    #: so many of them stand between start and end
    zones_of_start: int = 0

    def __str__(self) -> str:
        return f"{self.start:%H:%M}" + (f"–{self.end:%H:%M}" if self.end else "")

    @property
    def runs_over_midnight(self) -> bool:
        return self.end is not None and self.end <= self.start


@dataclass(frozen=True)
class TimeLine:
    """What a text says by itself; empty parts where it is refused."""

    parts: tuple[Hours, ...] = ()
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def first(self) -> Hours:
        return self.parts[0]

    @property
    def zone_word(self) -> Word | None:
        """The word for the zone in which the line is kept: the first that stands there."""
        return self.first.zones[0] if self.parts and self.first.zones else None


@lru_cache(maxsize=2048)
def read_line(text: str, vocabulary: Vocabulary) -> TimeLine:
    """What the text says on any date. It is refused as soon as one sign of it is not understood."""
    if len(text) > LONGEST_LINE:
        return TimeLine(errors=(Finding(0, "this is too long for a time line", _WRITE),))
    text = text.translate(_FULL_WIDTH)
    reader = _Reader(_tokens(text), text, vocabulary)
    try:
        parts = reader.parts()
    except _Refused as refused:
        return TimeLine(errors=(refused.finding,))
    if too_long := _longer_than_a_day_of_work(parts[0]):
        return TimeLine(parts, (too_long,), tuple(reader.warnings))
    return TimeLine(parts, (), tuple(reader.warnings))


def on_date(
    line: TimeLine,
    on: date,
    zone: str | None,
    vocabulary: Vocabulary,
    place: Callable[[int], Place],
    date_place: Callable[[int], Place],
    problems: Problems,
) -> str | None:
    """The zone of the line on a date, or None with the problems said.

    zone: what a line without a word for one is kept in, as IANA name or offset. place: of a position in the
    line; date_place: where a warning belongs that is true of this date only.
    """
    found: str | None = None
    before = problems.errors()
    for number, part in enumerate(line.parts):
        kept_in = _zones(part, on, vocabulary, place, date_place, problems) or ([zone] if zone else [])
        if not kept_in or problems.errors() > before:
            return None
        _must_agree(part, kept_in, on, place, problems)
        if found is None:
            found = kept_in[0]
        elif number:
            _must_be_the_same(line.first, found, part, kept_in[0], on, place(part.at), problems)
    return found if problems.errors() == before else None


class _Refused(Exception):
    def __init__(self, at: int, what: str, instead: str = _WRITE) -> None:
        super().__init__(what)
        self.finding = Finding(at, what, instead)


# the text alone


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int
    end: int
    #: how the words that this file knows are written; empty for the other kinds
    word: str

    @property
    def is_joining(self) -> bool:
        return self.text in _JOINING_SIGNS or self.word in _JOINING

    @property
    def is_between(self) -> bool:
        return self.text in _BETWEEN or self.is_joining


_SILENT = str.maketrans("", "", ".'\u2019\u02bc")


def _tokens(text: str) -> list[_Token]:
    return [_token(match) for match in _TOKEN.finditer(text) if match.lastgroup != "blank"]


def _token(match: re.Match[str]) -> _Token:
    kind, text = match.lastgroup or "", match.group()
    word = text.casefold().translate(_SILENT) if kind == "word" else ""
    return _Token(kind, text, match.start(), match.end(), word)


@dataclass(frozen=True)
class _Clock:
    """One hour as written: 12:30 with "PM" behind it or not."""

    at: int
    hour: int
    minute: int
    half: str
    text: str

    @property
    def counts_to_24(self) -> bool:
        return self.hour > _NOON or self.hour == 0

    def in_half(self, half: str) -> time:
        return time(self.hour % _NOON + _HALVES[half], self.minute)

    def to_24(self) -> time:
        return time(self.hour % _LAST_HOUR, self.minute)


@dataclass
class _Reader:
    tokens: list[_Token]
    text: str
    vocabulary: Vocabulary
    warnings: list[Finding] = field(default_factory=list)
    here: int = 0
    open_brackets: list[_Token] = field(default_factory=list)

    def parts(self) -> tuple[Hours, ...]:
        found: list[Hours] = []
        self._refuse_a_date()
        while self._skip():
            if found and not found[0].zones:
                raise _Refused(
                    found[0].at, f"no zone stands behind {found[0]}", "write one to each of the two"
                )
            part = self._part(is_first=not found)
            if found and not part.zones:
                self._refuse_an_offset_without_sign(found[-1])
                raise _Refused(part.at, f"no zone stands behind {part}", "write one, or leave it out")
            if found and part.end and not found[0].end:
                what = f"{part} has an end, {found[0]} has none"
                raise _Refused(part.at, what, "write it behind the first hours too")
            found.append(part)
        if self.open_brackets:
            raise _Refused(self.open_brackets[0].at, "a bracket opens here and never closes", "close it")
        if not found:
            raise _Refused(0, "there is no hour in this text")
        return tuple(found)

    def _part(self, *, is_first: bool) -> Hours:
        """Hours and all that belongs to them, up to the next hours."""
        self._take_word(_LEADING)
        start, end, zones, is_next, of_start = self._clock(), None, list[Word](), False, 0
        if self._take_dash():
            end = self._clock()
        while self._skip(may_join=bool(zones)) and not self._stands_before_hours():
            if end is None and zones and not self._has_joined() and self._take_dash():
                end, of_start = self._clock(), len(zones)
            elif self._take_next_day(may_be_short=not zones or bool(self.open_brackets)):
                is_next = True
            else:
                zones.append(self._zone(start, end))
        if is_first and end is None and is_next:
            raise _Refused(start.at, "the next day is named, but no end", "write the end")
        if end is None:
            _refuse_two_hours_with_a_comma(start)
        return replace(self._hours(start, end, tuple(zones), is_next=is_next), zones_of_start=of_start)

    # one token after the other

    def _token(self, ahead: int = 0) -> _Token | None:
        return self.tokens[self.here + ahead] if self.here + ahead < len(self.tokens) else None

    def _skip(self, *, may_join: bool = False) -> bool:
        """Passes what only stands between things; whether anything is left.

        may_join: a zone stands before, so that an "and" has something to join.
        """
        while token := self._token():
            if token.text in _OPENING:
                self.open_brackets.append(token)
            elif token.text in _CLOSING:
                self._close_bracket(token)
            elif token.is_between:
                self._refuse_joining_nothing(token, may_join=may_join)
            else:
                return True
            self.here += 1
        return False

    def _close_bracket(self, token: _Token) -> None:
        if not self.open_brackets:
            raise _Refused(token.at, "a bracket closes here that never opened", "leave it out")
        if _OPENING.index(self.open_brackets.pop().text) != _CLOSING.index(token.text):
            raise _Refused(token.at, "another bracket closes here than opened", "write ( and )")
        if self.tokens[self.here - 1].text in _OPENING:
            raise _Refused(token.at, "nothing stands in these brackets", "leave them out")

    def _refuse_joining_nothing(self, token: _Token, *, may_join: bool) -> None:
        """Whatever stands between things needs one on either side."""
        before, after = self._token(-1) if self.here else None, self._token(1)
        joins_before = before is not None and before.text not in _OPENING
        if before and before.is_between:
            joins_before = before.text in _BEFORE_JOINING and token.is_joining
        joins_after = after is not None and after.text not in _CLOSING
        if not joins_before or not joins_after or (token.is_joining and not may_join):
            what = f"{quoted(token.text)} joins nothing here"
            raise _Refused(token.at, what, "leave it out; zones are joined, or hours with a zone each")

    def _has_joined(self) -> bool:
        """An "and" stands before this: only a zone or other hours may follow."""
        return self.here > 0 and self.tokens[self.here - 1].is_joining

    def _take_word(self, words: frozenset[str]) -> bool:
        token = self._token()
        if token is None or token.word not in words:
            return False
        self.here += 1
        return True

    def _take_dash(self) -> bool:
        token = self._token()
        if token is None or (token.kind != "dash" and token.word not in _TO):
            return False
        self.here += 1
        return True

    def _stands_before_hours(self) -> bool:
        token, following = self._token(), self._token(1)
        if token and token.word in _LEADING and following:
            token = following
        return token is not None and token.kind in ("clock", "number")

    def _take_next_day(self, *, may_be_short: bool) -> bool:
        """Gives "next day", "+1 day"; "+1" alone only where it cannot belong to the name of a zone."""
        token, following = self._token(), self._token(1)
        if self._has_joined():
            return False
        says_day = following is not None and following.word in _DAYS
        if token and token.kind == "next" and (may_be_short or says_day):
            self.here += 2 if says_day else 1
            return True
        if token is None or token.word not in _DAY_BEGINS:
            return False
        for words in _NEXT_DAY:
            if tuple(one.word for one in self.tokens[self.here : self.here + len(words)]) == words:
                self.here += len(words)
                return True
        return False

    # hours

    def _clock(self) -> _Clock:
        token = self._token()
        if token is None:
            raise _Refused(len(self.text.rstrip()), "an hour is missing here")
        if token.kind not in ("clock", "number"):
            raise self._not_an_hour(token)
        self.here += 1
        numbers = [int(part) for part in re.findall("[0-9]+", token.text)]
        hour, minute = numbers[0], numbers[1] if len(numbers) > 1 else 0
        if self._take_word(_HOURS):
            self._refuse_minutes_apart(token)
        half = self._half()
        if hour > _LAST_HOUR or minute > 59 or (hour == _LAST_HOUR and minute):
            what = f"{quoted(token.text)} is no time of day"
            four = _FOUR_FIGURES.fullmatch(token.text)
            instead = f"write {four[1]}:{four[2]}" if four else "write an hour from 0:00 to 24:00"
            raise _Refused(token.at, what, instead)
        return _Clock(token.at, hour, minute, half, self._text_from(token))

    def _half(self) -> str:
        token = self._token()
        half = token.word if token and token.word in _HALVES else ""
        if half:
            self.here += 1
            self._take_word(_HOURS)
        return half

    def _refuse_a_date(self) -> None:
        """ "17.01 13:00 CET" begins with a day, not with an hour."""
        begin = re.match(r"\s*", self.text)
        at = begin.end() if begin else 0
        if found := _WHOLE_DATE.match(self.text, at):
            raise _Refused(at, f"{quoted(found.group())} may be a date", _DATE_HAS_A_KEY)
        found = _DAY_AND_MONTH.match(self.text, at)
        rest = [token for token in self.tokens if found and token.at >= found.end()]
        if found and rest and rest[0].text in (".", ","):
            rest = rest[1:]
        if found and rest and rest[0].kind in ("clock", "number"):
            raise _Refused(at, f"{quoted(found.group())} may be a date", _DATE_HAS_A_KEY)

    def _refuse_minutes_apart(self, hour: _Token) -> None:
        """ "9 h 30": what stands behind would be the hour of a second time."""
        token = self._token()
        if hour.kind == "number" and token and token.kind == "number" and len(token.text) > 1:
            what = f"{quoted(self.text[hour.at : token.end])} may be one time or two"
            raise _Refused(hour.at, what, f"write {hour.text}h{token.text}")

    def _refuse_an_offset_without_sign(self, part: Hours) -> None:
        """ "GMT 9": the number behind is no hour."""
        word, last = part.zones[-1], self.tokens[-1]
        written = self.text[word.at : last.end]
        if last.kind == "number" and (trouble := trouble_with(written)):
            raise _Refused(word.at, *trouble)

    def _not_an_hour(self, token: _Token) -> _Refused:
        if token.word in _NAMED_HOURS:
            what = f"{quoted(token.text)} is no hour in figures"
            return _Refused(token.at, what, f"write {_NAMED_HOURS[token.word]}")
        if self.vocabulary.knows(token.text):
            return _Refused(token.at, f"{quoted(token.text)} stands where an hour is needed", _WRITE)
        return self._not_understood(token)

    def _text_from(self, token: _Token) -> str:
        return self.text[token.at : self.tokens[self.here - 1].end]

    def _hours(self, start: _Clock, end: _Clock | None, zones: tuple[Word, ...], *, is_next: bool) -> Hours:
        begins, ends = self._in_24_hours(start, end)
        is_next = is_next or (end is not None and end.hour == _LAST_HOUR)
        if end and ends is not None and ends <= begins and not is_next:
            what = f"{ends:%H:%M} is no end for a start at {begins:%H:%M}"
            raise _Refused(end.at, what, 'for one that runs over midnight write "next day" behind it')
        return Hours(start.at, begins, ends, is_next, zones)

    def _in_24_hours(self, start: _Clock, end: _Clock | None) -> tuple[time, time | None]:
        """ "1-2 PM" is said of both hours, "11-1 PM" begins in the morning, "13:00 PM" is warned of."""
        if start.hour == _LAST_HOUR:
            raise _Refused(start.at, "24:00 is no start", "write 0:00, and the next day as the date")
        if end is None:
            return self._alone(start), None
        ends = self._alone(end)
        if start.counts_to_24 or end.counts_to_24 or bool(start.half) == bool(end.half):
            return self._alone(start), ends
        if start.half:
            what = f"{quoted(start.text)} has {start.half.upper()} behind it, {quoted(end.text)} has not"
            raise _Refused(end.at, what, _AM_OR_PM)
        same = start.in_half(end.half)
        other = start.in_half("am" if end.half == "pm" else "pm")
        return (same if same < ends or other >= ends else other), ends

    def _alone(self, clock: _Clock) -> time:
        if not clock.half:
            return clock.to_24()
        if not clock.counts_to_24:
            return clock.in_half(clock.half)
        if clock.hour == 0 and clock.half == "am":
            return clock.to_24()
        if clock.half == "am" or clock.hour in (0, _LAST_HOUR):
            what = f"{quoted(clock.text)} is no hour of the day"
            raise _Refused(clock.at, what, _AM_OR_PM)
        what = f"{quoted(clock.text)} is read as {clock.to_24():%H:%M}"
        self.warnings.append(Finding(clock.at, what, "write hours from 0 to 24 without PM"))
        return clock.to_24()

    # zones

    def _zone(self, start: _Clock, end: _Clock | None) -> Word:
        """The longest run of tokens that is known as a zone."""
        first = self._token()
        assert first is not None  # noqa: S101 - asked only where something is left
        self._refuse_half_a_range(first, start, end)
        path = ZONE_PATH.match(self.text, first.at)
        if path and not self.vocabulary.knows(path.group()):
            raise self._no_zone(first.at, path.group())
        for count in range(min(_LONGEST_NAME, len(self.tokens) - self.here), 0, -1):
            last = self.tokens[self.here + count - 1]
            name = self.text[first.at : last.end]
            if self.vocabulary.knows(name):
                self.here += count
                self._take_word(frozenset({"time"}))
                return Word(first.at, name)
        raise self._not_understood(first)

    def _refuse_half_a_range(self, token: _Token, start: _Clock, end: _Clock | None) -> None:
        """In "10:00 GMT-11:00" the last hour may be an end, or a distance from GMT; so in "9 AM UTC-11"."""
        found = re.search(r"[-\u2010-\u2014\u2212]([0-9]{1,2})[:.,]?([0-9]+)?$", token.text)
        if token.kind != "offset" or end or not found:
            return
        begins = start.hour % _NOON if start.half else start.hour
        if (int(found[1]), int(found[2] or 0)) > (begins, start.minute):
            what = f"{quoted(token.text)} may name a zone, or hold the end of the session"
            raise _Refused(token.at, what, "write the end before the zone, or blanks around the dash")

    def _not_understood(self, token: _Token) -> _Refused:
        if token.kind == "next":
            what = f"{quoted(token.text)} cannot stand here"
            return _Refused(token.at, what, 'if the next day is meant, write "next day"')
        if not token.word and token.kind != "offset":
            return _Refused(token.at, f"{quoted(token.text)} cannot stand here")
        return self._no_zone(token.at, token.text)

    def _no_zone(self, at: int, name: str) -> _Refused:
        what, instead = self.vocabulary.trouble_with(name)
        return _Refused(at, what or f"{quoted(name)} is not understood", instead or _WRITE)


def _refuse_two_hours_with_a_comma(clock: _Clock) -> None:
    """ "11,12 CET" may be a time with a comma, or two hours; with an end it is clear."""
    if "," in clock.text and clock.hour < clock.minute <= _LAST_HOUR:
        what = f"{quoted(clock.text)} may be {clock.hour}:{clock.minute} or two hours"
        raise _Refused(clock.at, what, f"write {clock.hour}:{clock.minute}, or a dash between the two")


def _longer_than_a_day_of_work(part: Hours) -> Finding | None:
    if part.end is None:
        return None
    day = date(2000, 1, 1)
    ends = datetime.combine(day, part.end) + (_DAY if part.next_day else timedelta())
    minutes = (ends - datetime.combine(day, part.start)) // timedelta(minutes=1)
    if minutes <= LONGEST_HOURS * 60:
        return None
    what = f"{part} lasts {minutes // 60} h {minutes % 60:02} min, longer than a day's work"
    return Finding(part.at, what, "if that is meant, write start and end")


# on a date


def _zones(
    part: Hours,
    on: date,
    vocabulary: Vocabulary,
    place: Callable[[int], Place],
    date_place: Callable[[int], Place],
    problems: Problems,
) -> list[str]:
    found = (
        vocabulary.zone(word.text, on, part.start, place(word.at), date_place(word.at), problems)
        for word in part.zones
    )
    return [zone for zone in found if zone]


def _must_agree(
    part: Hours, zones: list[str], on: date, place: Callable[[int], Place], problems: Problems
) -> None:
    """Towns behind a label have its clock: "CET Amsterdam, Berlin", "GMT (Mali and Togo Time)"."""
    begins, ends = _instants(part, on, zones[0])
    for number, (word, zone) in enumerate(zip(part.zones[1:], zones[1:], strict=True), 1):
        there = _instants(part, on, zone)
        if there != (begins, ends):
            at = part.start if there[0] != begins else part.end
            ours, theirs = (begins, there[0]) if there[0] != begins else (ends, there[1])
            label = part.zones[0].text
            if 0 < part.zones_of_start <= number:
                what = f"{quoted(label)} stands behind the start, {quoted(word.text)} behind the end"
                problems.error(place(word.at), what, "write both hours in one zone, and it once behind them")
                continue
            what = f"{quoted(word.text)} has another clock than {quoted(label)} on {on}"
            by_word, by_label = _both(theirs, ours)
            both = f"{at:%H:%M} is {by_word} there, {by_label} by {quoted(label)}"
            problems.error(place(word.at), f"{what}: {both}", "keep the one that is right")


def _must_be_the_same(
    first: Hours, zone: str, other: Hours, other_zone: str, on: date, place: Place, problems: Problems
) -> None:
    """Hours that are given twice, in two zones; there it may be the day before, or the next."""
    begins, ends = _instants(first, on, zone)
    days = [on, on + _DAY, on - _DAY]
    if other.next_day and not other.runs_over_midnight:
        days = [on + _DAY]
    there = [_instants(other, day, other_zone) for day in days]
    same = next((one for one in there if one[0] == begins), there[0])
    for name, ours, theirs in (("start", begins, same[0]), ("end", ends, same[1])):
        if ours and theirs and ours != theirs:
            first_says, other_says = quoted(_said(first, zone)), quoted(_said(other, other_zone))
            by_first, by_other = in_utc(ours, theirs)
            both = f"{by_first} by {first_says}, {by_other} by {other_says}"
            what = f"the two contradict each other on {on}: the {name} is {both}"
            problems.error(place, what, "keep the one that is right")
            return


def _said(part: Hours, zone: str) -> str:
    return f"{part} {part.zones[0].text if part.zones else zone}"


def _instants(part: Hours, on: date, zone: str) -> tuple[datetime, datetime | None]:
    begins = times.moment(on, part.start, zone)
    if part.end is None:
        return begins, None
    return begins, times.moment(on + (_DAY if part.runs_over_midnight else timedelta()), part.end, zone)


def _both(first: datetime | None, second: datetime | None) -> tuple[str, str]:
    """Of two starts or two ends, which are there together."""
    assert first is not None  # noqa: S101 - compared only then
    assert second is not None  # noqa: S101 - compared only then
    return in_utc(first, second)
