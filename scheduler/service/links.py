"""Addresses that only their owner can know, signed with the installation's key."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import mkstemp

from scheduler.errors import SchedulerError
from scheduler.service.signer import Signer

#: 80 bits; LimeSurvey takes tokens of up to 35 letters.
_CODE_LETTERS = 16


@dataclass(frozen=True)
class Links:
    """Makes the addresses that mails print; the base URL has no slash at its end."""

    base_url: str
    key: bytes

    def city_feed_path(self, member: str, label: str = "", generation: int = 0) -> str:
        """The secret path of a city's own feed; another generation is another address."""
        return f"/feeds/city/{self._token('feed', member, label, str(generation))}.ics"

    def city_feed(self, member: str, generation: int = 0) -> str:
        return self.base_url + self.city_feed_path(member, "", generation)

    def answer(self, contact_id: int, occurrence: str) -> str:
        """The page on which a contact answers an invitation."""
        token = self._token("answer", str(contact_id), occurrence)
        return f"{self.base_url}/answer/{contact_id}-{token}/{occurrence}"

    def stop(self, contact_id: int) -> str:
        """The page on which a contact ends the mails about webinars; it takes the POST of RFC 8058."""
        return f"{self.base_url}/stop/{contact_id}-{self._token('stop', str(contact_id))}"

    def code(self, cycle: str, member: str) -> str:
        """A city's own code in a reporting round, where the survey has made none: what only it can know."""
        return self._token("code", cycle, member)[:_CODE_LETTERS]

    def answers(self, signed: str, occurrence: str) -> int | None:
        """The contact of `<id>-<token>` in the path of an answer; None where nobody signed that."""
        return self._signed_by(signed, "answer", occurrence)

    def stops(self, signed: str) -> int | None:
        """The contact of `<id>-<token>` in the path of a stop; None where nobody signed that."""
        return self._signed_by(signed, "stop")

    def _signed_by(self, signed: str, purpose: str, *about: str) -> int | None:
        contact_id, _, token = signed.partition("-")
        wanted = self._token(purpose, contact_id, *about)
        is_genuine = hmac.compare_digest(token.encode("utf-8", "surrogatepass"), wanted.encode())
        return int(contact_id) if is_genuine else None

    @cached_property
    def _token(self) -> Callable[..., str]:
        return Signer(self.key).token


def read_or_make_key(file: Path) -> bytes:
    """The installation's key, made at the first start: readable by its owner only.

    Raises SchedulerError where that cannot be; a key that changes makes every city's feed address void.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            _make_key(file)
        return _not_empty(file)
    except OSError as error:
        what = f"the secret key {file} cannot be read or made ({error.strerror})"
        raise SchedulerError(f"{what}; make it readable, or set SCHEDULER_SECRET_KEY") from None


def _make_key(file: Path) -> None:
    """It appears whole or not at all; of two that make it at once, the first one's counts."""
    handle, name = mkstemp(prefix=f".{file.name}.", dir=file.parent)  # with mode 0600
    try:
        with os.fdopen(handle, "w") as made:
            made.write(secrets.token_hex(32))
            made.flush()
            os.fsync(handle)
        with suppress(FileExistsError):
            os.link(name, file)
    finally:
        os.unlink(name)


def _not_empty(file: Path) -> bytes:
    key = file.read_bytes().strip()
    if not key:
        raise SchedulerError(f"the secret key {file} is empty; put the right one back, or remove the file")
    return key
