"""Certificates of an authority of our own: good ones, and each of those that nobody should trust."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

import trustme


class Certificate(StrEnum):
    GOOD = "good"
    #: of an authority that nobody knows
    SELF_SIGNED = "self-signed"
    EXPIRED = "expired"
    WRONG_HOST = "for another host"


@lru_cache(maxsize=1)
def authority() -> trustme.CA:
    """The one that the service is told to trust."""
    return trustme.CA()


def write_authority(file: Path) -> None:
    """For SCHEDULER_MAIL_CA."""
    authority().cert_pem.write_to_path(str(file))


def context(certificate: Certificate, host: str) -> ssl.SSLContext:
    """A server's side of TLS."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca = trustme.CA() if certificate is Certificate.SELF_SIGNED else authority()
    name = "another.example" if certificate is Certificate.WRONG_HOST else host
    over = datetime.now(UTC) - timedelta(days=1) if certificate is Certificate.EXPIRED else None
    ca.issue_cert(name, not_after=over).configure_cert(made)
    return made
