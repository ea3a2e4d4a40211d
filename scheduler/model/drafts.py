"""What is known of a report before it is submitted: how far it is, and what is too long."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

#: Scripts that are written without blanks: each sign counts as a word (Chinese, Japanese kana).
_SIGN = "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
_WORD = re.compile(rf"{_SIGN}|(?:(?!{_SIGN})[^\W_])(?:(?!{_SIGN})\S)*")


@dataclass(frozen=True)
class TooLong:
    """An answer over its limit; it is kept, and only marked (story US-24.3)."""

    #: of the question
    number: int
    words: int
    limit: int


@dataclass(frozen=True)
class Draft:
    """As the last export of the survey showed it."""

    #: None: the export does not say
    started_at: datetime | None = None
    #: the last page that was opened
    last_page: int | None = None
    #: numbers of questions; both empty where the export has no answers in it
    answered: tuple[int, ...] = ()
    unanswered: tuple[int, ...] = ()
    too_long: tuple[TooLong, ...] = ()


def count_words(text: str) -> int:
    """Words stand between blanks of any kind, no-break ones too. A hyphen or an apostrophe joins, a number is
    a word, punctuation that stands alone is none; where a script has no blanks each sign is a word.

    So "state-of-the-art" is one word, "3 %" is one, "终身学习" are four.
    """
    return len(_WORD.findall(text))
