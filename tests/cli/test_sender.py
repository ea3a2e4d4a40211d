"""What `scheduler doctor` says of the domain that mails come from: the DNS is a table, once a real server."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest

from scheduler.cli.checkup.files import Files
from scheduler.cli.checkup.finding import Finding, Level
from scheduler.cli.checkup.resolver import DnsAway, Resolver
from scheduler.cli.checkup.sender import of_domain, of_sender
from tests.cast import CONFIG

DOMAIN = "cities.unesco.org"
#: (name, kind) -> records; a name without any does not exist.
Zone = Mapping[tuple[str, str], tuple[str, ...]]
WELL: Zone = {
    (DOMAIN, "MX"): ("mx1.unesco.org",),
    (DOMAIN, "TXT"): ("google-site-verification=1", "v=spf1 include:relay.example -all"),
    ("_dmarc.unesco.org", "TXT"): ("v=DMARC1; p=reject; rua=mailto:x@unesco.org",),
}


def without(*keys: tuple[str, str], **more: tuple[str, ...]) -> Zone:
    """All is well but this; more: records of the domain instead, by their kind."""
    left = {key: records for key, records in WELL.items() if key not in keys}
    return {**left, **{(DOMAIN, kind): records for kind, records in more.items()}}


def found(zone: Zone, domain: str = DOMAIN) -> list[Finding]:
    names = {name for name, _ in zone}

    def ask(name: str, kind: str) -> tuple[str, ...] | None:
        return zone.get((name, kind), () if name in names else None)

    return list(of_domain(domain, ask, is_visible=True, is_envelope=True))


def ill(zone: Zone) -> list[tuple[Level, str]]:
    return [(one.level, one.what) for one in found(zone) if one.level is not Level.OK]


def test_a_domain_that_says_all_is_well() -> None:
    """The policy of the domain above counts."""
    assert list(map(str, found(WELL))) == [
        "ok       sender        cities.unesco.org takes mail at mx1.unesco.org",
        "ok       sender        SPF: v=spf1 include:relay.example -all (see that it names the mail server)",
        "ok       sender        DMARC of unesco.org: p=reject",
    ]


@pytest.mark.parametrize(
    ("zone", "level", "what"),
    [
        ({}, Level.PROBLEM, "does not exist"),
        (without((DOMAIN, "MX")), Level.PROBLEM, "has no mail server"),
        (without(MX=("",)), Level.PROBLEM, "says that it takes no mail"),
        (without(TXT=()), Level.WARNING, "has no SPF record"),
        (without(TXT=("v=spf10 a",)), Level.WARNING, "has no SPF record"),
        (without(TXT=("v=spf1 a", "v=spf1 mx")), Level.WARNING, "has 2 SPF records, which count as none"),
        (without(TXT=("v=spf1 -all",)), Level.WARNING, "nobody sends mail for it"),
        (without(("_dmarc.unesco.org", "TXT")), Level.WARNING, "has no DMARC record"),
    ],
)
def test_what_a_domain_lacks_is_said(zone: Zone, level: Level, what: str) -> None:
    ((seen, said),) = ill(zone)

    assert seen is level
    assert what in said


def test_a_host_without_a_mail_server_takes_mail_itself() -> None:
    """RFC 5321, section 5.1."""
    assert ill(without((DOMAIN, "MX"), A=("192.0.2.1",))) == []


def test_what_strangers_published_cannot_steer_the_terminal() -> None:
    (said,) = (
        one.what for one in found(without(TXT=("v=spf1 \x1b[2J\u202e" + "x" * 1000,))) if "SPF" in one.what
    )

    assert said.isprintable()
    assert len(said) < 200


def test_an_example_is_asked_of_nobody() -> None:
    def ask(name: str, kind: str) -> None:
        raise AssertionError((name, kind))

    (finding,) = of_sender(Files(CONFIG), "smtp://relay.unesco.org", ask)

    assert (finding.level, finding.do) == (
        Level.WARNING,
        "write your own address under sender in network.yaml",
    )


def test_into_a_mailbox_nobody_asks_for_the_domain() -> None:
    (finding,) = of_sender(Files(CONFIG), "maildir:var", lambda *_: pytest.fail("asked"))

    assert finding.level is Level.OK


def test_a_machine_that_is_offline_is_a_warning(tmp_path: Path) -> None:
    """Nobody waits for a network that is not there."""
    network = shutil.copytree(CONFIG, tmp_path / "config") / "network.yaml"
    network.write_text(network.read_text("utf-8").replace("learning-cities.example", DOMAIN), "utf-8")
    nobody = dns.resolver.Resolver(configure=False)
    nobody.nameservers, nobody.port = ["127.0.0.1"], 9  # discard

    (finding,) = of_sender(Files(tmp_path / "config"), "smtp://relay", Resolver(0.05, nobody).ask)

    assert finding.level is Level.WARNING
    assert finding.what.startswith("nobody answers what the DNS says of the sender's domain (")


class Server(asyncio.DatagramProtocol):
    """Answers from a zone, as a server does."""

    zone: Mapping[str, str]
    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        if f"{name} {kind}" in self.zone:
            answer.answer.append(
                dns.rrset.from_text(question.name, 60, "IN", kind, self.zone[f"{name} {kind}"])
            )
        elif not any(known.startswith(f"{name} ") for known in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(answer.to_wire(), addr)


@asynccontextmanager
async def a_server(zone: Mapping[str, str]) -> AsyncIterator[Resolver]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, ("127.0.0.1", 0))
    server.zone = zone
    servers = dns.resolver.Resolver(configure=False)
    servers.nameservers, servers.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
    yield Resolver(5, servers)
    transport.close()


async def test_a_real_server_is_understood() -> None:
    zone = {
        "cities.unesco.org MX": "10 mx1.unesco.org.",
        "cities.unesco.org TXT": '"v=spf1 include:" "relay.example -all"',
        "xn--stdte-hra.unesco.org MX": "0 .",
    }
    async with a_server(zone) as resolver:
        said = [
            await asyncio.to_thread(resolver.ask, *asked)
            for asked in (
                (DOMAIN, "MX"),
                (DOMAIN, "TXT"),
                (DOMAIN, "A"),
                ("städte.unesco.org", "MX"),
                ("no.org", "A"),
            )
        ]

    assert said == [("mx1.unesco.org",), ("v=spf1 include:relay.example -all",), (), ("",), None]


def test_a_name_that_is_none_is_no_traceback() -> None:
    with pytest.raises(DnsAway):
        Resolver().ask("x" * 70 + ".org", "MX")
