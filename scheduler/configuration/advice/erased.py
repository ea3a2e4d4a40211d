"""Contacts in members.csv who were erased: they stand in the file, and are not written to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic_core import PydanticCustomError

from scheduler.configuration.addresses import read_address
from scheduler.configuration.load import Loaded
from scheduler.configuration.members import ALLOWED, NEEDED, ROLES
from scheduler.configuration.problems import Problem, Problems, Severity
from scheduler.configuration.table import Row, rows_of

#: When the person at an address was erased; None: it was not.
Since = Callable[[str], datetime | None]

#: For whoever reads that somebody was erased.
_WHAT_TO_DO = (
    "take the address out of this row; if that person asks to be written to again: scheduler members readmit"
)

_ADDRESS = re.compile(r"[^@\s<>|,;]+@[^@\s<>|,;]+")


def find_erased(loaded: Loaded, since: Since) -> list[Problem]:
    """A warning for each, at its cell; nothing where members.csv could not be read."""
    members = loaded.readable.members if loaded.readable else ()
    gone = {member.slug for member in members if any(since(one.address) for one in member.contacts)}
    file = next((name for name in loaded.texts if name.endswith("members.csv")), None)
    if not gone or file is None:
        return []
    rows = rows_of(loaded.texts[file], file, NEEDED, ALLOWED, Problems())
    found = ((row, role, at) for row in rows if row["slug"] in gone for role, at in erased_in(row, since))
    return [warning(row, role, f"the {role} of {row['slug']}", at) for row, role, at in found]


def warning(row: Row, role: str, who: str, at: datetime) -> Problem:
    what = f"{who} was erased on {at:%Y-%m-%d} and is not written to"
    return Problem(row.place(role), Severity.WARNING, what, _WHAT_TO_DO)


def erased_in(row: Row, since: Since) -> Iterator[tuple[str, datetime]]:
    """The roles of a row in which somebody stands who was erased, and when that was."""
    for role in ROLES:
        for found in _ADDRESS.finditer(row[role]):
            if at := since(_as_kept(found[0])):
                yield role, at


def _as_kept(written: str) -> str:
    """With its domain as mail servers know it; what is no address was erased by nobody."""
    try:
        return read_address(written)
    except PydanticCustomError:
        return written
