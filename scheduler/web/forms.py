"""What a form of ours brings, read with an end in size; everything in it is hostile. It comes unpacked
(web/gate.py) and in time (web/heads.py)."""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message
from urllib.parse import parse_qsl

from starlette.requests import Request

#: Octets of a body: a one-click form in multipart has a few hundred.
_LARGEST = 4096
_MOST_FIELDS = 16
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class FormRefused(Exception):
    """A body that is not read any further."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


def media_type(request: Request) -> str:
    """The content type without its parameters, in small letters; empty where none is said."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_form(request: Request) -> Mapping[str, str]:
    """The fields of a form, the last of each name; where no type is said it is read as FORM.
    Raises FormRefused; ClientDisconnect where the client goes away, or was sent away."""
    octets = await _read(request)
    try:
        if media_type(request) == MULTIPART:
            return _fields(request.headers["content-type"], octets)
        return dict(parse_qsl(octets.decode("ascii"), max_num_fields=_MOST_FIELDS))
    except ValueError:  # UnicodeError is one
        raise FormRefused(400, "This is no form.") from None


def _fields(kind: str, octets: bytes) -> Mapping[str, str]:
    """RFC 7578. kind: the content type, with the boundary in it."""
    form = message_from_bytes(b"Content-Type: %b\r\n\r\n%b" % (kind.encode("latin-1"), octets))
    parts = form.get_payload() if form.is_multipart() else []
    return {_name(part): str(part.get_payload()).strip() for part in parts if isinstance(part, Message)}


def _name(part: Message) -> str:
    return str(part.get_param("name", "", "content-disposition"))


async def _read(request: Request) -> bytes:
    octets = bytearray()
    async for some in request.stream():
        octets += some
        if len(octets) > _LARGEST:
            raise FormRefused(413, "The form is too long.")
    return bytes(octets)
