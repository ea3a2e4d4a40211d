"""The configuration as one text, and back: what is written when it comes into force."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from pydantic import TypeAdapter

from scheduler.model.network import Configuration

#: What came later than the first configurations, as it is written where nobody asks for it: left out, so that
#: those that are in force keep their text and their hash. In a text of people the quotes would be escaped.
_UNSAID = (
    *(b',"public":false', b',"partners":[]', b',"bounces":""', b',"max_mails_per_hour":null'),
    *(b',"extensions":[]', b',"membership_ends":null', b',"reapply":null', b',"word_limits":[]'),
    *(b',"decided":[]', b',"also_because":[]'),
)


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Configuration]:
    return TypeAdapter(Configuration)


def to_text(configuration: Configuration) -> str:
    """Normalised JSON: the same configuration gives the same text."""
    octets = _adapter().dump_json(configuration)
    for unsaid in _UNSAID:
        octets = octets.replace(unsaid, b"")
    return octets.decode()


def from_text(text: str) -> Configuration:
    return _adapter().validate_json(text)


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
