"""YAML as staff write it: a tree in which every scalar is text and knows its line and column.

libyaml's events are read one by one and left at the first breach of a limit; its own composer is not
used, because deep nesting crashes the whole process there. Types come from the schema, so `13:00`, `NO`,
`on` and `0123` are never anything but what was written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import yaml

from scheduler.configuration.problems import Place, Problems, printable
from scheduler.configuration.text import MAX_YAML_BYTES, find_control, read_text, said_of

MAX_DEPTH = 64

#: What one scalar, list or mapping becomes: str, None (nothing written), list, dict.
Plain = str | None | list["Plain"] | dict[str, "Plain"]
Path_ = Sequence[str | int]


@dataclass
class Node:
    place: Place
    #: characters of the file from 0, half-open, quotation marks and brackets included
    span: tuple[int, int]
    #: text of a scalar; None for the others and for a value that was left out
    text: str | None = None
    items: list[Node] | None = None
    #: key -> (place of the key, value)
    entries: dict[str, tuple[Place, Node]] | None = None

    def plain(self) -> Plain:
        if self.items is not None:
            return [item.plain() for item in self.items]
        if self.entries is not None:
            return {key: value.plain() for key, (_, value) in self.entries.items()}
        return self.text


@dataclass
class Document:
    """One file: the tree, and where everything in it stands."""

    file: str
    root: Node

    def place(self, *path: str | int) -> Place:
        """The place of the value at `path`; of the nearest thing around it where there is none."""
        return self._find(path)[1]

    def place_of_key(self, *path: str | int) -> Place:
        """The place of the key itself (for a list item: of the item)."""
        return self._find(path)[0]

    def node(self, *path: str | int) -> Node | None:
        """What stands at `path`, where something does."""
        node: Node | None = self.root
        for step in path:
            node = _child(node, step) if node else None
        return node

    def has(self, *path: str | int) -> bool:
        return self.node(*path) is not None

    def _find(self, path: Path_) -> tuple[Place, Place]:
        node, key_place = self.root, self.root.place
        for step in path:
            child = _child(node, step)
            if child is None:
                break
            key_place = node.entries[str(step)][0] if node.entries is not None else child.place
            node = child
        return key_place, node.place


def _child(node: Node, step: str | int) -> Node | None:
    if node.entries is not None and str(step) in node.entries:
        return node.entries[str(step)][1]
    if node.items is not None and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


class _Refused(Exception):
    def __init__(self, place: Place, what: str, instead: str = "") -> None:
        super().__init__(what)
        self.place, self.what, self.instead = place, what, instead


def read_document(path: Path, problems: Problems) -> Document | None:
    """The tree of a YAML file, or None with the problem said."""
    text = read_text(path, MAX_YAML_BYTES, problems)
    if text is None:
        return None
    file = printable(path)
    try:
        root = _Builder(file, yaml.parse(text, Loader=yaml.CSafeLoader)).document()
    except _Refused as refused:
        problems.error(refused.place, refused.what, refused.instead)
    except yaml.MarkedYAMLError as error:
        problems.error(*_explained(error, text, file))
    except yaml.YAMLError as error:
        problems.error(Place(file), f"this is no YAML ({printable(error)})")
    else:
        return Document(file, root)
    return None


class _Saying(NamedTuple):
    """How one finding of libyaml is said to people."""

    #: part of libyaml's own words
    finding: str
    what: str
    instead: str
    #: the place where it began tells more than the place where it was noticed
    where_it_began: bool = False


_QUOTES = "put the text in quotes"
_SAYINGS = (
    _Saying(
        "mapping values are not allowed",
        "a colon stands where none can be",
        f"{_QUOTES}, or look at the indentation and at the line above",
    ),
    _Saying("cannot start any token", "no text can begin with this sign", _QUOTES),
    _Saying("alphabetic or numeric character", "no text can begin with * or &", _QUOTES),
    _Saying("comment or line break", "no text can begin with | or >", _QUOTES),
    _Saying(
        "expected ':'", "a colon with a blank behind it is missing in this line", "write key: value", True
    ),
    _Saying(
        "block sequence entries",
        "no list can begin here",
        f'{_QUOTES}, or begin each item on its own line with "- "',
    ),
    _Saying("end of stream", "a quotation mark opens here and never closes", "close it", True),
    _Saying("document indicator", "a quotation mark opens here and never closes", "close it", True),
    _Saying("escape", "a backslash has a meaning of its own here", "put the text in 'single quotes'"),
    _Saying("hexdecimal", "a backslash has a meaning of its own here", "put the text in 'single quotes'"),
    _Saying("expected ',' or", "a bracket opens here and is not closed as it should be", _QUOTES, True),
)
_OTHERWISE = _Saying(
    "",
    "this does not fit what stands before it",
    "look at the indentation, and whether every quotation mark is closed",
)


def _explained(error: yaml.MarkedYAMLError, text: str, file: str) -> tuple[Place, str, str]:
    findings = f"{error.problem} {error.context}"
    saying = next((one for one in _SAYINGS if one.finding in findings), _OTHERWISE)
    mark = error.problem_mark or error.context_mark
    if saying.where_it_began:
        mark = error.context_mark or mark
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: place.column]:
        return place, "there is a tab here", "indent with blanks"
    return place, saying.what, saying.instead


@dataclass
class _Builder:
    """Builds the tree from events; one event of look-ahead is never needed."""

    file: str
    events: Iterator[yaml.Event]
    depth: int = field(default=0)

    def document(self) -> Node:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused(
                        self._place(event), 'a second document begins here ("---")', "one file, one document"
                    )
                root = self._node(next(self.events))
        if root is None or (root.text is None and root.items is None and root.entries is None):
            raise _Refused(Place(self.file), "this file is empty")
        return root

    def _node(self, event: yaml.Event) -> Node:
        place = self._place(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(
                place, "anchors (&) and aliases (*) are not read here", "write the text out, or in quotes"
            )
        if tag := getattr(event, "tag", None):
            raise _Refused(place, f"tags such as {tag} are not read here", "write the text in quotes")
        if isinstance(event, yaml.ScalarEvent):
            if sign := find_control(event.value):
                raise _Refused(place, *said_of(sign))
            left_out = event.value == "" and not event.style
            return Node(place, self._span(event, event), text=None if left_out else event.value)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Refused(
                place, f"this is nested more than {MAX_DEPTH} levels deep", "look for a stray [ or {"
            )
        node = self._sequence(event) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(event)
        self.depth -= 1
        return node

    def _sequence(self, begin: yaml.Event) -> Node:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event))
        return Node(self._place(begin), self._span(begin, event), items=items)

    def _mapping(self, begin: yaml.Event) -> Node:
        entries: dict[str, tuple[Place, Node]] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._node(event)
            if key.text is None:
                raise _Refused(key.place, "a key must be a text", "put a text with { or [ or ? in quotes")
            if key.text in entries:
                raise _Refused(key.place, f'the key "{key.text}" stands here twice', "keep one of the two")
            entries[key.text] = (key.place, self._node(next(self.events)))
        return Node(self._place(begin), self._span(begin, event), entries=entries)

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1) if mark else Place(self.file)

    def _span(self, first: yaml.Event, last: yaml.Event) -> tuple[int, int]:
        start, end = first.start_mark, last.end_mark
        return (start.index, end.index) if start and end else (0, 0)
