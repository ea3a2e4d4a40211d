"""From bytes to text, with the limits that keep reading safe."""

from __future__ import annotations

import re
from pathlib import Path

from scheduler.configuration.problems import Place, Problems, printable

#: One YAML file; a series of 500 sessions with all speakers has a quarter of it.
MAX_YAML_BYTES = 1_000_000
#: One table; 10,000 members have a tenth of it.
MAX_TABLE_BYTES = 16_000_000

#: Characters that no person types and that break headers, calendars or logs: controls, the line and
#: paragraph separators, signs that turn the direction of the text behind them (the marks of right-to-left
#: writing, U+200E and U+200F, may stay), halves of surrogate pairs, two that are no characters at all, and
#: the two signs that mark personal values in templates.
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ue000\ue001\ufffe\uffff]"
)
#: How files in other encodings begin; the first two of UTF-32 begin like UTF-16.
_OTHER_MARKS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
#: How lines end: as on Unix, Windows or an old Mac.
_LINE_ENDS = re.compile("\r\n|\r|\n")


def read_text(path: Path, most_bytes: int, problems: Problems) -> str | None:
    """The text of a UTF-8 file (a byte order mark is dropped), or None with the problem said."""
    place = Place(printable(path))
    try:
        if path.exists() and not path.is_file():
            # to open a pipe would wait for ever
            problems.error(place, "this is no ordinary file", "put the text itself here")
            return None
        with path.open("rb") as file:
            raw = file.read(most_bytes + 1)
    except FileNotFoundError:
        problems.error(place, "this file is missing")
        return None
    except OSError as error:
        problems.error(place, f"this file cannot be read ({error.strerror})")
        return None
    if len(raw) > most_bytes:
        problems.error(place, f"this file is larger than {most_bytes:,} bytes", "split it")
        return None
    return _decode(raw, place, problems)


def _decode(raw: bytes, place: Place, problems: Problems) -> str | None:
    if other := next((name for mark, name in _OTHER_MARKS.items() if raw.startswith(mark)), None):
        problems.error(place, f"this file is saved as {other}", "save it as UTF-8")
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        problems.error(Place(place.file, line, column), "this file is not saved as UTF-8", "save it as UTF-8")
        return None
    problems.texts[place.file] = text
    if sign := find_control(text):
        problems.error(place_at(place.file, text, sign.start()), *said_of(sign))
        return None
    return text


def lines_of(text: str) -> list[str]:
    """The lines as editors count them, without what ends them."""
    return _LINE_ENDS.split(text)


def place_at(file: str, text: str, position: int) -> Place:
    """The place of a character, counted from 0."""
    before = lines_of(text[:position])
    return Place(file, len(before), len(before[-1]) + 1)


def find_control(text: str) -> re.Match[str] | None:
    """The first forbidden character."""
    return _FORBIDDEN.search(text)


def said_of(sign: re.Match[str]) -> tuple[str, str]:
    """What is wrong, and what to do."""
    return f"there is an invisible control character (U+{ord(sign.group()):04X}) here", "delete it"
