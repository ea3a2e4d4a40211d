"""The configuration as one text, and back: what is written when it comes into force."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from pydantic import TypeAdapter

from scheduler.model.network import Configuration


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Configuration]:
    return TypeAdapter(Configuration)


def to_text(configuration: Configuration) -> str:
    """Normalised JSON: the same configuration gives the same text."""
    return _adapter().dump_json(configuration).decode()


def from_text(text: str) -> Configuration:
    return _adapter().validate_json(text)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
