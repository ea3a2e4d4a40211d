"""The list of keys in the opening comment of a file, made of the same words as its JSON Schema.

What stands before it (title, purpose) and behind it ("The commonest edit") is free. The list begins with
the line of its title ("# Keys of a series") and goes on as long as lines are indented, empty, or the title of
another list; that is how it is found again.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator

from scheduler.configuration.schema import Form, forms_in
from scheduler.configuration.writing.kinds import Kind, Section

#: Lines of a comment are no longer than this.
WIDTH = 108
_STEP = "  "
_OF_LIST = re.compile(r"#  |#$")


def opening_comment(kind: Kind, head: str, tail: str) -> str:
    """The comment that a file begins with: `head`, the list of its keys, `tail`; without any #."""
    free = [_commented(head), key_list(kind), _commented(tail)]
    return "\n".join([kind.modeline(), "\n#\n".join(part for part in free if part)]) + "\n"


def key_list(kind: Kind) -> str:
    """The lists of the keys that may stand in a file of this kind, as lines of a comment."""
    return "\n#\n".join("\n".join(_section(section, kind)) for section in kind.sections)


def with_key_list(text: str, kind: Kind) -> str | None:
    """The text of a file with its list made anew, every other byte as it was; None where it has none."""
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    titles = [f"# {section.title}" for section in kind.sections]
    first = next((n for n, line in enumerate(lines) if line.rstrip() == titles[0]), None)
    if first is None:
        return None
    written = [line.rstrip() for line in lines]
    ends = (n for n in range(first, len(lines)) if not (_OF_LIST.match(written[n]) or written[n] in titles))
    after = next(ends, len(lines))
    while lines[after - 1].strip() == "#":
        after -= 1
    made = [line + end for line in key_list(kind).split("\n")]
    return "".join([*lines[:first], *made, *lines[after:]])


def with_modeline(text: str, kind: Kind) -> str:
    """The text with the line in front that tells editors where the schema lies."""
    first, end, rest = text.partition("\n")
    kept = rest if first.startswith("# yaml-language-server:") else first + end + rest
    return f"{kind.modeline()}\n{kept}"


def _commented(text: str) -> str:
    return "\n".join(f"# {line}".rstrip() for line in text.strip().splitlines())


def _section(section: Section, kind: Kind) -> Iterator[str]:
    yield f"# {section.title}"
    entries = list(_entries(section.form, kind, indent=_STEP))
    column = max(len(key) for key, _ in entries) + 2
    for key, description in entries:
        lines = textwrap.wrap(description, WIDTH - column - 2, break_long_words=False, break_on_hyphens=False)
        for number, line in enumerate(lines):
            yield f"# {'' if number else key:<{column}}{line}"


def _entries(form: type[Form], kind: Kind, indent: str) -> Iterator[tuple[str, str]]:
    """(key with its indentation, description), with the keys below a key right behind it."""
    for name in _own_first(form):
        field = form.model_fields[name]
        yield f"{indent}{field.alias or name}", field.description or ""
        for inner in forms_in(field.annotation):
            if inner not in kind.elsewhere:
                yield from _entries(inner, kind, indent + _STEP)


def _own_first(form: type[Form]) -> Iterable[str]:
    """The fields of a form before those of the form it extends."""
    own = [name for name in form.model_fields if name in form.__annotations__]
    return dict.fromkeys([*own, *form.model_fields])
