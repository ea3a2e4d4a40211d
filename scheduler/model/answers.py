"""What a contact says to an invitation."""

from __future__ import annotations

from enum import StrEnum


class Answer(StrEnum):
    """As PARTSTAT says it in small letters (RFC 5545, section 3.2.12)."""

    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"
