"""What every request must pass, whichever way it is answered: whom it asks, how, and what it brings along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.types import Scope

from scheduler.web.limits import Limits
from scheduler.web.served import Answer, Headers

#: Folders whose pages are written to; everything else is only read.
WRITTEN_TO = ("/answer/", "/stop/", "/api/")
#: What probes ask by whatever address or name they know; it rests on no name, and repeats none.
_PROBED = ("/health/", "/metrics")
#: This machine, for a person before it and for a health check in its container.
_OURSELVES = (b"localhost", b"127.0.0.1", b"[::1]")
_READ, _READ_AND_WRITTEN = frozenset(("GET", "HEAD")), frozenset(("GET", "HEAD", "POST"))
#: A name, or an address of the new kind in brackets, and a port (RFC 9110, section 7.2).
_HOST = re.compile(rb"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{0,5})?")
#: The longest of these.
_LONGEST_HOST = 260
_PLAIN: Headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff")]


def refusal(status: int, body: bytes, *more: tuple[bytes, bytes]) -> Answer:
    """A sentence that is true for a moment only."""
    headers = [*_PLAIN, *more, (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
    return Answer(status, headers, body)


#: The rest of such a request is not read.
_CLOSE = (b"connection", b"close")
_NO_HOST = refusal(400, b"Name one host.\n", _CLOSE)
_NOT_OURS = refusal(
    421, b"Nothing is served under this name. SCHEDULER_BASE_URL and SCHEDULER_HOSTS say which are.\n"
)
_ONLY_READ = refusal(405, b"Only GET and HEAD.\n", (b"allow", b"GET, HEAD"))
_ONLY_WRITTEN = refusal(405, b"Only GET, HEAD and POST.\n", (b"allow", b"GET, HEAD, POST"))
_NO_FRAME = refusal(400, b"This is no body.\n", _CLOSE)
_PACKED = refusal(415, b"A body must not be packed.\n", (b"accept-encoding", b"identity"), _CLOSE)
_TOO_LARGE = refusal(413, b"The body is too long.\n", _CLOSE)


class Gate:
    """Hosts, methods and bodies, in one place for all ways to an answer."""

    def __init__(self, base_url: str, hosts: Iterable[str] = (), most: int = Limits.body) -> None:
        """hosts: other names that clients ask for. most: octets of a body."""
        named = (urlsplit(base_url).hostname or "", *hosts)
        self._names = frozenset((*_OURSELVES, *map(_octets, named)))
        self._most = most
        #: most requests name one of few hosts; what strangers write pushes out, and never piles up
        self._is_ours = lru_cache(maxsize=64)(self._is_named)

    def refusal(self, scope: Scope, asked: Mapping[bytes, bytes]) -> Answer | None:
        """What a request is answered with that goes no further. asked: its headers that matter."""
        host = asked.get(b"host", b"")
        if len(host) > _LONGEST_HOST or not self._is_ours(host):
            refused = self._unknown(scope, host)
            if refused:
                return refused
        method = scope["method"]
        if method not in _READ:
            if not scope["path"].startswith(WRITTEN_TO):
                return _ONLY_READ
            if method not in _READ_AND_WRITTEN:
                return _ONLY_WRITTEN
        if b"transfer-encoding" in asked and not _is_framed(scope, asked[b"transfer-encoding"]):
            return _NO_FRAME
        if b"content-encoding" in asked and asked[b"content-encoding"].lower() != b"identity":
            return _PACKED
        return self._too_large(asked[b"content-length"]) if b"content-length" in asked else None

    def _is_named(self, host: bytes) -> bool:
        """Whatever the port: a proxy has its own."""
        found = _HOST.fullmatch(host)
        return found is not None and found[1].lower().removesuffix(b".") in self._names

    def _unknown(self, scope: Scope, host: bytes) -> Answer | None:
        """Two that are named are none: that is how one request is made to look like another's."""
        is_probe = scope["path"].startswith(_PROBED)
        if not host:
            return None if is_probe and scope["http_version"] != "1.1" else _NO_HOST
        if len(host) > _LONGEST_HOST or not _HOST.fullmatch(host):
            return _NO_HOST
        return None if is_probe else _NOT_OURS

    def _too_large(self, length: bytes) -> Answer | None:
        if not length.isdigit() or len(length) > 18:
            return _NO_FRAME if not length.isdigit() else _TOO_LARGE
        return _TOO_LARGE if int(length) > self._most else None


def _octets(name: str) -> bytes:
    """As it comes over the wire; a name in other letters than ASCII is written in its other form there."""
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    try:
        return name.encode("idna").lower()
    except UnicodeError:  # of a name that nobody can ask for
        return name.encode("utf-8", "replace").lower()


def _is_framed(scope: Scope, coding: bytes) -> bool:
    """In pieces, and nothing else (RFC 9112, section 6.1)."""
    return scope["http_version"] == "1.1" and coding.lower() == b"chunked"
