"""Reports of mail servers: what could not be delivered, and who complained. Pure.

- RFC 3464 (multipart/report with message/delivery-status): Postfix, Exchange, Gmail, newer Exim.
- RFC 6533: the same for addresses and mails in UTF-8, under other names.
- Exim without such parts: a text, with X-Failed-Recipients in its header.
- QSBMF, qmail's format (https://cr.yp.to/proto/qsbmf.txt): a text that begins with "Hi. This is".
- RFC 5965 (ARF, message/feedback-report): somebody marked a mail as spam.

Everything in it is hostile. What is certain is kept; what is not is left empty, and nothing is guessed: the
words of a text decide nothing but by a status code (RFC 3463) in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string
from email.message import Message
from email.utils import parsedate_to_datetime
from enum import StrEnum

from scheduler.errors import NoReport, ReportRefused
from scheduler.incoming import Bounds
from scheduler.mail.replies import one_line

#: Octets of a report with the mail that came back in it; ours have 30,000.
LARGEST = 2_000_000
_BOUNDS = Bounds("report", LARGEST, lines=40_000, boundaries=24)
#: Parts, and recipients: more of them are made to cost time.
_MOST_PARTS, _MOST_RECIPIENTS = 24, 20
#: Characters of a text in which words of a server are looked for.
_LONGEST_TEXT = 20_000

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: The kinds of parts, of RFC 3464 and 8098, and of RFC 6533.
_STATUSES = ("message/delivery-status", "message/global-delivery-status")
_RECEIPTS = ("message/disposition-notification", "message/global-disposition-notification")
#: Parts with the mail that came back, or its head.
_COPIES = (
    *("message/rfc822", "message/rfc822-headers", "text/rfc822-headers"),
    *("message/global", "message/global-headers"),
)

#: Header fields that may hold the address to which a report was sent back.
_RETURNED_TO = (
    *("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Forwarded-To"),
    *("X-Delivered-To", "X-RCPT-To", "Apparently-To", "Resent-To", "Cc"),
)
#: Fields of the mail that came back, or of a complaint, that name its envelope's sender.
_SENT_FROM = ("Return-Path", "X-Return-Path", "Original-Mail-From", "X-Original-Mail-From", "Envelope-From")

#: RFC 3463: class, subject, detail; not a part of an IP address or of a version.
_STATUS = r"[245]\.\d{1,3}\.\d{1,3}"
_STATUS_FIELD = re.compile(rf"\s*(?P<status>{_STATUS})(?![\d.])")
#: Behind a reply code, or marked with # as qmail does.
_IN_WORDS = re.compile(
    rf"(?<![\d.#])[245]\d\d[ -]#?(?P<coded>{_STATUS})(?![\d.])|#(?P<marked>{_STATUS})(?![\d.])"
)
#: Says nothing but permanent, temporary or done.
_EMPTY_STATUS = re.compile(r"[245]\.0\.0")
#: A sign of an address in UTF-8 where the mail has none (RFC 6533, section 3).
_WRITTEN_OUT = re.compile(r"\\x\{([0-9A-Fa-f]{1,5}|10[0-9A-Fa-f]{4})\}")
_ADDRESS = re.compile(r"[^@\s<>\"(),:;\\\[\]]{1,64}@[^@\s<>\"(),:;\\\[\]]{1,255}")

_QSBMF = re.compile(r"\s*Hi\. This is (?:the|an?) ", re.IGNORECASE)
_QSBMF_END = re.compile(r"^-", re.MULTILINE)
_QSBMF_RECIPIENT = re.compile(r"<(?P<address>[^<>\s]{1,320})>:\s*\n(?P<said>(?s:.*))")
#: Words in the line with which Exim's own text ends and the mail that came back begins.
_OF_THE_COPY = ("copy", "headers", "message")


class Action(StrEnum):
    """What became of a mail for one recipient (RFC 3464, section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True)
class Recipient:
    """What a report says of one recipient; addresses in small letters, empty where it does not say."""

    #: to whom it was delivered, or not; where mail is forwarded this is not the address that we wrote to
    final: str
    #: as the sender wrote it
    original: str
    action: Action
    #: RFC 3463; empty where there is none, or one that says nothing
    status: str
    #: the server's words, in one line
    said: str


@dataclass(frozen=True)
class Report:
    """One report. It proves nothing by itself: only a signed address in `texts` does."""

    is_complaint: bool
    #: header values that may hold the signed address
    texts: tuple[str, ...]
    #: in the order of the report; of a complaint none
    recipients: tuple[Recipient, ...]
    #: of the mail that came back, where it is there
    message_id: str
    #: when it was written, as it says; None where that cannot be read
    written_at: datetime | None

    def about(self, address: str) -> Recipient | None:
        """What it says of an address that we wrote to: by its name, else of the first who failed."""
        wanted = address.lower()
        for one in self.recipients:
            if wanted == one.final:
                return one
        failed = [one for one in self.recipients if one.action is Action.FAILED]
        return next(iter(failed or self.recipients), None)


def read_report(octets: bytes) -> Report:
    """Raises ReportRefused with one sentence for what is none, NoReport where that is nobody's mistake."""
    if why := _BOUNDS.why_not(octets):
        raise ReportRefused(why)
    try:
        return _read(octets)
    except ReportRefused:
        raise
    # the parser of mails raises anything for what was made to break it
    except Exception as error:
        raise ReportRefused("it cannot be read as a mail") from error


def _read(octets: bytes) -> Report:
    message = message_from_bytes(octets.removeprefix(_BYTE_ORDER_MARK))
    parts = list(_parts(message))
    kinds = {part.get_content_type(): part for part in reversed(parts)}
    if "message/feedback-report" in kinds:
        return _complaint(message, kinds["message/feedback-report"], parts)
    if status := [kinds[kind] for kind in _STATUSES if kind in kinds]:
        return _bounce(message, parts, _by_the_standard(status[0]))
    if any(kind in kinds for kind in _RECEIPTS):
        raise NoReport("it is a receipt of a reader, which says nothing of the address")
    text = _text(kinds["text/plain"]) if "text/plain" in kinds else ""
    recipients = _by_exim(message, text) or _by_qmail(text)
    if recipients:
        return _bounce(message, parts, recipients)
    # who writes a report is no person on leave, also where nobody can read it
    if "multipart/report" not in kinds and _is_automatic(message):
        raise NoReport("it is an automatic answer, such as of somebody on leave")
    raise ReportRefused("it is no report of a mail server that can be read; a person has to read it")


def _parts(message: Message) -> Iterator[Message]:
    """All parts, outer ones first; of the mail that came back its head alone."""
    waiting, seen = [message], 0
    while waiting and seen < _MOST_PARTS:
        part, seen = waiting.pop(0), seen + 1
        yield part
        is_open = part.get_content_maintype() == "multipart" and part.is_multipart()
        if is_open:
            waiting += part.get_payload()  # type: ignore[arg-type]


def _bounce(message: Message, parts: Sequence[Message], recipients: Iterable[Recipient]) -> Report:
    found = tuple(recipients)[:_MOST_RECIPIENTS]
    if not found:
        raise ReportRefused("it names nobody whom a mail did not reach; a person has to read it")
    return _report(message, parts, found)


def _complaint(message: Message, feedback: Message, parts: Sequence[Message]) -> Report:
    """RFC 5965. Only abuse, fraud and the like are complaints; some providers report good mail, too."""
    fields = _fields(feedback)
    kind = " ".join(str(fields[0]["Feedback-Type"] or "").split()).lower() if fields else ""
    if kind in ("not-spam", "virus", "auth-failure", "dmarc"):
        raise NoReport(f"it is feedback of the kind {kind}, which is no complaint of a reader")
    more = [str(value) for block in fields for name in _SENT_FROM for value in block.get_all(name, [])]
    return replace(_report(message, parts, (), more), is_complaint=True)


def _report(
    message: Message, parts: Sequence[Message], recipients: tuple[Recipient, ...], more: Iterable[str] = ()
) -> Report:
    original = _original(parts)
    texts = [str(value) for name in _RETURNED_TO for value in message.get_all(name, [])]
    texts += more
    if original is not None:
        texts += [str(value) for name in _SENT_FROM for value in original.get_all(name, [])]
    message_id = " ".join(str(original["Message-ID"] or "").split()) if original is not None else ""
    return Report(False, tuple(texts), recipients, message_id, _date(message))


def _original(parts: Sequence[Message]) -> Message | None:
    """The head of the mail that came back."""
    for part in parts[1:]:
        if part.get_content_type() in _COPIES:
            mails = _taken_apart(part)
            return mails[0] if mails and len(mails[0]) else message_from_bytes(_whole(part))
    return None


def _date(message: Message) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None


# RFC 3464


def _by_the_standard(status: Message) -> Iterator[Recipient]:
    """A block of fields for each recipient, behind one for the message."""
    for block in _fields(status):
        if block["Final-Recipient"] or block["Original-Recipient"]:
            yield _recipient(block)


def _fields(part: Message) -> list[Message]:
    """The blocks of fields in a part; some servers send them encoded, which RFC 3464 forbids."""
    text = _whole(part).decode("utf-8", "replace").replace("\r\n", "\n").lstrip("\n")
    return [message_from_string(block) for block in re.split(r"\n[ \t]*\n+", text) if block.strip()]


def _taken_apart(part: Message) -> list[Message]:
    """What the parser found in a part that is a mail to it: blocks of fields, or the head of a mail."""
    inner = part.get_payload()
    return [block for block in inner if isinstance(block, Message)] if isinstance(inner, list) else []


def _whole(part: Message) -> bytes:
    """The octets of a part, put together again and unpacked."""
    blocks = _taken_apart(part)
    if not blocks:
        return _octets(part)
    encoded = Message()
    encoded["Content-Transfer-Encoding"] = str(part["Content-Transfer-Encoding"] or "7bit")
    encoded.set_payload(b"".join(map(_written, blocks)).decode("ascii", "surrogateescape"))
    return _octets(encoded)


def _written(block: Message) -> bytes:
    """As it stood in the mail, but for the blanks behind a field's name."""
    fields = [f"{name}: {value}\n" for name, value in block.raw_items()]
    head = "".join([*fields, "\n"] if fields else []).encode("ascii", "surrogateescape")
    return head + _octets(block)


def _recipient(block: Message) -> Recipient:
    said = one_line(_typed(block["Diagnostic-Code"]))
    action = str(block["Action"] or "").partition("(")[0].strip().lower()
    status = _STATUS_FIELD.match(str(block["Status"] or ""))
    written = status["status"] if status else ""
    return Recipient(
        final=_address(block["Final-Recipient"]),
        original=_address(block["Original-Recipient"]),
        action=Action(action) if action in set(Action) else _action_of(written),
        status=_most_telling(written, said),
        said=said or one_line(str(block["Status"] or "")),
    )


def _action_of(status: str) -> Action:
    """Of a block without Action: what its status says, and nothing bad where it says nothing."""
    return {"5": Action.FAILED, "4": Action.DELAYED}.get(status[:1], Action.DELIVERED)


def _typed(value: object) -> str:
    """Of "smtp; 550 5.1.1 ..." what stands behind the type."""
    kind, found, words = str(value or "").partition(";")
    return words if found else kind


def _address(value: object) -> str:
    written = _WRITTEN_OUT.sub(lambda sign: chr(int(sign[1], 16)), _typed(value))
    found = _ADDRESS.search(written)
    return _in_ascii(found[0].lower()) if found else ""


def _in_ascii(address: str) -> str:
    """Its domain as we keep it, whose mails go there without SMTPUTF8."""
    name, _, domain = address.rpartition("@")
    try:
        return f"{name}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address


def _most_telling(status: str, said: str) -> str:
    """The status of the report; where it says no more than "5.0.0", the one in the server's words."""
    if status and not _EMPTY_STATUS.fullmatch(status):
        return status
    in_words = status_in(said)
    return in_words if not status or in_words[:1] == status[:1] else ""


def status_in(said: str) -> str:
    """The status code in a server's words; empty where there is none, or one that says nothing."""
    for found in _IN_WORDS.finditer(said[:_LONGEST_TEXT]):
        status = found["coded"] or found["marked"]
        if not _EMPTY_STATUS.fullmatch(status):
            return status
    return ""


# texts of servers


def _by_exim(message: Message, text: str) -> list[Recipient]:
    """A bounce without parts: its header names who failed, its text says why."""
    named = ",".join(str(value) for value in message.get_all("X-Failed-Recipients", []))[:_LONGEST_TEXT]
    addresses = [found[0].lower() for found in _ADDRESS.finditer(named)][:_MOST_RECIPIENTS]
    # of several the text would have to be cut up: who failed why is certain for one alone
    words = _before_the_copy(text) if len(addresses) == 1 else ""
    said = _behind(words, addresses[0]) if words else ""
    return [Recipient(one, "", Action.FAILED, status_in(said), one_line(said)) for one in addresses]


def _before_the_copy(text: str) -> str:
    lines: list[str] = []
    for line in text[:_LONGEST_TEXT].splitlines():
        if line.startswith("---") and any(word in line.lower() for word in _OF_THE_COPY):
            break
        lines.append(line)
    return "\n".join(lines)


def _behind(text: str, address: str) -> str:
    """What stands behind an address, or behind a name before the @; all of it where neither is there."""
    for name in (address, address.partition("@")[0]):
        at = text.lower().find(f" {name}\n")
        if at >= 0:
            return text[at + len(name) + 2 :]
    return text


def _by_qmail(text: str) -> list[Recipient]:
    """QSBMF: paragraphs, the first says so, each of the next begins with <address>: and has the reason."""
    text = text.replace("\r\n", "\n")[:_LONGEST_TEXT]
    if not _QSBMF.match(text):
        return []
    end = _QSBMF_END.search(text)
    paragraphs = re.split(r"\n[ \t]*\n+", text[: end.start() if end else None])
    found = filter(None, (_QSBMF_RECIPIENT.match(paragraph.strip()) for paragraph in paragraphs))
    return [
        Recipient(one["address"].lower(), "", Action.FAILED, status_in(one["said"]), one_line(one["said"]))
        for one in found
    ]


def _is_automatic(message: Message) -> bool:
    """RFC 3834, and what programs write that do not know it."""
    said = str(message["Auto-Submitted"] or "no").partition(";")[0].strip().lower()
    precedence = str(message["Precedence"] or "").strip().lower()
    others = ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress", "X-AutoReply-From")
    return said != "no" or precedence in ("auto_reply", "bulk", "junk") or any(map(message.get, others))


def _text(part: Message) -> str:
    return _octets(part).decode(part.get_content_charset() or "utf-8", "replace")


def _octets(part: Message) -> bytes:
    octets = part.get_payload(decode=True)
    return octets if isinstance(octets, bytes) else b""
