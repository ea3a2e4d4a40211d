"""Files to begin with: what `scheduler new` writes, from answers that were checked one by one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain, count

from scheduler.configuration.schema import LONGEST_ID
from scheduler.configuration.writing import kinds
from scheduler.configuration.writing.kinds import Kind
from scheduler.configuration.writing.manual import opening_comment
from scheduler.configuration.writing.scalars import Entry, Line, lines_of

#: So many words of a title make an id.
_WORDS_OF_ID = 6
#: One word before a comma is too little to know it by.
_LEAST_WORDS_OF_ID = 2
#: Words that no id should begin or end with.
_SMALL_WORDS = {"a", "an", "and", "as", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to"}

_SERIES_HEAD = """{title}

Every file in this folder is one webinar series. Dates are YYYY-MM-DD, clock times stand in quotes."""
_SERIES_TAIL = """A new time, status or link is told to all who were invited. A new title, speaker or
description only changes the calendars. Do not delete a session to cancel it: write status: cancelled.

{edit}"""
_EDIT_OF_LIST = """The commonest edit: another day or hour for one session

  sessions:
    - id: {id}
      date: {date}
      start: "14:00\""""
_EDIT_OF_RULE = """The commonest edits: another day for one date of the rule, a title and a link for another

  move:
    {date}: (the new date)
  details:
    {date}:
      title: (its title)
      join:
        platform: Zoom
        link: (https address)"""
_CYCLE_HEAD = """{title}

Every file in this folder is one reporting round. Dates are YYYY-MM-DD, months YYYY-MM."""
_CYCLE_TAIL = """The commonest edit: more time for some cities; without members and countries it is for all

  extensions:
    - until: (the new date)
      because: (the reason, as the mails print it)
      members:
        - (slug in members.csv)

One city need not report, or one more must. Put the lists below `who`

  also:
    - (slug in members.csv)
  exempt:
    (slug in members.csv): (the reason, in a few words)"""


@dataclass(frozen=True)
class Draft:
    """A file as entries; its text can be made again when doubts were added to them."""

    kind: Kind
    id: str
    head: str
    tail: str
    entries: Sequence[Entry]
    #: doubts about the whole
    doubts: list[str] = field(default_factory=list)

    def lines(self) -> list[Line]:
        opening = opening_comment(self.kind, self.head, self.tail)
        return [*(Line(text) for text in [*opening.splitlines(), ""]), *lines_of(self.entries)]

    def text(self) -> str:
        return "\n".join(line.text for line in self.lines()) + "\n"


def series_draft(
    title: str, id: str, entries: Sequence[Entry], *, first_session: str, first_on: str
) -> Draft:
    """entries: what follows `id` and `title`. The first session, or first date of a rule, is the example."""
    is_rule = any(entry.key == "every" for entry in entries)
    edit = (_EDIT_OF_RULE if is_rule else _EDIT_OF_LIST).format(id=first_session, date=first_on)
    return Draft(
        kinds.SERIES,
        id,
        _SERIES_HEAD.format(title=_heading(title)),
        _SERIES_TAIL.format(edit=edit),
        [Entry("id", id), Entry("title", title), *entries],
    )


def cycle_draft(title: str, id: str, entries: Sequence[Entry]) -> Draft:
    head = _CYCLE_HEAD.format(title=_heading(title))
    return Draft(kinds.CYCLE, id, head, _CYCLE_TAIL, [Entry("id", id), Entry("title", title), *entries])


def _heading(title: str) -> str:
    """The title as the first line of a comment: signs that are not seen would be refused there too."""
    return "".join(sign if sign.isprintable() else " " for sign in title).strip()


def id_of(title: str) -> str:
    """An id made of the first words of a title, up to a comma or colon; "" where no letter is left."""
    letters = unicodedata.normalize("NFKD", title.replace("ı", "i").replace("ß", "ss"))
    plain = letters.encode("ascii", "ignore").decode().lower().replace("'", "")
    words: list[str] = []
    for part in re.split(r"[,:;(?!]| - ", plain):
        if len(words) < _LEAST_WORDS_OF_ID:
            words += re.findall(r"[a-z0-9]+", part)
    words = words[:_WORDS_OF_ID]
    while len(words) > 1 and words[-1] in _SMALL_WORDS:
        words.pop()
    while len(words) > 1 and words[0] in _SMALL_WORDS:
        words.pop(0)
    return "-".join(words)[:LONGEST_ID].strip("-")


def unique_id(title: str, also: str, taken: Collection[str], otherwise: str) -> str:
    """An id that is not taken: of the title, then with `also` behind it, then with a number."""
    wanted = (id_of(title) or otherwise)[: LONGEST_ID - 10]
    longer = "-".join(part for part in (wanted, id_of(also)) if part)
    tries = chain([wanted, longer], (f"{wanted}-{number}" for number in count(2)))
    return next(one for one in tries if one not in taken and len(one) <= LONGEST_ID)
