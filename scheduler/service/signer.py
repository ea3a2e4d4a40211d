"""Signatures short enough for an address: HMAC-SHA-256, 160 bits of it in base32 (DESIGN, section 6).

Every mail has three, so the key is worked in once (RFC 2104, section 4, says how), and base32 is some shifts:
`hmac` and `base64` take four times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

#: 160 bits: 32 letters of base32, beyond guessing.
_TOKEN_OCTETS = 20
_BLOCK_OCTETS = 64
_INNER, _OUTER = (bytes(octet ^ pad for octet in range(256)) for pad in (0x36, 0x5C))
#: For translate(): the letter of each five bits.
_LETTERS = b"abcdefghijklmnopqrstuvwxyz234567".ljust(256, b"?")


class Signer:
    def __init__(self, key: bytes) -> None:
        block = (sha256(key).digest() if len(key) > _BLOCK_OCTETS else key).ljust(_BLOCK_OCTETS, b"\0")
        self._inner, self._outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def token(self, *words: str) -> str:
        """32 small letters and figures that nobody without the key can find for these words."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update("\n".join(words).encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        return _base32(outer.digest()[:_TOKEN_OCTETS])


def _steps() -> Iterator[tuple[int, int, int]]:
    """(how far, which upper halves, which lower halves): first 80 bits go apart, in the end five."""
    for width in (80, 40, 20, 10, 5):
        lane = width // 5 * 8
        lower = sum((1 << width) - 1 << start for start in range(0, 256, 2 * lane))
        yield lane - width, lower << width, lower


_APART = tuple(_steps())


def _base32(octets: bytes) -> str:
    """20 octets as 32 letters: halves move apart until each five bits lie in an octet of their own."""
    bits = int.from_bytes(octets, "big")
    for shift, upper, lower in _APART:
        bits = (bits & upper) << shift | bits & lower
    return bits.to_bytes(32, "big").translate(_LETTERS).decode("ascii")
