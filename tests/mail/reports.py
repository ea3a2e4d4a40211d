"""Reports in the shapes that mail servers give them; written by hand, addresses invented."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

ANNA = "anna@medellin.example"
#: Whom a report is sent back to, unless a test has another one.
BACK = "webinars+b17.aaaaaaaaaaaaaaaa@cities.example"
WHEN = "Tue, 25 May 2027 10:00:30 +0200"

ORIGINAL = (
    "From: Secretariat <webinars@cities.example>",
    f"To: {ANNA}",
    "Subject: Invitation",
    "Message-ID: <first.talks.invitation.0.1@cities.example>",
)


def head(back: str, *lines: str, sender: str = "MAILER-DAEMON@mx.example", when: str = WHEN) -> list[str]:
    return [f"From: Mail Delivery System <{sender}>", f"To: {back}", f"Date: {when}", *lines]


def mail(lines: list[str], body: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n" + body.replace("\n", "\r\n")).encode()


def several(lines: list[str], report: str, *parts: str) -> bytes:
    inside = "".join(f"--x1\n{part}\n" for part in parts)
    kind = f'Content-Type: multipart/report; report-type={report}; boundary="x1"'
    return mail([*lines, "Auto-Submitted: auto-replied", "MIME-Version: 1.0", kind], f"{inside}--x1--\n")


def block(*fields: str) -> str:
    return "\n".join(fields)


def standard(
    back: str = BACK,
    final: str = ANNA,
    status: str = "5.1.1",
    said: str = f"smtp; 550 5.1.1 <{ANNA}>: Recipient address rejected: User unknown",
    action: str = "failed",
    original: tuple[str, ...] = ORIGINAL,
    when: str = WHEN,
    more: tuple[str, ...] = (),
) -> bytes:
    """RFC 3464, as Postfix writes it."""
    fields = (
        f"Final-Recipient: rfc822; {final}",
        f"Original-Recipient: rfc822;{ANNA}",
        f"Action: {action}",
        f"Status: {status}",
        "Remote-MTA: dns; mx.medellin.example",
        f"Diagnostic-Code: {said}",
    )
    status_part = block("Reporting-MTA: dns; mx.example", "X-Postfix-Queue-ID: 4A1", "", *fields, "")
    return several(
        head(back, *more, when=when),
        "delivery-status",
        "Content-Type: text/plain; charset=us-ascii\n\nThis is the mail system at host mx.example.\n",
        f"Content-Type: message/delivery-status\n\n{status_part}",
        "Content-Type: message/rfc822\n\n" + "\n".join(original) + "\n\nWelcome.\n",
    )


def postfix(back: str = BACK) -> bytes:
    return standard(back)


def exchange(back: str = BACK) -> bytes:
    """Its text is a multipart of its own, and the address that it names has the original's letters."""
    status_part = block(
        "Reporting-MTA: dns;AM0.prod.outlook.example",
        "Received-From-MTA: dns;mx.example",
        "Arrival-Date: Tue, 25 May 2027 08:00:31 +0000",
        "",
        "Final-Recipient: rfc822;Anna@Medellin.example",
        "Action: failed",
        "Status: 5.1.10",
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP lookup",
    )
    inner = "--y1\nContent-Type: text/plain\n\nYour message couldn't be delivered.\n\n--y1--\n"
    return several(
        head(back, "X-MS-Exchange-Message-Is-Ndr:", sender="postmaster@medellin.example"),
        "delivery-status",
        f'Content-Type: multipart/alternative; boundary="y1"\n\n{inner}',
        f"Content-Type: message/delivery-status\n\n{status_part}\n",
        "Content-Type: text/rfc822-headers\n\n" + "\n".join(ORIGINAL) + "\n",
    )


def gmail(back: str = BACK) -> bytes:
    said = (
        "smtp; 550-5.1.1 The email account that you tried to reach does not exist.\n"
        " 550-5.1.1 Please try double-checking the recipient's email address.\n 550 5.1.1 NoSuchUser"
    )
    return standard(back, said=said, more=(f"X-Failed-Recipients: {ANNA}",))


def exim_of_today(back: str = BACK) -> bytes:
    """Its status says no more than "permanent"; the server's words say what."""
    return standard(back, status="5.0.0", said="smtp; 550 5.1.1 no such user here")


def encoded(back: str = BACK) -> bytes:
    """The fields in base64, which the standard forbids."""
    fields = (
        f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {ANNA}\nAction: failed\nStatus: 5.1.1\n"
    )
    part = b64encode(fields.encode()).decode()
    return several(
        head(back),
        "delivery-status",
        f"Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n{part}\n",
    )


def exim(back: str = BACK) -> bytes:
    text = f"""This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {ANNA}
    host mx.medellin.example [192.0.2.20]
    SMTP error from remote mail server after RCPT TO:<{ANNA}>:
    550 5.1.1 <{ANNA}>: user unknown

------ This is a copy of the message, including all the headers. ------

From: Secretariat <webinars@cities.example>
Subject: 451 4.2.2 is not what the server said
"""
    lines = head(back, f"X-Failed-Recipients: {ANNA}", "Auto-Submitted: auto-replied")
    return mail(lines, text)


def qmail(back: str = BACK) -> bytes:
    text = f"""Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{ANNA}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Return-Path: <{back}>
From: webinars@cities.example
"""
    return mail(head(back), text)


def international(back: str = BACK) -> bytes:
    """RFC 6533: other names of the parts."""
    octets = standard(back).replace(b"rfc822;", b"utf-8;")
    octets = octets.replace(b"message/delivery-status", b"message/global-delivery-status")
    return octets.replace(b"message/rfc822", b"message/global-headers")


def international_encoded(back: str = BACK) -> bytes:
    fields = f"Reporting-MTA: dns; mx\n\nFinal-Recipient: utf-8; {ANNA}\nAction: failed\nStatus: 5.1.1\n"
    parts = {"delivery-status": fields, "headers": "\n".join(ORIGINAL)}
    kind = "Content-Type: message/global-{}\nContent-Transfer-Encoding: base64\n\n{}\n"
    packed = [kind.format(name, b64encode(text.encode()).decode()) for name, text in parts.items()]
    return several(head(back), "delivery-status", *packed)


#: Every shape of one and the same thing: there is no such address.
SHAPES: dict[str, Callable[[str], bytes]] = {
    made.__name__: made
    for made in (
        *(postfix, exchange, gmail, exim_of_today, encoded, exim, qmail),
        *(international, international_encoded),
    )
}


def complaint(back: str = BACK, kind: str = "abuse") -> bytes:
    """RFC 5965: the report goes to the owner of our network; only what it encloses names the mail."""
    fields = block(
        f"Feedback-Type: {kind}",
        "User-Agent: SomeProvider/1.0",
        "Version: 1",
        f"Original-Mail-From: <{back}>",
        f"Original-Rcpt-To: <{ANNA}>",
    )
    return several(
        head("abuse@cities.example", sender="fbl@provider.example"),
        "feedback-report",
        "Content-Type: text/plain\n\nThis is an email abuse report.\n",
        f"Content-Type: message/feedback-report\n\n{fields}\n",
        "Content-Type: message/rfc822\n\n" + "\n".join(ORIGINAL) + "\n\nWelcome.\n",
    )


def on_leave(back: str = BACK) -> bytes:
    """It goes to the envelope's sender, and quotes what looks like a reply of a server."""
    lines = head(back, "Auto-Submitted: auto-replied", "Subject: Out of office", sender=ANNA)
    return mail(lines, "I am away until Monday. 550 5.1.1 User unknown (#5.1.1)\n")


def receipt(back: str = BACK) -> bytes:
    fields = f"Final-Recipient: rfc822; {ANNA}\nDisposition: automatic-action; displayed\n"
    part = f"Content-Type: message/disposition-notification\n\n{fields}"
    return several(head(back, sender=ANNA), "disposition-notification", part)
