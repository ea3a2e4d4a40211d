"""Octets that are served: plain and compressed, with all headers, ready before the request."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

#: Name and value as ASGI wants them.
Headers = list[tuple[bytes, bytes]]

#: Below this, gzip's own head costs more than it saves.
_WORTH_PACKING = 600
_NEVER = re.compile(rb"\s*q\s*=\s*0(\.0*)?\s*")


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
    headers: Headers

    def answer(self, asked: dict[bytes, bytes]) -> tuple[int, Headers, bytes]:
        """Status, headers and body for the headers of a request (rule 55: If-None-Match comes first)."""
        packed = self.packed if self.packed is not None and _takes_gzip(asked) else None
        etag = self.etag if packed is None else self.packed_etag
        if self._is_known(asked, etag):
            return 304, [*self.headers, (b"etag", etag)], b""
        body = self.octets if packed is None else packed
        headers = [*self.headers, (b"etag", etag), (b"content-length", str(len(body)).encode())]
        if packed is not None:
            headers.append((b"content-encoding", b"gzip"))
        return 200, headers, body

    def _is_known(self, asked: dict[bytes, bytes], etag: bytes) -> bool:
        """The client holds these very octets, by their tag or else by their date. Junk is ignored."""
        if b"if-none-match" in asked:
            tags = {tag.strip().removeprefix(b"W/") for tag in asked[b"if-none-match"].split(b",")}
            return bool(tags & {b"*", etag})
        try:
            since = parsedate_to_datetime(asked[b"if-modified-since"].decode("latin-1"))
        except (KeyError, ValueError, OverflowError):
            return False
        return since.tzinfo is not None and self.modified_at.replace(microsecond=0) <= since


def make_served(
    octets: bytes,
    *,
    media_type: str,
    modified_at: datetime,
    sort: str,
    cache: str,
    more: tuple[tuple[str, str], ...] = (),
) -> Served:
    """cache: the value of Cache-Control."""
    packed = gzip.compress(octets, mtime=0) if len(octets) >= _WORTH_PACKING else None
    tag = sha256(octets).hexdigest()[:32]
    headers = {
        "content-type": media_type,
        "last-modified": format_datetime(modified_at, usegmt=True),
        "cache-control": cache,
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        **dict(more),
    }
    return Served(
        octets,
        packed,
        f'"{tag}"'.encode(),
        f'"{tag}-gzip"'.encode(),
        modified_at,
        sort,
        [(name.encode(), value.encode()) for name, value in headers.items()],
    )


def _takes_gzip(asked: dict[bytes, bytes]) -> bool:
    """gzip is named, and not with q=0 (RFC 9110, section 12.5.3)."""
    for part in asked.get(b"accept-encoding", b"").lower().split(b","):
        coding, _, weight = part.partition(b";")
        if coding.strip() == b"gzip":
            return not _NEVER.fullmatch(weight)
    return False
