"""Who may ask over HTTP: programs with a key that was given to them in the settings."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest

from pydantic import SecretStr
from starlette.requests import Request

_BEARER = "bearer "
#: Octets of a header that are looked at: no key is as long.
_LONGEST = 1000


class ApiKeys:
    """Knows each key by its digest only."""

    def __init__(self, given: Iterable[tuple[str, SecretStr]]) -> None:
        """given: name of who holds it, and the key."""
        self._digests = [(name, _digest(secret.get_secret_value())) for name, secret in given]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def holder(self, request: Request) -> str | None:
        """Whose key a request brings; None where it brings none, or a wrong one.

        All keys are compared, so that the time it takes says nothing.
        """
        digest, found = _digest(_brought(request)), None
        for name, known in self._digests:
            if compare_digest(digest, known):
                found = name
        return found


def _brought(request: Request) -> str:
    """`Authorization: Bearer KEY`, or else `X-API-Key: KEY`, for where a proxy takes the other header for
    itself; empty where there is neither."""
    said = request.headers.get("authorization", "")[:_LONGEST]
    if said[: len(_BEARER)].lower() == _BEARER:
        return said[len(_BEARER) :].strip()
    return request.headers.get("x-api-key", "")[:_LONGEST].strip()


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
