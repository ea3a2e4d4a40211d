"""Base64 in lines (RFC 2045, section 6.8): no relay can change the line ends of what travels in it.

It is the most of the work for each mail, so no line costs a step of Python: one `Struct` cuts all of them.
"""

from __future__ import annotations

from binascii import b2a_base64
from functools import lru_cache
from struct import Struct

#: 57 octets.
_LINE = 76
#: Lines that are cut at once; a longer text takes several goes.
_AT_ONCE = 256


def in_base64(octets: bytes) -> bytes:
    return in_lines(b2a_base64(octets, newline=False))


def in_lines(encoded: bytes) -> bytes:
    """Lines of 76 letters, each with CRLF, the last one as long as it comes; nothing of nothing."""
    whole, rest = divmod(len(encoded), _LINE)
    lines: list[bytes] = []
    for first in range(0, whole, _AT_ONCE):
        lines += _cutter(min(whole - first, _AT_ONCE)).unpack_from(encoded, first * _LINE)
    if rest:
        lines.append(encoded[-rest:])
    lines.append(b"")
    return b"\r\n".join(lines)


@lru_cache(maxsize=128)
def _cutter(lines: int) -> Struct:
    return Struct(f"{_LINE}s" * lines)
