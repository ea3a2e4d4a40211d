"""The canonical form of what was understood: a span of the file, and the text that may stand there instead.

Only plain shapes are rewritten: `key: value` on a line of its own or inside { }. Where a comment stands
between the two, or the mapping is written in a rarer way, nothing is offered and the file stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from scheduler.configuration.document import Document, Node
from scheduler.configuration.problems import Rewrite

_COLON = re.compile(r"[ \t]*:\s*")
_LINE_END = re.compile(r"\r\n|\n|\r")
_ONLY_INDENT = re.compile(r"(?:[ \t]*|[ \t]*(?:-[ \t]+)+)")


def in_place_of(document: Document, path: tuple[str | int, ...], lines: Mapping[str, str]) -> Rewrite | None:
    """These keys and values in place of the key at `path` and its value; None where that is not safe."""
    value, mapping = document.node(*path), document.node(*path[:-1])
    if value is None or mapping is None or value.key_span is None:
        return None
    start, after_key = value.key_span
    raw = document.raw(value)
    if not _COLON.fullmatch(document.text[after_key : value.span[0]]) or (raw[:1] in "|>" and "#" in raw):
        return None
    joint = _joint(document, mapping, start)
    if joint is None:
        return None
    text = joint.join(f"{key}: {written}" for key, written in lines.items())
    return Rewrite(document.file, start, value.span[0] + len(raw.rstrip()), text)


def in_front_of(document: Document, path: tuple[str | int, ...], key: str, written: str) -> Rewrite | None:
    """A key and its value as the first ones of the mapping at `path`."""
    mapping = document.node(*path)
    if mapping is None or not mapping.entries:
        return None
    start = min(value.key_span[0] for _, value in mapping.entries.values() if value.key_span)
    joint = _joint(document, mapping, start)
    if joint is None:
        return None
    return Rewrite(document.file, start, start, f"{key}: {written}{joint}")


def _joint(document: Document, mapping: Node, start: int) -> str | None:
    """What stands between two keys of a mapping: ", " inside { }, else a line end and the indentation."""
    if document.raw(mapping).startswith("{"):
        return ", "
    before = _LINE_END.split(document.text[:start])[-1]
    if not _ONLY_INDENT.fullmatch(before) or "\t" in before:
        return None
    return _line_end(document, mapping) + " " * len(before)


def _line_end(document: Document, mapping: Node) -> str:
    """The line end that most lines of the mapping have; else that of the file."""
    within = _LINE_END.findall(document.raw(mapping)) or _LINE_END.findall(document.text)
    return max(dict.fromkeys(within), key=within.count, default="\n")
