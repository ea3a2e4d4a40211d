"""Octets that are served: plain and compressed, with all headers, ready before the request."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import cached_property
from hashlib import sha256
from http import HTTPStatus

#: Name and value as ASGI wants them.
Headers = list[tuple[bytes, bytes]]
#: Below this, gzip's own head costs more than it saves.
_WORTH_PACKING = 600
#: More makes feeds hardly smaller, and takes three times as long.
_EFFORT = 6
_NEVER = re.compile(rb"\s*q\s*=\s*0(\.0*)?\s*")
#: The third form of a date, always UTC though it does not say so (RFC 9110, section 5.6.7).
_ASCTIME = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}")
#: What an answer may rest on; and what the gate looks at.
_ASKED = frozenset(
    (
        *(b"accept-encoding", b"if-none-match", b"if-modified-since"),
        *(b"host", b"content-length", b"content-encoding", b"transfer-encoding"),
    )
)
#: What a server calls Date is renewed once a second; no other date of an answer may lie after it (RFC 9110,
#: section 8.8.2.1).
_DATE_LAGS = timedelta(seconds=2)
#: One of a list, after it a comma or the end; a comma between quotes is part of a tag.
_TAG = re.compile(rb'[ \t]*(?:(\*)|(?:W/)?("[^"]*"))[ \t]*(?=,|$)|[^,]+')
#: What a client that holds the octets is told once more (RFC 9110, section 15.4.5).
_OF_A_COPY = frozenset((b"last-modified", b"cache-control", b"vary"))


@dataclass(frozen=True)
class Answer:
    """What a request is answered with."""

    status: int
    headers: Headers
    body: bytes

    @cached_property
    def head(self) -> bytes:
        """The status line and the headers, as they go over the wire, but for what the server adds."""
        lines = [b"HTTP/1.1 %d %b" % (self.status, HTTPStatus(self.status).phrase.encode())]
        return b"".join(line + b"\r\n" for line in (*lines, *(b"%b: %b" % pair for pair in self.headers)))


@dataclass(frozen=True)
class Served:
    """One resource in one state."""

    octets: bytes
    packed: bytes | None
    etag: bytes
    packed_etag: bytes
    modified_at: datetime
    #: for metrics: "all", "series", "city", "page" ... never an address
    sort: str
    #: besides the tag, the date and the length
    constant: Headers
    #: another than 200 is answered to everybody, whatever they hold
    status: int = 200

    def answer(self, asked: Mapping[bytes, bytes], now: Callable[[], datetime]) -> Answer:
        """Made before, for the headers of a request that matter (rule 55: If-None-Match comes first)."""
        packed = self.packed is not None and _takes_gzip(asked.get(b"accept-encoding", b""))
        if self._is_known(asked, self.packed_etag if packed else self.etag, now):
            answer = self._known_packed if packed else self._known
        else:
            answer = self._packed if packed else self._whole
        return answer if self._dated_from <= now() else _undated(answer)

    @cached_property
    def _dated_from(self) -> datetime:
        return self.modified_at + _DATE_LAGS

    @cached_property
    def headers(self) -> Headers:
        """Of every answer with a body, besides its tag and its length."""
        return [*self.constant, (b"last-modified", format_datetime(self.modified_at, usegmt=True).encode())]

    @cached_property
    def _whole(self) -> Answer:
        headers = [*self.headers, (b"etag", self.etag), _length(self.octets)]
        return Answer(self.status, headers, self.octets)

    @cached_property
    def _packed(self) -> Answer:
        packed, encoded = self.packed or b"", (b"content-encoding", b"gzip")
        headers = [*self.headers, (b"etag", self.packed_etag), _length(packed), encoded]
        return Answer(self.status, headers, packed)

    @cached_property
    def _known(self) -> Answer:
        return Answer(304, self._of_a_copy(self.etag), b"")

    @cached_property
    def _known_packed(self) -> Answer:
        return Answer(304, self._of_a_copy(self.packed_etag), b"")

    def _of_a_copy(self, etag: bytes) -> Headers:
        return [*(pair for pair in self.headers if pair[0] in _OF_A_COPY), (b"etag", etag)]

    def _is_known(self, asked: Mapping[bytes, bytes], etag: bytes, now: Callable[[], datetime]) -> bool:
        """The client holds these very octets, by their tag or else by their date. Junk is ignored."""
        if self.status != 200:
            return False
        if (tags := asked.get(b"if-none-match")) is not None:
            return tags == etag or _names(tags, etag)
        if (date := asked.get(b"if-modified-since")) is not None:
            since = _instant(date.decode("latin-1"))
            return since is not None and self.modified_at.replace(microsecond=0) <= since <= now()
        return False


def make_served(
    octets: bytes,
    *,
    media_type: str,
    modified_at: datetime,
    sort: str,
    cache: str,
    more: tuple[tuple[str, str], ...] = (),
    status: int = 200,
) -> Served:
    """cache: the value of Cache-Control."""
    packed = gzip.compress(octets, _EFFORT, mtime=0) if len(octets) >= _WORTH_PACKING else None
    tag = sha256(octets).hexdigest()[:32]
    headers = {
        "content-type": media_type,
        "cache-control": cache,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        **dict(more),
    }
    constant = [(name.encode(), value.encode()) for name, value in headers.items()]
    etag, packed_etag = f'"{tag}"'.encode(), f'"{tag}-gzip"'.encode()
    return Served(octets, packed, etag, packed_etag, modified_at, sort, constant, status)


def gone(sort: str) -> Served:
    """What was there is not any more, and clients should forget it."""
    said = b"This calendar has ended.\n"
    return make_served(
        said,
        media_type="text/plain; charset=utf-8",
        modified_at=datetime.fromtimestamp(0, UTC),
        sort=sort,
        cache="no-store",
        more=(("x-robots-tag", "noindex"),),
        status=410,
    )


def that_matter(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Of the headers of a request, those that an answer rests on; one that comes twice is one list
    (RFC 9110, section 5.3)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ASKED:
            found[name] = found[name] + b"," + value if name in found else value
    return found


def _undated(answer: Answer) -> Answer:
    """While the change lies in the second that clients are told as Date, or after it."""
    return replace(answer, headers=[pair for pair in answer.headers if pair[0] != b"last-modified"])


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()


def _names(tags: bytes, etag: bytes) -> bool:
    """A list of tags has this one; "*" means any."""
    return any(found[1] or found[2] == etag for found in _TAG.finditer(tags))


def _instant(text: str) -> datetime | None:
    """What a date of HTTP says, in any of its three forms; None for anything else, and without a zone."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC) if _ASCTIME.fullmatch(text) else None
    return found


def _takes_gzip(accepts: bytes) -> bool:
    """gzip is named, and not with q=0 (RFC 9110, section 12.5.3)."""
    for part in accepts.lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() == b"gzip":
            return not _NEVER.fullmatch(weight)
    return False
