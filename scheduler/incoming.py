"""Mails from outside, before they are parsed: some are made to cost time, and parsers take whatever comes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What a mail of one sort stays below."""

    #: what is expected: "answer", "report"
    sort: str
    octets: int
    lines: int
    #: words that may open a part
    boundaries: int

    def why_not(self, octets: bytes) -> str:
        """Why it is not even looked at, in one sentence; empty: it may be parsed."""
        if len(octets) > self.octets:
            return f"it has more than {self.octets:,} octets, which no {self.sort} has"
        if octets.count(b"\n") > self.lines or octets.lower().count(b"boundary") > self.boundaries:
            return f"it has more lines or parts than any {self.sort}"
        return ""
