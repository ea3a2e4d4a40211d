"""Where the mail server is: one URL, read strictly and never repeated, for it holds a password."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address
from typing import NoReturn
from urllib.parse import SplitResult, unquote, urlsplit

from scheduler.errors import MailUrlRefused

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?")


class Tls(StrEnum):
    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    #: on this machine only
    NONE = "none"


@dataclass(frozen=True)
class RelayAddress:
    """Where the mail server is, and who we are there. An empty user: it asks for no log-in."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = Tls.STARTTLS

    def __post_init__(self) -> None:
        if self.tls is Tls.NONE and not _is_this_machine(self.host):
            _refuse("is on another machine and without TLS")

    @classmethod
    def of(cls, url: str) -> RelayAddress:
        """Reads smtp://user:password@host:587 and smtps://user:password@host:465.

        smtp demands STARTTLS, but on this machine does without; smtps is TLS from the first byte. Raises
        MailUrlRefused, which never quotes the URL.
        """
        parts, port = _split(url.strip())
        user, password = _credentials(parts)
        host = _host(parts)
        if parts.scheme == "smtps":
            return cls(host, port or 465, user, password, Tls.IMPLICIT)
        tls = Tls.NONE if _is_this_machine(host) else Tls.STARTTLS
        return cls(host, port or 587, user, password, tls)

    @property
    def place(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def spoken_name(base_url: str) -> str:
    """What EHLO says of a service that the world reaches there: a domain, or an address in brackets (RFC
    5321, section 4.1.3). Empty: there is neither in it."""
    try:
        host = urlsplit(base_url).hostname or ""
        if _is_ip_address(host):
            return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
        name = host.encode("idna").decode()
    except ValueError:  # UnicodeError is one
        return ""
    return name if _HOST.fullmatch(name) else ""


def _split(url: str) -> tuple[SplitResult, int | None]:
    # urlsplit would quietly drop a tab or a line end
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        _refuse("has a blank or a line end in it; write a blank as %20")
    found = _parsed(url)
    if found is None:
        _refuse("has a host or a port that cannot be read; in a password write / as %2F, # as %23, ? as %3F")
    parts, port = found
    if parts.scheme not in ("smtp", "smtps"):
        near = get_close_matches(parts.scheme, ("smtp", "smtps"), n=1)
        hint = f"; did you mean {near[0]}://?" if near and "://" in url else ""
        _refuse(f"does not begin with smtp:// or smtps://{hint}")
    if parts.path.strip("/") or parts.query or parts.fragment:
        _refuse("goes on behind the port; in a password write / as %2F, # as %23, ? as %3F")
    if port == 0:
        _refuse("has port 0")
    return parts, port


def _parsed(url: str) -> tuple[SplitResult, int | None] | None:
    """None where it cannot be read: the library's error quotes the URL, and must not be a cause of ours."""
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError:
        return None


def _credentials(parts: SplitResult) -> tuple[str, str]:
    user, password = (unquote(part or "", errors="replace") for part in (parts.username, parts.password))
    if "\ufffd" in user + password:
        _refuse("has a %-sequence in user or password that is no UTF-8")
    if bool(user) != bool(password):
        _refuse("has a user without a password, or a password without a user")
    if re.search(r"[\x00-\x1f\x7f]", user + password):
        _refuse("has a control character in user or password")
    return user, password


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if not host:
        _refuse("names no host")
    if not _HOST.fullmatch(host) and not _is_ip_address(host):
        _refuse("names a host that is neither a name in plain letters nor an IP address")
    return host


def _refuse(why: str) -> NoReturn:
    raise MailUrlRefused(
        f"the address of the mail server {why}; write smtp://user:password@host:587"
        " (STARTTLS) or smtps://user:password@host:465 (TLS throughout)"
    )


def _is_ip_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or (_is_ip_address(host) and ip_address(host).is_loopback)
