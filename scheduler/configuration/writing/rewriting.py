"""A text and what may stand in places of it -> the new text; every other byte stays as it is."""

from __future__ import annotations

import codecs
from collections.abc import Iterable

from scheduler.configuration.problems import Rewrite


def rewrite(text: str, rewrites: Iterable[Rewrite]) -> str:
    """The text with each span replaced; of two that overlap only the first one is."""
    parts: list[str] = []
    here = 0
    for one in sorted(set(rewrites), key=lambda found: (found.start, found.end)):
        if one.start >= here:
            parts += (text[here : one.start], one.text)
            here = one.end
    return "".join((*parts, text[here:]))


def rewritten(octets: bytes, rewrites: Iterable[Rewrite]) -> bytes:
    """The same for a file as it lies there: UTF-8, whose byte order mark does not count and stays.

    Raises UnicodeDecodeError for another encoding; nothing is ever understood of such a file.
    """
    mark = codecs.BOM_UTF8 if octets.startswith(codecs.BOM_UTF8) else b""
    text = octets[len(mark) :].decode("utf-8")
    return mark + rewrite(text, rewrites).encode("utf-8")
