"""The domain that mails come from: can it be answered, and does it say who sends its mail?

Large mailboxes refuse or hide what comes from a domain that does not. DKIM cannot be looked at from here: its
record has a name that only the mail server knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from scheduler.cli.checkup.files import Files
from scheduler.cli.checkup.finding import Finding, Findings, Level
from scheduler.cli.checkup.resolver import DnsAway
from scheduler.model.network import NO_BOUNCES

if TYPE_CHECKING:
    from scheduler.model.network import Network

#: Name and kind of record -> what the DNS says of it; None: there is no such name. Raises DnsAway.
Ask = Callable[[str, str], tuple[str, ...] | None]

_ABOUT = "sender"
#: Domains that are never anybody's (RFC 2606, RFC 6761).
_NOBODYS = (".example", ".example.com", ".example.org", ".example.net", ".test", ".invalid", ".localhost")
#: Of what strangers may have written so much is shown.
_SHOWN = 120


def of_sender(files: Files, mail_url: str, ask: Ask) -> Findings:
    """The domain of the From line, and that to which mail servers send back what they cannot deliver."""
    loaded = files.read()
    configuration = loaded.configuration or loaded.readable
    if configuration is None:
        what = "the domain of the sender is not known, for network.yaml cannot be read"
        yield Finding(Level.WARNING, _ABOUT, what, "see all with: scheduler check")
        return
    visible, envelope = _domains(configuration.network)
    if mail_url.startswith("maildir:"):
        yield Finding(Level.OK, _ABOUT, f"{visible}; as long as no mail leaves, nobody asks the DNS for it")
        return
    try:
        for domain in dict.fromkeys((visible, envelope)):
            yield from of_domain(domain, ask, is_visible=domain == visible, is_envelope=domain == envelope)
    except DnsAway as error:
        what = f"nobody answers what the DNS says of the sender's domain ({error})"
        yield Finding(Level.WARNING, _ABOUT, what, "look again where this machine reaches its DNS server")


def _domains(network: Network) -> tuple[str, str]:
    """Of the From line, and of the envelope."""
    visible = network.sender.address
    envelope = network.bounces if network.bounces not in ("", NO_BOUNCES) else visible
    return visible.rpartition("@")[2].lower(), envelope.rpartition("@")[2].lower()


def of_domain(domain: str, ask: Ask, *, is_visible: bool, is_envelope: bool) -> Findings:
    """Raises DnsAway. SPF is asked of the envelope's sender (RFC 7208), DMARC of the From line (RFC 7489)."""
    if f".{domain}".endswith(_NOBODYS):
        what = f"{domain} is an example, and mail servers refuse what comes from there"
        yield Finding(Level.WARNING, _ABOUT, what, "write your own address under sender in network.yaml")
        return
    reachable = _reachable(domain, ask)
    yield reachable
    if reachable.level is Level.PROBLEM:
        return
    if is_envelope:
        yield _spf(domain, ask)
    if is_visible:
        yield _dmarc(domain, ask)


def _reachable(domain: str, ask: Ask) -> Finding:
    """Whether answers and bounces find a mail server."""
    hosts = ask(domain, "MX")
    correct = "correct the sender's address in network.yaml, or let whoever keeps the domain mend it"
    if hosts is None:
        what = f"{domain} does not exist, and mail servers refuse what comes from there"
        return Finding(Level.PROBLEM, _ABOUT, what, correct)
    if hosts and not any(hosts):  # RFC 7505
        what = f"{domain} says that it takes no mail, so answers and bounces are lost"
        return Finding(Level.PROBLEM, _ABOUT, what, correct)
    if not hosts and not ask(domain, "A") and not ask(domain, "AAAA"):
        what = f"{domain} has no mail server, and mail servers refuse what comes from there"
        return Finding(Level.PROBLEM, _ABOUT, what, correct)
    where = ", ".join(sorted(map(_plain, hosts))) or "the host of that name"
    return Finding(Level.OK, _ABOUT, f"{domain} takes mail at {where}")


def _spf(domain: str, ask: Ask) -> Finding:
    found = [text for text in ask(domain, "TXT") or () if re.match(r"v=spf1( |$)", text, re.IGNORECASE)]
    publish = "let whoever keeps the domain publish one (TXT, v=spf1 ...) that names the mail server"
    if not found:
        return Finding(Level.WARNING, _ABOUT, f"{domain} has no SPF record: its mail looks forged", publish)
    if len(found) > 1:
        what = f"{domain} has {len(found)} SPF records, which count as none"
        return Finding(Level.WARNING, _ABOUT, what, "let whoever keeps the domain make one of them")
    if re.fullmatch(r"v=spf1 +-all *", found[0], re.IGNORECASE):
        what = f"{domain} says that nobody sends mail for it ({_plain(found[0])})"
        return Finding(Level.WARNING, _ABOUT, what, publish)
    return Finding(Level.OK, _ABOUT, f"SPF: {_plain(found[0])} (see that it names the mail server)")


def _dmarc(domain: str, ask: Ask) -> Finding:
    for name in _upwards(domain):
        texts = ask(f"_dmarc.{name}", "TXT") or ()
        found = [text for text in texts if re.match(r"v=DMARC1\s*(;|$)", text, re.IGNORECASE)]
        if found:
            policy = re.search(r";\s*p\s*=\s*(\w+)", found[0], re.IGNORECASE)
            return Finding(Level.OK, _ABOUT, f"DMARC of {name}: p={_plain(policy[1]) if policy else 'none'}")
    what = f"{domain} has no DMARC record, and large mailboxes ask for one of whoever writes to many"
    do = f"let whoever keeps the domain publish at least _dmarc.{domain}: v=DMARC1; p=none"
    return Finding(Level.WARNING, _ABOUT, what, do)


def _upwards(domain: str) -> Iterator[str]:
    """The domain and those above it, but not the top: a record there counts for all below."""
    labels = domain.split(".")
    yield from (".".join(labels[first:]) for first in range(max(1, len(labels) - 1)))


def _plain(text: str) -> str:
    """What strangers wrote, for a terminal."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:_SHOWN]
