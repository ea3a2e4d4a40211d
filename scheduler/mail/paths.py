"""What stands between < and > on the wire: who a message goes to, and who hears when it cannot. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email

from scheduler.errors import MessageRefused, RelayAway
from scheduler.mail.post import NOT_ALLOWED, Outgoing

_NO_ADDRESS = "this is no address that can be written to"
_NO_SENDER = "the sender's address is no address that can be written to"
_LINE_ENDS = (
    "the message has a line end that is not CRLF; nothing was sent, for it could hide a second message"
)
#: All but CR and LF.
_OTHER_OCTETS = bytes(set(range(256)) - {10, 13})
#: No blank, no control, nothing that ends one path or begins another.
_PATH = re.compile(r'[^\s\x00-\x20\x7f<>()\[\]\\,;:@"]{1,64}@[A-Za-z0-9.-]{1,253}')


@dataclass(frozen=True, slots=True)
class Paths:
    """Both as they stand on the wire: a domain in other letters as its A-label."""

    sender: str
    recipient: str

    @classmethod
    def of(cls, message: Outgoing) -> Paths:
        """Raises MessageRefused for what is wrong with this message for good, whoever is asked, and RelayAway
        for a sender that no server can answer: it is of our own making, and of most messages the same."""
        if not _ends_lines_well(message.octets):
            raise MessageRefused(_LINE_ENDS)
        recipient = _on_the_wire(message.address)
        if recipient is None:
            raise MessageRefused(_NO_ADDRESS)
        if not _is_allowed(message, recipient):
            raise MessageRefused(NOT_ALLOWED)
        sender = _on_the_wire(message.envelope_sender)
        if sender is None:
            raise RelayAway(_NO_SENDER, needs_a_person=True)
        return cls(sender, recipient)

    @property
    def are_ascii(self) -> bool:
        return self.sender.isascii() and self.recipient.isascii()


def _on_the_wire(address: str) -> str | None:
    written = address
    if not address.isascii():
        try:
            found = validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            return None
        written = f"{found.local_part}@{found.ascii_domain}"
    return written if _PATH.fullmatch(written) else None


def _is_allowed(message: Outgoing, written: str) -> bool:
    """As staff wrote it, and as it leaves."""
    may_write_to = message.network.may_write_to
    return may_write_to(message.address) and (written == message.address or may_write_to(written))


def _ends_lines_well(octets: bytes) -> bool:
    """Each CR has its LF, and each LF its CR. Not by a pattern, which takes longer than all the rest of a
    transaction."""
    ends = octets.translate(None, _OTHER_OCTETS)
    return ends == b"\r\n" * (len(ends) // 2)
