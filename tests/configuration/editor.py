"""What an editor that knows our schemas marks in a file while somebody types."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from scheduler.configuration.writing.json_schema import schema_of
from scheduler.configuration.writing.kinds import KINDS

_RESOLVERS = (
    ("bool", "true|false|True|False|TRUE|FALSE", "tTfF"),
    ("null", "", ""),
    ("int", "[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?[0-9]+\.[0-9]+", "-+0123456789"),
)


class _Core(yaml.CSafeLoader):
    """Types as editors read them (YAML 1.2): no yes and no, no dates, no hours as numbers.

    The words null and ~ are left out: to an editor they are nothing, to us texts, and nobody writes them.
    """

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in _RESOLVERS:
    firsts = [*_first, ""] if _tag == "null" else list(_first)
    _Core.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), firsts)


def _whole_number(loader: _Core, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


_Core.add_constructor("tag:yaml.org,2002:int", _whole_number)


def faults(text: str | bytes, kind: str) -> list[str]:
    """What is marked, in the validator's words."""
    return [error.message for error in _validators()[kind].iter_errors(_read(text))]


def _read(text: str | bytes) -> Any:
    return _with_keys_as_texts(yaml.load(text, Loader=_Core))  # noqa: S506 - a safe one, with other types


def _with_keys_as_texts(read: Any) -> Any:
    """Keys as JSON has them, whatever they look like."""
    if isinstance(read, list):
        return [_with_keys_as_texts(item) for item in read]
    if isinstance(read, dict):
        return {str(key): _with_keys_as_texts(value) for key, value in read.items()}
    return read


@lru_cache(maxsize=1)
def _validators() -> dict[str, Any]:
    return {kind.name: Draft202012Validator(schema_of(kind)) for kind in KINDS}
