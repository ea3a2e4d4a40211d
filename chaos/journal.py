"""What the mail server took and said: the second book, kept by somebody who does not know the outbox."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_TO = re.compile(rb"^To:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*", re.MULTILINE | re.IGNORECASE)
_ADDRESS = re.compile(rb"[^\s<>,;:\"]+@[^\s<>,;:\"]+")
_CALENDAR = re.compile(
    rb"^Content-Type: text/calendar.*?\r\n\r\n(.*?)(?=\r\n--|\Z)", re.DOTALL | re.MULTILINE
)


@dataclass
class Taken:
    """A message that the server took: it said 250, or would have."""

    number: int
    #: aware UTC
    at: datetime
    sender: str
    to: str
    message_id: str
    #: of its octets, in hexadecimal
    sha256: str
    #: the address in its To line
    written_to: str
    #: of the calendar inside; empty where there is none
    uid: str
    sequence: str
    method: str
    #: DTSTART as it stands there
    starts: str
    connection: int
    #: seconds on a clock that nobody sets: when its DATA was accepted, when it was taken
    began: float
    ended: float
    #: its 250 was handed to the network
    is_said: bool = False


@dataclass(frozen=True)
class Said:
    """A reply other than the usual one."""

    #: seconds on a clock that nobody sets
    at: float
    step: str
    to: str
    reply: str


@dataclass
class Journal:
    """Kept in memory, and line by line in a file for whoever looks afterwards."""

    file: Path | None = None
    taken: list[Taken] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    #: Message-IDs
    names: set[str] = field(default_factory=set)
    #: connections, and each command that was heard
    counts: Counter[str] = field(default_factory=Counter)
    #: (seconds, address) of every RCPT
    tries: list[tuple[float, str]] = field(default_factory=list)
    #: (seconds) of every connection
    connected: list[float] = field(default_factory=list)

    def take(self, sender: str, to: str, octets: bytes, connection: int, began: float) -> Taken:
        found = _MESSAGE_ID.search(octets)
        calendar = _calendar(octets)
        taken = Taken(
            len(self.taken) + 1,
            datetime.now(UTC),
            sender,
            to,
            found[1].decode("utf-8", "replace") if found else "",
            sha256(octets).hexdigest(),
            _written_to(octets),
            *calendar,
            connection,
            began,
            monotonic(),
        )
        self.counts["8 bit"] += not octets.isascii()
        self.taken.append(taken)
        self.names.add(taken.message_id)
        return taken

    def note(self, step: str, to: str, reply: str) -> None:
        self.said.append(Said(monotonic(), step, to, reply))
        self.counts[f"said {reply[:3]}"] += 1

    def close(self) -> None:
        """Writes the file."""
        if self.file:
            with self.file.open("w", encoding="utf-8") as out:
                for one in self.taken:
                    out.write(json.dumps({**asdict(one), "at": one.at.isoformat()}) + "\n")


def _written_to(octets: bytes) -> str:
    line = _TO.search(octets)
    found = _ADDRESS.findall(line[0][3:]) if line else []
    return found[-1].decode("utf-8", "replace") if found else ""


def _calendar(octets: bytes) -> tuple[str, str, str, str]:
    """UID, SEQUENCE, METHOD and DTSTART; empty in a mail without a calendar."""
    part = _CALENDAR.search(octets)
    if not part:
        return "", "", "", ""
    text = part[1]
    if b"base64" in octets[part.start() : part.start(1)].lower():
        text = b64decode(text)
    text = text.replace(b"\r\n ", b"")
    return _value(text, b"UID"), _value(text, b"SEQUENCE"), _value(text, b"METHOD"), _value(text, b"DTSTART")


def _value(text: bytes, name: bytes) -> str:
    found = re.search(rb"^%b[:;](.*?)\r?$" % name, text, re.MULTILINE)
    return found[1].decode() if found else ""
