"""One mail: made once for all who read it on the same clock, joined with each reader's own values.

multipart/mixed > (alternative: plain, html, calendar) + the same calendar as a file (rules 1 to 7).
Every part is base64: no relay can change its line ends.
"""

from __future__ import annotations

import html
from base64 import encodebytes
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from scheduler.mail import headers
from scheduler.mail.templates import Texts
from scheduler.model.network import Network
from scheduler.stencil import Stencil

#: No line of base64 begins like this.
_MIXED, _ALTERNATIVE = "=_mixed", "=_alternative"


@dataclass(frozen=True)
class Envelope:
    """What is personal in one message."""

    name: str
    address: str
    #: the city, as texts print it, and the address of its own feed
    city: str
    feed: str
    message_id: str
    date: datetime
    #: the pages on which the reader answers an invitation, and ends these mails
    answer: str = ""
    stop: str = ""
    #: Message-ID of the first mail about the same, so that clients put them together
    first: str = ""


@dataclass(frozen=True)
class Letter:
    """The texts of one mail with the places of one reader left open."""

    subject: Stencil
    plain: Stencil
    html: Stencil
    network: Network
    #: "REQUEST" or "CANCEL" where a calendar goes with it
    method: str | None
    #: duties are not stopped by a word
    can_be_stopped: bool

    @classmethod
    def of(cls, texts: Texts, network: Network, method: str | None, *, can_be_stopped: bool) -> Letter:
        return cls(
            Stencil.cut(texts.subject),
            Stencil.cut(texts.plain.replace("\n", "\r\n")),
            Stencil.cut(texts.html.replace("\n", "\r\n"), html.escape),
            network,
            method,
            can_be_stopped,
        )

    def addressed_to(self, envelope: Envelope, calendar: bytes | None) -> bytes:
        """The finished message, CRLF throughout. Raises MessageRefused rather than send a wrong header."""
        personal = {
            "city": envelope.city,
            "feed": envelope.feed,
            "answer": envelope.answer,
            "stop": envelope.stop,
        }
        content = "mixed" if calendar else "alternative"
        boundary = _MIXED if calendar else _ALTERNATIVE
        block = [
            *self._headers(envelope, personal),
            ("Content-Type", f'multipart/{content}; boundary="{boundary}"'),
        ]
        texts = [
            _part('text/plain; charset="utf-8"', self.plain.fill(personal).encode()),
            _part('text/html; charset="utf-8"', self.html.fill(personal).encode()),
        ]
        if calendar is None:
            return headers.head(block) + b"\r\n" + _joined(texts, _ALTERNATIVE)
        kind = f'text/calendar; charset="utf-8"; method={self.method}; component=VEVENT'
        alternative = _joined([*texts, _part(kind, calendar)], _ALTERNATIVE)
        inner = (
            f'Content-Type: multipart/alternative; boundary="{_ALTERNATIVE}"\r\n\r\n'.encode() + alternative
        )
        name = "cancellation.ics" if self.method == "CANCEL" else "invitation.ics"
        attached = _part(f'application/ics; name="{name}"', calendar, f'attachment; filename="{name}"')
        return headers.head(block) + b"\r\n" + _joined([inner, attached], _MIXED)

    def _headers(self, envelope: Envelope, personal: dict[str, str]) -> list[tuple[str, str]]:
        sender, domain = self.network.sender, self.network.uid_domain
        subject = self.subject.fill(personal)
        found = [
            ("From", headers.mailbox(sender.name, sender.address)),
            ("To", headers.mailbox(envelope.name, envelope.address)),
            ("Reply-To", f"<{self.network.reply_to}>"),
            ("Subject", headers.unstructured("Subject", subject)),
            ("Date", format_datetime(envelope.date)),
            ("Message-ID", envelope.message_id),
            ("MIME-Version", "1.0"),
            ("Auto-Submitted", "auto-generated"),
            ("List-Id", f"<{'webinars' if self.can_be_stopped else 'reports'}.{domain}>"),
        ]
        if envelope.first:
            found += [("In-Reply-To", envelope.first), ("References", envelope.first)]
        if self.can_be_stopped:
            by_mail = f"<mailto:{self.network.reply_to}?subject=stop>"
            ways = f"<{envelope.stop}>,\r\n {by_mail}" if envelope.stop else by_mail
            found.append(("List-Unsubscribe", ways))
            found += [("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")] if envelope.stop else []
        return found


def _part(content_type: str, content: bytes, disposition: str = "") -> bytes:
    lines = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    lines += [f"Content-Disposition: {disposition}"] if disposition else []
    head = "\r\n".join([*lines, "", ""]).encode()
    return head + encodebytes(content).replace(b"\n", b"\r\n")


def _joined(parts: list[bytes], boundary: str) -> bytes:
    opening, closing = f"--{boundary}\r\n".encode(), f"--{boundary}--\r\n".encode()
    return b"".join(opening + part for part in parts) + closing
