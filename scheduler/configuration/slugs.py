"""The short names of members, as lists in files name them; people write the name of the city there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import BeforeValidator

from scheduler.configuration.problems import quoted
from scheduler.configuration.schema import ID_HINT, LONGEST_ID, is_id, one_line, read_id, say
from scheduler.configuration.table import Row
from scheduler.model.members import Member
from scheduler.model.names import fold

#: Signs that do not part the words of a name: L'Alcora is lalcora.
_INSIDE = "'\N{RIGHT SINGLE QUOTATION MARK}"


def slug_of(name: str) -> str:
    """The slug that a city of this name would have: "san-justo"; "" where no Latin letter is left."""
    words = "".join(sign if sign.isalnum() or sign in _INSIDE else " " for sign in name).split()
    plain = ("".join(sign for sign in fold(word) if sign.isascii() and sign.isalnum()) for word in words)
    return "-".join(word for word in plain if word)[:LONGEST_ID].strip("-")


def no_slug(text: str) -> tuple[str, str]:
    """What is said of a text that is no slug, without a look at members.csv."""
    return f"{quoted(text)} is no slug", f"write its slug, such as {slug_of(text) or 'medellin'}"


def read_slug(value: object) -> str:
    text = one_line(value)
    if text and not is_id(text):
        say(*no_slug(text))
    return read_id(value)


def known_by_name(rows: Iterable[Row]) -> Iterator[Member]:
    """Just enough of each member to be found by name, whatever is wrong with the rest of its row."""
    for row in rows:
        aliases = tuple(row.several("aliases"))
        yield Member(row["slug"], row["name"], aliases, row["country"], "", "", (), (), (), ())


Slug = Annotated[str, BeforeValidator(read_slug), ID_HINT]
