"""Header values that cannot break out of their line, whatever a title or a name holds.

The library's own header classes decode `=?utf-8?q?...?=` inside a value before they fold it, which turns
a title into a Bcc line (CVE-2024-6923 and its kin). So nothing is ever decoded here: what could be read
as an encoded word is itself encoded.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from scheduler.errors import MessageRefused
from scheduler.stencil import Stencil

#: Words with one blank between them that need no encoding in an unstructured header, nor quotes in a
#: display name. More blanks would get lost where a line is folded or a reader tidies up.
_PLAIN = re.compile(r"(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?")
_ATOMS = re.compile(r"[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*")
#: What a header may hold behind its name: ASCII without controls, and lines that begin with a blank.
_VALUE = "[\\t -~]*(?:\r\n[\\t ][\\t -~]*)*\r\n"
#: A word longer than this cannot be folded as it is.
_LONGEST_WORD = 60
_LINE = 75
#: Octets in one encoded word: 39 become 52 letters, 64 with what stands around them, and 73 behind
#: "Subject: ", where RFC 2047 (section 2) allows 75 a word and 76 a line.
_WORD_OCTETS = 39
_BETWEEN_WORDS = "?=\r\n =?utf-8?b?"


def unstructured(name: str, text: str) -> str:
    """A subject: as it is where that is safe and can be folded, else in encoded words (RFC 2047)."""
    if "=?" in text or not _can_be_folded(text, _PLAIN):
        return _encoded_words(text)
    return _folded(text, len(name) + 2)


def mailbox(name: str, address: str) -> str:
    """`Name <address>`; the address has passed the strict grammar of the configuration."""
    if not name:
        return f"<{address}>"
    shown = _folded(name, len("From: ")) if _can_be_folded(name, _ATOMS) else _encoded_words(name)
    return f"{shown}\r\n <{address}>"


def _encoded_words(text: str) -> str:
    """The text in base64 words of whole characters, one a line (the library's takes a millisecond each)."""
    octets, words, start = text.encode(), [], 0
    while len(octets) - start > _WORD_OCTETS:
        end = start + _WORD_OCTETS
        while octets[end] & 0xC0 == 0x80:
            end -= 1
        words.append(octets[start:end])
        start = end
    encoded = [b2a_base64(word, newline=False).decode() for word in [*words, octets[start:]]]
    return f"=?utf-8?b?{_BETWEEN_WORDS.join(encoded)}?="


def _can_be_folded(text: str, allowed: re.Pattern[str]) -> bool:
    if not text.isascii() or not allowed.fullmatch(text):
        return False
    return len(text) <= _LONGEST_WORD or max(map(len, text.split(" "))) <= _LONGEST_WORD


def _folded(text: str, begins_at: int) -> str:
    if begins_at + len(text) <= _LINE:
        return text
    lines, line = [], ""
    room = _LINE - begins_at
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, _LINE - 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


@dataclass(frozen=True)
class Head:
    """A block of headers in which what is personal is left open."""

    names: tuple[str, ...]
    block: Stencil

    @classmethod
    def of(cls, headers: Sequence[tuple[str, str]]) -> Head:
        """Marks may stand in the values."""
        block = "".join(f"{name}: {value}\r\n" for name, value in headers)
        return cls(tuple(name for name, _ in headers), Stencil.cut(block))

    def fill(self, values: Mapping[str, str]) -> bytes:
        """The block. Raises MessageRefused when it holds any line that was not meant."""
        block = self.block.fill(values)
        if not self._meant.fullmatch(block):
            raise MessageRefused(MessageRefused.__doc__)
        return block.encode("ascii")

    @cached_property
    def _meant(self) -> re.Pattern[str]:
        """Just these headers, in this order, and no other line."""
        return re.compile("".join(f"{re.escape(name)}: {_VALUE}" for name in self.names))


def head(headers: Sequence[tuple[str, str]]) -> bytes:
    """Headers that are all there, checked likewise."""
    return Head.of(headers).fill({})
