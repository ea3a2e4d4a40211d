"""One mail: made once for all who read it on the same clock, joined with each reader's own values.

multipart/mixed > (alternative: plain, html, calendar) + the same calendar as a file (rules 1 to 7).
Every part is base64: no relay can change its line ends.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import cached_property, lru_cache
from itertools import chain

from scheduler.mail import headers
from scheduler.mail.encoded_stencil import EncodedStencil
from scheduler.mail.templates import Texts
from scheduler.mail.transfer import in_base64
from scheduler.model.network import Network
from scheduler.stencil import Stencil, mark

#: No line of base64 begins like this.
_MIXED, _ALTERNATIVE = "=_mixed", "=_alternative"
_MIXED_CONTENT = f'multipart/mixed; boundary="{_MIXED}"'
_ALTERNATIVE_CONTENT = f'multipart/alternative; boundary="{_ALTERNATIVE}"'


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
    #: where the city submits its report: its own code stands in it, so that no trace may show it
    submit: str = field(default="", repr=False)
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
            "submit": envelope.submit,
        }
        parts = [self._plain.fill(personal), self._html.fill(personal)]
        if calendar:
            parts += [in_base64(calendar)] * 2
        head = self._head(bool(calendar), bool(envelope.first), bool(envelope.stop)).fill(
            {
                "to": headers.mailbox(envelope.name, envelope.address),
                "subject": headers.unstructured("Subject", self.subject.fill(personal)),
                "date": _date(envelope.date),
                "id": envelope.message_id,
                "first": envelope.first,
                "stop": envelope.stop,
            }
        )
        frame = _frame(self.method if calendar else None)
        return b"".join([head, *chain.from_iterable(zip(frame, parts, strict=False)), frame[-1]])

    def _head(self, *has: bool) -> headers.Head:
        """has: a calendar, a first mail about the same, a page that ends these mails."""
        head = self._heads.get(has)
        if head is None:
            head = self._heads[has] = headers.Head.of(list(self._headers(*has)))
        return head

    def _headers(self, has_calendar: bool, has_first: bool, has_stop: bool) -> Iterator[tuple[str, str]]:
        network = self.network
        yield "From", headers.mailbox(network.sender.name, network.sender.address)
        yield "To", mark("to")
        yield "Reply-To", f"<{network.reply_to}>"
        yield "Subject", mark("subject")
        yield "Date", mark("date")
        yield "Message-ID", mark("id")
        yield "MIME-Version", "1.0"
        yield "Auto-Submitted", "auto-generated"
        yield "List-Id", f"<{'webinars' if self.can_be_stopped else 'reports'}.{network.uid_domain}>"
        if has_first:
            yield "In-Reply-To", mark("first")
            yield "References", mark("first")
        if self.can_be_stopped:
            by_mail = f"<mailto:{network.reply_to}?subject=stop>"
            yield "List-Unsubscribe", f"<{mark('stop')}>,\r\n {by_mail}" if has_stop else by_mail
        if self.can_be_stopped and has_stop:
            yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
        yield "Content-Type", _MIXED_CONTENT if has_calendar else _ALTERNATIVE_CONTENT

    @cached_property
    def _heads(self) -> dict[tuple[bool, ...], headers.Head]:
        return {}

    @cached_property
    def _plain(self) -> EncodedStencil:
        return EncodedStencil.of(self.plain)

    @cached_property
    def _html(self) -> EncodedStencil:
        return EncodedStencil.of(self.html)


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    """Rows that were written at once have one."""
    return format_datetime(moment)


@lru_cache(maxsize=3)
def _frame(method: str | None) -> tuple[bytes, ...]:
    """What stands before, between and after the parts.

    method: of the calendar; None: there is none.
    """
    opening = f"--{_ALTERNATIVE}\r\n"
    plain, html = (_part(f'text/{kind}; charset="utf-8"') for kind in ("plain", "html"))
    frame = ["\r\n" + opening + plain, opening + html, f"--{_ALTERNATIVE}--\r\n"]
    if method:
        name = "cancellation.ics" if method == "CANCEL" else "invitation.ics"
        file = _part(f'application/ics; name="{name}"', f'attachment; filename="{name}"')
        calendar = _part(f'text/calendar; charset="utf-8"; method={method}; component=VEVENT')
        frame[0] = f"\r\n--{_MIXED}\r\nContent-Type: {_ALTERNATIVE_CONTENT}\r\n{frame[0]}"
        frame[2:] = [opening + calendar, f"{frame[2]}--{_MIXED}\r\n{file}", f"--{_MIXED}--\r\n"]
    return tuple(part.encode() for part in frame)


def _part(content_type: str, disposition: str = "") -> str:
    lines = [f"Content-Type: {content_type}", "Content-Transfer-Encoding: base64"]
    lines += [f"Content-Disposition: {disposition}"] if disposition else []
    return "\r\n".join([*lines, "", ""])
