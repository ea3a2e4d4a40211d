"""Compares what must have arrived with what the mail server wrote down.

What must have arrived comes from the house, what did from the server: the service is asked nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from chaos.journal import Taken

_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)


class Notice(NamedTuple):
    """One rule met one occurrence met one contact."""

    address: str
    occurrence: str
    rule: str


class Span(NamedTuple):
    """From when on a notice may go, and until when it is of use. Aware UTC."""

    due_at: datetime = _FIRST
    useful_by: datetime = _LAST


ALWAYS = Span()


@dataclass(frozen=True)
class Audit:
    """How the two books differ."""

    expected: int
    taken: int
    missing: tuple[Notice, ...]
    unexpected: tuple[Notice, ...]
    #: taken again although the 250 of the time before had gone out
    charged: int
    #: taken again because nobody had heard that it was taken
    excused: int
    #: notices with two Message-IDs, Message-IDs with two UIDs or SEQUENCEs, or with two wordings
    unstable: tuple[str, ...]
    #: the envelope and the To line name two people
    misaddressed: tuple[Notice, ...]
    early: tuple[Notice, ...]
    late: tuple[Notice, ...]

    @property
    def is_whole(self) -> bool:
        """Everybody got what was theirs, and nobody anything else; some perhaps twice."""
        bad = self.missing + self.unexpected + self.misaddressed + self.early + self.late
        return not bad and not self.unstable

    def __str__(self) -> str:
        said = f"{self.taken} taken of {self.expected} expected: missing {len(self.missing)}"
        said += f", unexpected {len(self.unexpected)}, repeated {self.charged}"
        said += f" (and {self.excused} whose 250 was never said)" if self.excused else ""
        others = {
            "unstable": self.unstable,
            "misaddressed": self.misaddressed,
            "early": self.early,
            "late": self.late,
        }
        more = [f"{name} {len(found)} (such as {found[0]})" for name, found in others.items() if found]
        examples = [f"such as {found[0]}" for found in (self.missing, self.unexpected) if found]
        return ", ".join([said, *more, *examples])


def audit(expected: Mapping[Notice, Span], taken: Sequence[Taken]) -> Audit:
    times: dict[Notice, list[Taken]] = defaultdict(list)
    for one in taken:
        times[notice_of(one)].append(one)
    again = [before for found in times.values() for before in found[:-1]]
    known = {notice: found for notice, found in times.items() if notice in expected}
    return Audit(
        len(expected),
        len(taken),
        tuple(notice for notice in expected if notice not in times),
        tuple(notice for notice in times if notice not in expected),
        sum(one.is_said for one in again),
        sum(not one.is_said for one in again),
        _unstable(times),
        tuple(notice_of(one) for one in taken if one.written_to and one.written_to != one.to),
        tuple(notice for notice, found in known.items() if found[0].at < expected[notice].due_at),
        tuple(notice for notice, found in known.items() if found[-1].at > expected[notice].useful_by),
    )


def notice_of(taken: Taken) -> Notice:
    """Reads <first.talks.soon.20270614T1100Z.7@learning-cities.example>; another Message-ID is its own."""
    parts = taken.message_id.strip("<>").partition("@")[0].split(".")
    if len(parts) < 4:
        return Notice(taken.to, taken.message_id, "")
    return Notice(taken.to, ".".join(parts[:-3]), parts[-3])


def _unstable(times: Mapping[Notice, Sequence[Taken]]) -> tuple[str, ...]:
    found = []
    for notice, several in times.items():
        if len({(one.message_id, one.uid, one.sequence, one.method, one.sha256) for one in several}) > 1:
            found.append(f"{notice.rule} to {notice.address}")
    return tuple(found)
