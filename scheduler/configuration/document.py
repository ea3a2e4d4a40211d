"""YAML as staff write it: a tree in which every scalar is text and knows its line and column.

libyaml's events are read one by one and left at the first breach of a limit; its own composer is not
used, because deep nesting crashes the whole process there. Types come from the schema, so `13:00`, `NO`,
`on` and `0123` are never anything but what was written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from scheduler.configuration.problems import Place, Problems, printable, quoted
from scheduler.configuration.text import MAX_YAML_BYTES, find_control, read_text, said_of

MAX_DEPTH = 64
#: Keys of one mapping or items of one list: enough to name each of 10,000 members.
MAX_ENTRIES = 10_000
#: Keys, values and items of one file; 2,000 sessions with everything that can be said of them have less.
MAX_NODES = 100_000

#: What one scalar, list or mapping becomes: str, None (nothing written), list, dict.
Plain = str | None | list["Plain"] | dict[str, "Plain"]
Path_ = Sequence[str | int]


@dataclass(slots=True)
class Node:
    place: Place
    #: characters of the file from 0, half-open, quotation marks and brackets included
    span: tuple[int, int]
    #: text of a scalar; None for the others and for a value that was left out
    text: str | None = None
    items: list[Node] | None = None
    #: key -> (place of the key, value)
    entries: dict[str, tuple[Place, Node]] | None = None
    #: of a value: the characters of its key
    key_span: tuple[int, int] | None = None

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
    #: what `span` counts in
    text: str = ""

    def raw(self, node: Node) -> str:
        """What stands in the file for a value, with its quotation marks and brackets."""
        return self.text[slice(*node.span)]

    def place_in(self, at: int, *path: str | int) -> Place:
        """The place of a character of the text at `path`; of the whole where it is written in another way.

        That is where quotation marks hold escapes, or the text goes on in the next line.
        """
        node = self.node(*path)
        if node is None or node.text is None:
            return self.place(*path)
        raw = self.raw(node)
        for before, inner in ((0, raw), (1, raw[1:-1])):
            if inner == node.text and "\n" not in inner:
                return Place(self.file, node.place.line, node.place.column + before + at)
        return node.place

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
        root = _Builder(file, yaml.CSafeLoader(text).get_event, _said_of_nothing(text)).document()
    except _Refused as refused:
        problems.error(refused.place, refused.what, refused.instead)
    except yaml.MarkedYAMLError as error:
        problems.error(*_explained(error, text, file))
    except yaml.YAMLError as error:
        problems.error(Place(file), f"this is no YAML ({printable(error)})")
    else:
        return Document(file, root, text)
    return None


def _said_of_nothing(text: str) -> tuple[str, str]:
    if "#" in text:
        return "there are only comments in this file", "remove the # in front of the lines that count"
    return "this file is empty", ""


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
    """Builds the tree from events; one event of look-ahead is never needed.

    The longest way of `check`: 250,000 events in a large configuration, so it asks each for its type once.
    """

    file: str
    #: gives the next event of libyaml
    next_event: Callable[[], Any]
    #: what is said of a file without any key
    nothing: tuple[str, str]
    depth: int = field(default=0)
    nodes: int = field(default=0)

    def document(self) -> Node:
        root: Node | None = None
        while type(event := self.next_event()) is not yaml.StreamEndEvent:
            if type(event) is yaml.DocumentStartEvent:
                if root is not None:
                    raise _Refused(
                        self._place(event), 'a second document begins here ("---")', "one file, one document"
                    )
                root = self._node(self.next_event())
        if root is None or (root.text is None and root.items is None and root.entries is None):
            raise _Refused(Place(self.file), *self.nothing)
        return root

    def _node(self, event: Any) -> Node:
        place, kind = self._place(event), type(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise _Refused(
                place, f"this file has more than {MAX_NODES:,} keys and values", "split it, or look above"
            )
        if kind is yaml.AliasEvent or event.anchor:
            raise _Refused(
                place, "anchors (&) and aliases (*) are not read here", "write the text out, or in quotes"
            )
        if event.tag:
            what = "is a tag: a word that begins with ! tells YAML to do something"
            raise _Refused(place, f"{quoted(_as_written(event.tag))} {what}", "put the text in quotes")
        if kind is yaml.ScalarEvent:
            return self._scalar(event, place)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Refused(
                place, f"this is nested more than {MAX_DEPTH} levels deep", "look for a stray [ or {"
            )
        build = self._sequence if kind is yaml.SequenceStartEvent else self._mapping
        node = build(event, place)
        self.depth -= 1
        return node

    def _scalar(self, event: Any, place: Place) -> Node:
        # the file itself was searched already; only "\u0000" in double quotes can bring in something new
        if event.style == '"' and (sign := find_control(event.value)):
            raise _Refused(place, *said_of(sign))
        left_out = event.value == "" and not event.style
        return Node(place, _span(event, event), None if left_out else event.value)

    def _sequence(self, begin: Any, place: Place) -> Node:
        items = []
        while type(event := self.next_event()) is not yaml.SequenceEndEvent:
            items.append(self._node(event))
            if len(items) > MAX_ENTRIES:
                raise _Refused(items[-1].place, f"this list has more than {MAX_ENTRIES:,} items", "split it")
        return Node(place, _span(begin, event), items=items)

    def _mapping(self, begin: Any, place: Place) -> Node:
        entries: dict[str, tuple[Place, Node]] = {}
        while type(event := self.next_event()) is not yaml.MappingEndEvent:
            key = self._node(event)
            if key.text is None:
                raise _Refused(key.place, "a key must be a text", "put a text with { or [ or ? in quotes")
            if key.text in entries:
                what = f"the key {quoted(key.text)} stands here twice"
                raise _Refused(key.place, what, "keep one of the two")
            value = self._node(self.next_event())
            value.key_span = key.span
            entries[key.text] = (key.place, value)
            if len(entries) > MAX_ENTRIES:
                raise _Refused(key.place, f"more than {MAX_ENTRIES:,} keys stand here", "split the file")
        return Node(place, _span(begin, event), entries=entries)

    def _place(self, event: Any) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1)


def _span(first: Any, last: Any) -> tuple[int, int]:
    return first.start_mark.index, last.end_mark.index


def _as_written(tag: str) -> str:
    """ "tag:yaml.org,2002:str" is what libyaml makes of !!str."""
    return tag.replace("tag:yaml.org,2002:", "!!")
