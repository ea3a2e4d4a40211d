"""A stencil that gives base64, and has the fixed parts of its text in base64 beforehand.

Three octets become four letters, so a fixed part has three encodings, by how many octets it lends to the
value before it. The lines are cut afterwards: to have those ready too would take 57 encodings, a megabyte for
each zone, and be no faster where values lie a few hundred octets apart.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial

from scheduler.mail.transfer import in_lines
from scheduler.stencil import Encoder, Stencil

#: What is shorter is encoded with the values around it.
_SHORT = 128

#: Octets that complete those before them to threes, the letters of those that follow, and what is left.
_Phase = tuple[bytes, bytes, bytes]

_letters = partial(b2a_base64, newline=False)


@dataclass(frozen=True)
class EncodedStencil:
    """What stands before the first value, and then each value with what follows it."""

    first: _Phase
    #: the name of a value; what is fixed behind it, and by how many octets stand before that, modulo three,
    #: its phase; none of what is short
    places: tuple[tuple[str, bytes, tuple[_Phase, ...]], ...]
    names: frozenset[str]
    encode: Encoder

    @classmethod
    def of(cls, stencil: Stencil) -> EncodedStencil:
        first, *others = (part.encode() for part in stencil.parts)
        places = zip(stencil.names, others, map(_phases, others), strict=True)
        return cls(_phase(first, 0), tuple(places), frozenset(stencil.names), stencil.encode)

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The text in base64, in lines of 76 letters with CRLF."""
        encode, letters = self.encode, b2a_base64
        octets = {name: encode(values[name]).encode() for name in self.names}
        _, encoded, left = self.first
        joined = [encoded]
        for name, fixed, phases in self.places:
            left += octets[name]
            if phases:
                lent, encoded, rest = phases[len(left) % 3]
                joined += (letters(left + lent, newline=False), encoded)
                left = rest
            else:
                left += fixed
        joined.append(letters(left, newline=False))
        return in_lines(b"".join(joined))


@lru_cache(maxsize=512)
def _phases(fixed: bytes) -> tuple[_Phase, ...]:
    return tuple(_phase(fixed, before) for before in range(3)) if len(fixed) >= _SHORT else ()


def _phase(fixed: bytes, before: int) -> _Phase:
    start = -before % 3
    end = len(fixed) - (len(fixed) - start) % 3
    return fixed[:start], _letters(fixed[start:end]), fixed[end:]
