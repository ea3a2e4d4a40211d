"""A text that is the same for many, cut where something personal stands.

Templates and calendars are made once with marks in them; a stencil cuts at the marks and joins each
reader's own values in. Every place has its own encoding (plain text, HTML, calendar text ...): the one
who cuts says which, so that no value can break out of its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

#: Private-use characters: no person types them (the readers of files refuse nothing of them, but a mark
#: is only ever made here) and no encoder changes them.
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(f"{_OPEN}([a-z]+){_CLOSE}")

Encoder = Callable[[str], str]


def mark(name: str) -> str:
    return f"{_OPEN}{name}{_CLOSE}"


@dataclass(frozen=True)
class Stencil:
    """Fixed parts and, between them, the names of personal values."""

    parts: tuple[str, ...]
    names: tuple[str, ...]
    encode: Encoder

    @classmethod
    def cut(cls, text: str, encode: Encoder = str) -> Stencil:
        pieces = _MARK.split(text)
        return cls(tuple(pieces[::2]), tuple(pieces[1::2]), encode)

    def fill(self, values: Mapping[str, str]) -> str:
        joined = self._spaced.copy()
        joined[1::2] = [self.encode(values[name]) for name in self.names]
        return "".join(joined)

    @cached_property
    def _spaced(self) -> list[str]:
        """The fixed parts with room between them."""
        spaced = [""] * (2 * len(self.parts) - 1)
        spaced[::2] = self.parts
        return spaced
