"""Text that a spreadsheet program would compute: refused in lists from outside, defused in our own."""

from __future__ import annotations

#: What such programs take for the beginning of a formula; the wide ones too.
SIGNS = tuple("=+-@＝＋－＠")


def begins_one(text: str) -> bool:
    """In a list that we make; a cell of a list that we read has no white space at its beginning."""
    return text.startswith((*SIGNS, "\t", "\r"))
