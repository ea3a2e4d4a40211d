"""Header values that cannot break out of their line, whatever a title or a name holds.

The library's own header classes decode `=?utf-8?q?...?=` inside a value before they fold it, which turns
a title into a Bcc line (CVE-2024-6923 and its kin). So nothing is ever decoded here: what could be read
as an encoded word is itself encoded.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence

from scheduler.errors import MessageRefused

#: Words with one blank between them that need no encoding in an unstructured header, nor quotes in a
#: display name. More blanks would get lost where a line is folded or a reader tidies up.
_PLAIN = re.compile(r"(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?")
_ATOMS = re.compile(r"[A-Za-z0-9'-]+(?: [A-Za-z0-9'-]+)*")
#: Controls other than a line end with a line end's other half.
_STRAY = re.compile(r"\r(?!\n)|(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: A word longer than this cannot be folded as it is.
_LONGEST_WORD = 60
_LINE = 75
#: Octets in one encoded word: 39 become 52 letters, 64 with what stands around them, and 73 behind
#: "Subject: ", where RFC 2047 (section 2) allows 75 a word and 76 a line.
_WORD_OCTETS = 39


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
    words, octets = [], b""
    for character in text:
        more = character.encode()
        if len(octets) + len(more) > _WORD_OCTETS:
            words.append(octets)
            octets = b""
        octets += more
    return "\r\n ".join(f"=?utf-8?b?{b64encode(word).decode()}?=" for word in [*words, octets])


def _can_be_folded(text: str, allowed: re.Pattern[str]) -> bool:
    return bool(allowed.fullmatch(text)) and max(map(len, text.split(" "))) <= _LONGEST_WORD


def _folded(text: str, begins_at: int) -> str:
    lines, line = [], ""
    room = _LINE - begins_at
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, _LINE - 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def head(headers: Sequence[tuple[str, str]]) -> bytes:
    """The header block. Raises MessageRefused when it holds any line that was not meant."""
    block = "".join(f"{name}: {value}\r\n" for name, value in headers)
    names = [line.partition(":")[0] for line in block.split("\r\n")[:-1] if line[:1] not in (" ", "\t")]
    is_meant = names == [name for name, _ in headers]
    if not is_meant or not block.isascii() or _STRAY.search(block):
        raise MessageRefused(MessageRefused.__doc__)
    return block.encode("ascii")
