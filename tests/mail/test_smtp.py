"""Mail over SMTP against real servers in the process: each row of reliability-rules.md, table 3.3."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter, deque
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random

import pytest
import trustme
import uvloop

from scheduler.errors import MailUrlRefused, RelayAway
from scheduler.mail.line import Patience
from scheduler.mail.pace import Pace
from scheduler.mail.post import Belt, Fate, Handful, Outcome, Outgoing, hand_over
from scheduler.mail.relay_address import RelayAddress, Tls, spoken_name
from scheduler.mail.replies import Phase, judge
from scheduler.mail.smtp import Relay
from tests.mail.desk import NETWORK, NOW
from tests.mail.relay import (
    AND_CUT,
    CUT,
    CUT_INSIDE,
    HANG,
    TAKEN_CUT,
    TAKEN_HANG,
    RecordingRelay,
    a_raw_relay,
    a_relay,
    certified,
    greets_with,
    listens,
    never_ends,
    replies_with,
    trusting,
)

MELTON, CORK = "learningcity@melton.example", "mayor@cork.example"
#: Long enough for this machine, short enough for a server that never answers.
SHORT = Patience(connect=0.2, command=0.2, quit=0.1)
KEY = "s3cret/wörd"


def mail(number: int = 1, address: str = MELTON, text: bytes = b"Hello\r\n") -> Outgoing:
    message_id = f"<{number}@learning-cities.example>"
    octets = f"Message-ID: {message_id}\r\n\r\n".encode() + text
    return Outgoing(number, message_id, address, octets, NETWORK, NOW)


def mails(count: int) -> list[Outgoing]:
    return [mail(number) for number in range(1, count + 1)]


def client(
    server: RecordingRelay, *, tls: Tls = Tls.NONE, log_in: str = "", trust: bool = True, **options: object
) -> Relay:
    address = RelayAddress(server.host, server.port, "scheduler" if log_in else "", log_in, tls)
    context = trusting() if tls is not Tls.NONE and trust else None
    return Relay(address, tls_context=context, **options)  # type: ignore[arg-type]


@pytest.fixture(params=[(), ("PIPELINING",)], ids=["step by step", "in one go"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RecordingRelay]:
    """What it says means the same, however we say it."""
    async with a_relay(offers=request.param) as relay:
        yield relay


async def post(relay: Relay, *messages: Outgoing) -> list[Outcome]:
    """The outcomes in the order of the messages; then all is closed."""
    try:
        return sorted(await hand_over(relay, messages), key=lambda outcome: outcome.id)
    finally:
        await relay.close()


@dataclass
class CalledBack(Handful):
    """A belt on which somebody calls messages back."""

    called_back: Collection[int] = ()
    #: so often all may begin, then none
    asks: int = 1000
    error: Exception | None = None

    def may_begin(self, message: Outgoing) -> bool:
        if self.error:
            raise self.error
        self.asks -= 1
        return self.asks >= 0 and message.id not in self.called_back


@dataclass
class Waiting(CalledBack):
    """A belt that waits for more."""

    takers: int = 0
    _asked: asyncio.Event = field(default_factory=asyncio.Event)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self) -> Outgoing | None:
        self.takers += 1
        self._asked.set()
        try:
            while not self.waiting:
                self._more.clear()
                await self._more.wait()
            return self.waiting.popleft()
        finally:
            self.takers -= 1

    def put(self, message: Outgoing) -> None:
        self.waiting.append(message)
        self._more.set()

    async def asked(self) -> None:
        """Somebody wants a message."""
        await self._asked.wait()


async def worked(relay: Relay, belt: Belt) -> RelayAway | None:
    """Then all is closed."""
    try:
        return await relay.work(belt)
    finally:
        await relay.close()


async def one(relay: Relay, message: Outgoing | None = None) -> Outcome:
    (outcome,) = await post(relay, message or mail())
    return outcome


# what arrives


async def test_a_mail_arrives_byte_for_byte(server: RecordingRelay) -> None:
    text = (
        b".\r\n..\r\n.dots at the beginning\r\nand in the middle.\r\n\r\n.\r\n"
        + bytes(range(32, 127))
        + b"\r\n"
    )

    outcome = await one(client(server), mail(text=text))

    assert outcome == Outcome(1, Fate.SENT, "250 2.0.0 queued as 1", 250)
    (received,) = server.messages
    assert received.octets == mail(text=text).octets
    assert (received.sender, received.to) == (NETWORK.sender.address, MELTON)


async def test_a_mail_that_begins_with_a_dot_arrives_as_it_is(server: RecordingRelay) -> None:
    await one(client(server), replace(mail(), octets=b".X: 1\r\n\r\n."))

    assert server.messages[0].octets == b".X: 1\r\n\r\n.\r\n"


@pytest.mark.parametrize("text", [b"a\n.\nMAIL FROM:<x@x.example>\r\n", b"a\rb\r\n", b"a\n"])
async def test_a_line_end_that_could_hide_a_second_mail_never_leaves(
    server: RecordingRelay, text: bytes
) -> None:
    outcome = await one(client(server), mail(text=text))

    assert outcome.fate is Fate.NEVER
    assert server.connections == 0


async def test_each_mail_is_a_transaction_of_its_own(server: RecordingRelay) -> None:
    await post(client(server, connections=1), mail(1), mail(2, CORK))

    sender = NETWORK.sender.address
    assert server.commands == [
        *(f"MAIL {sender}", f"RCPT {MELTON}", "DATA", f"MAIL {sender}", f"RCPT {CORK}", "DATA", "QUIT")
    ]


async def test_what_is_called_back_is_not_begun(server: RecordingRelay) -> None:
    """P09."""
    belt = CalledBack(deque([*mails(3)]), called_back={1, 3})

    await worked(client(server, connections=1), belt)

    assert {outcome.id: outcome.fate for outcome in belt.outcomes} == {
        1: Fate.RECALLED,
        2: Fate.SENT,
        3: Fate.RECALLED,
    }
    assert [message.octets for message in server.messages] == [mail(2).octets]


async def test_what_is_called_back_while_the_server_is_slow_is_not_sent(server: RecordingRelay) -> None:
    """P09: it was good when DATA was said, but the 354 takes its time."""
    belt = CalledBack(deque([mail(1)]), asks=1)

    await worked(client(server, patience=Patience(look_again=-1)), belt)

    assert [outcome.fate for outcome in belt.outcomes] == [Fate.RECALLED]
    assert server.messages == []


async def test_an_address_outside_only_to_makes_no_connection(server: RecordingRelay) -> None:
    outcome = await one(client(server), mail(address="mayor@cork.ie"))

    said = "only_to in network.yaml does not allow this address"
    assert outcome == Outcome(1, Fate.NEVER, said)
    assert server.connections == 0


async def test_an_address_outside_only_to_holds_up_nobody_else(server: RecordingRelay) -> None:
    outcomes = await post(client(server), mail(1, "mayor@cork.ie"), mail(2))

    assert [outcome.fate for outcome in outcomes] == [Fate.NEVER, Fate.SENT]


@pytest.mark.parametrize(
    "address",
    [
        "a@melton.example>\r\nRCPT TO:<b@melton.example",
        "a@b@melton.example",
        "<a@melton.example>",
        '"a b"@melton.example',
        "a b@melton.example",
        "a\x00@melton.example",
        "melton.example",
        "@melton.example",
        "ä" * 80 + "@melton.example",
    ],
)
async def test_what_is_no_address_never_reaches_the_wire(server: RecordingRelay, address: str) -> None:
    outcome = await one(client(server), mail(address=address))

    assert outcome == Outcome(1, Fate.NEVER, "this is no address that can be written to")
    assert server.connections == 0


async def test_a_domain_in_other_letters_goes_as_its_a_label(server: RecordingRelay) -> None:
    await one(client(server), mail(address="stadt@münchen.example"))

    assert server.messages[0].to == "stadt@xn--mnchen-3ya.example"


async def test_a_name_in_other_letters_fails_with_a_reason_where_the_server_cannot(
    server: RecordingRelay,
) -> None:
    relay = client(server, connections=1)

    outcomes = await post(relay, mail(1, "bürgermeister@cork.example"), mail(2))

    assert [outcome.fate for outcome in outcomes] == [Fate.NEVER, Fate.SENT]
    assert "SMTPUTF8" in outcomes[0].said


async def test_a_name_in_other_letters_goes_where_the_server_can() -> None:
    async with a_relay(smtputf8=True) as server:
        outcome = await one(client(server), mail(address="bürgermeister@münchen.example"))

    assert outcome.fate is Fate.SENT
    assert server.messages[0].to == "bürgermeister@xn--mnchen-3ya.example"


# the envelope

BOUNCES = "bounces+1.5f2a@learning-cities.example"


async def test_bounces_go_where_the_mail_says(server: RecordingRelay) -> None:
    await post(client(server, connections=1), replace(mail(1), sender=BOUNCES), mail(2))

    assert [message.sender for message in server.messages] == [BOUNCES, NETWORK.sender.address]


@pytest.mark.parametrize(
    "sender", ["a@b.example>\r\nRCPT TO:<x@y.example", "a b@c.example", "a", "\ud800@b.example"]
)
async def test_a_sender_that_is_no_address_is_for_a_person(server: RecordingRelay, sender: str) -> None:
    outcomes = await post(client(server, connections=1), replace(mail(1), sender=sender), mail(2))

    assert {(outcome.fate, outcome.needs_a_person) for outcome in outcomes} == {(Fate.AWAY, True)}
    assert outcomes[0].said == "the sender's address is no address that can be written to"
    assert server.connections == 0


async def test_a_sender_that_the_server_has_no_letters_for_is_for_a_person(server: RecordingRelay) -> None:
    outcome = await one(client(server), replace(mail(), sender="bürgermeister@cork.example"))

    assert (outcome.fate, outcome.needs_a_person) == (Fate.AWAY, True)
    assert "the sender's address" in outcome.said
    assert "SMTPUTF8" in outcome.said


async def test_what_cannot_be_delivered_is_asked_for_where_the_server_offers_it() -> None:
    """RFC 3461."""
    heard: list[bytes] = []
    async with a_raw_relay(listens(heard, "PIPELINING", "DSN")) as server:
        await one(client(server), replace(mail(17), sender=BOUNCES))

    begin = f"MAIL FROM:<{BOUNCES}> RET=HDRS ENVID=17\r\nRCPT TO:<{MELTON}> NOTIFY=FAILURE,DELAY\r\nDATA\r\n"
    assert heard[1] == begin.encode()


async def test_a_name_in_other_letters_goes_with_eight_bits() -> None:
    """RFC 6531, section 3.6."""
    async with a_relay(smtputf8=True) as server:
        await post(client(server, connections=1), mail(1, "bürgermeister@cork.example"), mail(2))

    said = [command.split()[2:] for command in server.commands if command.startswith("MAIL")]
    assert said == [["SMTPUTF8", "BODY=8BITMIME"], []]


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://calendar.learning-cities.example", "calendar.learning-cities.example"),
        ("http://127.0.0.1:8000/cities", "[127.0.0.1]"),
        ("https://[2001:db8::1]:8443", "[IPv6:2001:db8::1]"),
        ("https://kalender.münchen.example", "kalender.xn--mnchen-3ya.example"),
        ("https://" + "x" * 64 + ".example", ""),
        ("https://a..example", ""),
        ("https://a!.example", ""),
    ],
)
def test_we_are_called_as_the_world_reaches_us(base_url: str, name: str) -> None:
    assert spoken_name(base_url) == name


async def test_the_server_is_told_who_we_are() -> None:
    heard: list[bytes] = []
    async with a_raw_relay(listens(heard)) as server:
        await one(client(server, name="[127.0.0.1]"))
        await one(client(server))

    hellos = [octets for octets in heard if octets.startswith(b"EHLO")]
    assert hellos == [b"EHLO [127.0.0.1]\r\n", f"EHLO {NETWORK.uid_domain}\r\n".encode()]


# several steps in one go

ENDED = b"\r\n.\r\n"


async def test_the_steps_are_said_in_one_go_where_the_server_offers_it() -> None:
    """RFC 2920."""
    heard: list[bytes] = []
    async with a_raw_relay(listens(heard, "PIPELINING")) as server:
        await one(client(server))

    begin = f"MAIL FROM:<{NETWORK.sender.address}>\r\nRCPT TO:<{MELTON}>\r\nDATA\r\n".encode()
    assert heard[1:] == [begin, mail().octets + b".\r\n", b"QUIT\r\n"]


async def test_they_are_said_one_by_one_where_it_does_not() -> None:
    heard: list[bytes] = []
    async with a_raw_relay(listens(heard)) as server:
        await one(client(server))

    assert [octets[:4] for octets in heard] == [b"EHLO", b"MAIL", b"RCPT", b"DATA", b"Mess", b"QUIT"]


async def test_a_message_for_nobody_ends_with_a_dot() -> None:
    """RFC 2920, section 3.1: the recipient was refused, and DATA was not."""
    heard: list[bytes] = []
    manners = {"RCPT": "550 5.1.1 no such user", "DOT": "554 5.5.1 no valid recipients"}
    async with a_raw_relay(listens(heard, "PIPELINING", **manners)) as server:
        outcomes = await post(client(server, connections=1), *mails(2))

    assert [(outcome.fate, outcome.code) for outcome in outcomes] == [(Fate.NEVER, 550)] * 2
    assert [octets[:4] for octets in heard[1:]] == [b"MAIL", b".\r\n", b"MAIL", b".\r\n", b"QUIT"]
    assert server.connections == 1


async def test_an_empty_message_is_never_delivered() -> None:
    """The sender was refused, but the recipient and DATA were not: here a dot would hand over nothing."""
    heard: list[bytes] = []
    async with a_raw_relay(listens(heard, "PIPELINING", MAIL="452 4.3.1 disk full")) as server:
        outcomes = await post(client(server, connections=1), *mails(2))

    assert [(outcome.fate, outcome.code) for outcome in outcomes] == [(Fate.LATER, 452)] * 2
    assert [octets[:4] for octets in heard] == [b"EHLO", b"MAIL", b"EHLO", b"MAIL"]


@pytest.mark.parametrize("offer", ["PIPELINING", "HELP"])
async def test_a_reply_that_comes_before_the_message_is_none_to_it(offer: str) -> None:
    heard: list[bytes] = []
    async with a_raw_relay(listens(heard, offer, DATA="354 go on\r\n250 taken")) as server:
        outcome = await one(client(server))

    assert (outcome.fate, outcome.is_uncertain) == (Fate.AWAY, False)
    assert not any(ENDED in octets for octets in heard)


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ((b"450 4.2.0 wait\r\n",), "450 4.2.0 wait"),
        ((b"250 ok\r\n", b"550 5.1.1 no\r\n"), "550 5.1.1 no"),
        ((b"250 ok\r\n", b"250 ok\r\n", b"451 4.3.0 no\r\n"), "451 4.3.0 no"),
    ],
)
async def test_a_reply_counts_though_the_line_breaks_behind_it(replies: tuple[bytes, ...], said: str) -> None:
    begin = (b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n", b"".join(replies))
    async with a_raw_relay(replies_with(*begin, ends=True)) as server:
        outcome = await one(client(server))

    assert (outcome.said, outcome.is_uncertain) == (said, False)


# what a reply means

SENDER_REFUSED = "550 5.7.1 not your sender"


@pytest.mark.parametrize(
    ("phase", "reply", "fate"),
    [
        ("RCPT", "450 4.2.1 mailbox busy", Fate.LATER),
        ("RCPT", "550 5.1.1 no such user", Fate.NEVER),
        ("RCPT", "421 4.3.2 going down", Fate.LATER),
        ("RCPT", "451 4.7.1 slow down", Fate.LATER),
        ("RCPT", "451 4.3.0 local error", Fate.LATER),
        ("MAIL", "421 4.3.2 going down", Fate.AWAY),
        ("MAIL", "451 4.7.1 slow down", Fate.AWAY),
        ("MAIL", "454 slow down", Fate.AWAY),
        ("MAIL", "421 4.7.0 too many messages", Fate.AWAY),
        ("MAIL", "454 4.7.0 throttled", Fate.AWAY),
        ("MAIL", "452 4.3.1 disk full", Fate.LATER),
        ("MAIL", SENDER_REFUSED, Fate.AWAY),
        ("DATA", "451 4.3.0 not now", Fate.LATER),
        ("DATA", "554 5.5.1 no valid recipients", Fate.NEVER),
        ("DATA", "250 what", Fate.AWAY),
        ("CONTENT", "452 4.3.1 disk full", Fate.LATER),
        ("CONTENT", "451 4.7.0 slow down", Fate.LATER),
        ("CONTENT", "454 slow down", Fate.LATER),
        ("CONTENT", "421 4.3.2 going down", Fate.LATER),
        ("CONTENT", "554 5.7.1 spam", Fate.NEVER),
        ("RCPT", "530 5.7.0 log in first", Fate.AWAY),
    ],
)
async def test_each_reply_has_its_fate(server: RecordingRelay, phase: str, reply: str, fate: Fate) -> None:
    server.answers(phase, reply)

    outcome = await one(client(server))

    assert (outcome.fate, outcome.is_uncertain) == (fate, False)
    assert reply in outcome.said
    assert not server.messages


async def test_a_refused_sender_is_for_a_person(server: RecordingRelay) -> None:
    server.answers("MAIL", SENDER_REFUSED)

    outcome = await one(client(server))

    assert outcome == Outcome(1, Fate.AWAY, SENDER_REFUSED, 550, needs_a_person=True)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("code", [-1, -12, 0, 25, 100, 199, 300, 399, 600, 999])
def test_what_is_no_reply_is_never_permanent(phase: Phase, code: int) -> None:
    outcome = judge(1, phase, code, "what")

    assert outcome.fate is (Fate.LATER if phase is Phase.CONTENT else Fate.AWAY)
    assert outcome.is_uncertain == (phase is Phase.CONTENT)


@pytest.mark.parametrize(
    ("phase", "behaviour"), [("MAIL", CUT), ("RCPT", CUT), ("DATA", CUT), ("DATA", HANG)]
)
async def test_a_line_that_breaks_before_the_message_was_begun_is_certain(
    server: RecordingRelay, phase: str, behaviour: str
) -> None:
    server.answers(phase, behaviour)

    outcome = await one(client(server, patience=SHORT))

    assert (outcome.fate, outcome.is_uncertain, outcome.code) == (Fate.AWAY, False, None)


@pytest.mark.parametrize(
    ("phase", "behaviour", "taken"),
    [
        ("DATA", CUT_INSIDE, 0),
        ("CONTENT", CUT, 0),
        ("CONTENT", HANG, 0),
        ("CONTENT", TAKEN_CUT, 1),
        ("CONTENT", TAKEN_HANG, 1),
    ],
)
async def test_a_line_that_breaks_after_it_is_uncertain(
    server: RecordingRelay, phase: str, behaviour: str, taken: int
) -> None:
    server.answers(phase, behaviour)

    outcome = await one(client(server, patience=Patience(final_dot=0.3)))

    assert (outcome.fate, outcome.is_uncertain, outcome.code) == (Fate.LATER, True, None)
    assert len(server.messages) == taken


async def test_a_cut_line_does_not_hold_up_the_next_mail(server: RecordingRelay) -> None:
    server.answers("CONTENT", CUT)

    outcomes = await post(client(server, connections=1), *mails(3))

    assert [outcome.fate for outcome in outcomes] == [Fate.LATER, Fate.SENT, Fate.SENT]
    assert server.connections == 2


async def test_what_got_its_250_is_sent_whatever_comes_then(server: RecordingRelay) -> None:
    server.answers("CONTENT", "250 2.0.0 taken" + AND_CUT)

    outcomes = await post(client(server, connections=1), *mails(2))

    assert [outcome.fate for outcome in outcomes] == [Fate.SENT, Fate.SENT]
    assert len(server.messages) == 2


async def test_a_farewell_that_hangs_is_no_failure(server: RecordingRelay) -> None:
    server.answers("QUIT", HANG)

    assert (await one(client(server, patience=Patience(quit=0.1)))).fate is Fate.SENT


async def test_after_a_refused_recipient_the_line_is_clean(server: RecordingRelay) -> None:
    server.answers("RCPT", "550 5.1.1 no such user", to=CORK)

    outcomes = await post(client(server, connections=1), mail(1, CORK), mail(2), mail(3))

    assert [outcome.fate for outcome in outcomes] == [Fate.NEVER, Fate.SENT, Fate.SENT]
    assert (server.connections, server.commands.count("RSET")) == (1, 1)


async def test_a_refused_reset_costs_the_line_only(server: RecordingRelay) -> None:
    server.answers("RCPT", "450 4.2.0 wait", to=CORK)
    server.answers("RSET", "500 what")

    outcomes = await post(client(server, connections=1), mail(1, CORK), mail(2))

    assert [outcome.fate for outcome in outcomes] == [Fate.LATER, Fate.SENT]
    assert server.connections == 2


async def test_what_a_server_says_is_made_harmless(server: RecordingRelay) -> None:
    hostile = "550 \x1b[2Ja\tb\x00\x85\u2028\u202e\udcff" + "x" * 400
    server.answers("RCPT", hostile)

    outcome = await one(client(server))

    assert outcome.said == ("550 [2Ja b \ufffd" + "x" * 400)[:300]
    assert outcome.said.isprintable()


async def test_a_reply_of_many_lines_becomes_one(server: RecordingRelay) -> None:
    server.answers("RCPT", "550-5.1.1 no\r\n550 5.1.1 such user")

    assert (await one(client(server))).said == "550 5.1.1 no 5.1.1 such user"


async def test_an_error_nobody_thought_of_is_loud_without_the_address(server: RecordingRelay) -> None:
    belt = CalledBack(deque([mail(1)]), error=LookupError(MELTON))

    await worked(client(server), belt)

    assert belt.outcomes == [Outcome(1, Fate.LATER, "unexpected LookupError in the mail client")]


# connections


async def test_kept_connections_are_kept(server: RecordingRelay) -> None:
    relay = client(server, connections=1)

    await hand_over(relay, mails(5))
    await hand_over(relay, mails(5))
    await relay.close()

    assert (server.connections, len(server.messages)) == (1, 10)


async def test_mails_are_spread_over_the_connections(server: RecordingRelay) -> None:
    await post(client(server), *mails(40))

    assert (server.connections, server.most_at_once) == (4, 4)
    assert {message.connection for message in server.messages} == {1, 2, 3, 4}
    assert len({message.octets for message in server.messages}) == 40


@pytest.mark.parametrize("tls", list(Tls))
def test_it_is_the_same_on_the_loop_of_the_service(tls: Tls) -> None:
    """uvicorn brings uvloop, whose transports are of no class of asyncio's."""
    offered = {} if tls is Tls.NONE else {tls.value: certified()}

    async def deliver() -> list[Outcome]:
        async with a_relay(**offered) as server:  # type: ignore[arg-type]
            return await post(client(server, tls=tls), *mails(9))

    assert {outcome.fate for outcome in uvloop.run(deliver())} == {Fate.SENT}


async def test_one_mail_needs_one_connection(server: RecordingRelay) -> None:
    await one(client(server))

    assert server.connections == 1


async def test_a_connection_is_replaced_after_so_many_mails(server: RecordingRelay) -> None:
    await post(client(server, connections=1, messages_per_connection=4), *mails(10))

    assert [message.connection for message in server.messages] == [1] * 4 + [2] * 4 + [3] * 2
    assert server.commands.count("QUIT") == 3


async def test_a_kept_connection_that_was_closed_meanwhile_is_opened_again(server: RecordingRelay) -> None:
    relay = client(server)
    await hand_over(relay, mails(8))
    server.cut_all()

    outcomes = await post(relay, *mails(8))

    assert {outcome.fate for outcome in outcomes} == {Fate.SENT}
    assert len(server.messages) == 16


async def test_a_kept_connection_that_breaks_at_the_next_mail_is_opened_again(server: RecordingRelay) -> None:
    relay = client(server, connections=1)
    await hand_over(relay, [mail(1)])
    server.answers("MAIL", CUT)

    assert (await one(relay, mail(2))).fate is Fate.SENT
    assert server.connections == 2


async def test_a_new_connection_that_breaks_as_well_is_not_tried_again(server: RecordingRelay) -> None:
    relay = client(server, connections=1)
    await hand_over(relay, [mail(1)])
    server.answers("MAIL", CUT, CUT, CUT)

    assert (await one(relay, mail(2))).fate is Fate.AWAY
    assert server.connections == 2


async def test_a_connection_that_nobody_needs_is_closed_politely(server: RecordingRelay) -> None:
    relay = client(server, patience=Patience(idle=0.01))
    await hand_over(relay, mails(4))

    await server.until(lambda: server.commands.count("QUIT") == server.connections)

    assert {outcome.fate for outcome in await post(relay, *mails(4))} == {Fate.SENT}


async def test_a_server_that_hangs_up_for_want_of_mail_is_not_away(server: RecordingRelay) -> None:
    """It says so on a kept connection, before or after we say MAIL."""
    relay = client(server, connections=1, patience=Patience(rested=0))
    await hand_over(relay, [mail(1)])
    server.say_to_all("421 4.4.2 timeout exceeded")

    assert (await one(relay, mail(2))).fate is Fate.SENT
    assert server.connections == 2


async def test_close_may_come_before_anything_else(server: RecordingRelay) -> None:
    relay = client(server)

    await relay.close()
    await relay.close()

    assert (await one(relay)).fate is Fate.SENT


# a server that is away


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\xff\r\n",
        b"554 go away\r\n",
        b"421 later\r\n",
        b"x" * 40000,
    ],
)
async def test_a_greeting_that_is_none_means_away(octets: bytes) -> None:
    async with a_raw_relay(greets_with(octets)) as server:
        outcomes = await post(client(server, patience=SHORT), *mails(9))

    assert [outcome.fate for outcome in outcomes] == [Fate.AWAY] * 9
    assert not any(outcome.needs_a_person for outcome in outcomes)
    assert server.connections == 1


@pytest.mark.parametrize(
    "replies",
    [
        (b"220 hello\r\n", b"hello yourself\r\n"),
        (b"220 hello\r\n", b"500 what\r\n"),
        (b"220 hello\r\n", b"250 ok\r\n", b"ok\r\n"),
        (b"220 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"-99 ok\r\n"),
        (b"220 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"35\r\n"),
    ],
)
async def test_bytes_that_are_no_smtp_mean_away(replies: tuple[bytes, ...]) -> None:
    async with a_raw_relay(replies_with(*replies)) as server:
        outcome = await one(client(server))

    assert (outcome.fate, outcome.is_uncertain, outcome.needs_a_person) == (Fate.AWAY, False, False)


async def test_bytes_that_are_no_smtp_after_the_message_are_uncertain() -> None:
    """Were it AWAY, the same message would be sent to such a server without end."""
    ok = b"250 ok\r\n"
    async with a_raw_relay(replies_with(b"220 x\r\n", ok, ok, ok, b"354 x\r\n", b"thanks\r\n")) as server:
        outcome = await one(client(server))

    assert (outcome.fate, outcome.is_uncertain) == (Fate.LATER, True)


async def test_a_server_that_refuses_connections_is_away() -> None:
    async with a_raw_relay(greets_with(b"")) as gone:
        pass

    outcomes = await post(client(gone), *mails(3))

    assert [outcome.fate for outcome in outcomes] == [Fate.AWAY] * 3
    assert len({outcome.said for outcome in outcomes}) == 1


async def test_a_server_with_no_address_is_away() -> None:
    relay = Relay(RelayAddress("nobody.invalid", 587), patience=replace(SHORT, connect=5))

    assert (await one(relay)).fate is Fate.AWAY


async def test_when_the_server_goes_away_nothing_more_is_begun(server: RecordingRelay) -> None:
    server.answers("MAIL", "250 2.1.0 sender ok", "421 4.3.2 going down")

    outcomes = await post(client(server, connections=1), mail(1), mail(2), mail(3), mail(4))

    assert [outcome.fate for outcome in outcomes] == [Fate.SENT, Fate.AWAY, Fate.AWAY, Fate.AWAY]
    assert {(o.said, o.code) for o in outcomes[1:]} == {("421 4.3.2 going down", 421)}
    assert server.connections == 1


async def test_other_workers_end_what_they_have_begun(server: RecordingRelay) -> None:
    server.hold()
    server.answers("MAIL", "250 2.1.0 sender ok", "454 4.3.2 not now")
    going = asyncio.create_task(post(client(server, connections=2), mail(1), mail(2), mail(3)))
    await server.holds.wait()
    await server.until(lambda: sum(command.startswith("MAIL") for command in server.commands) == 2)
    server.let_go.set()

    assert sorted(outcome.fate for outcome in await going) == [Fate.AWAY, Fate.AWAY, Fate.SENT]


@pytest.mark.parametrize("reply", ["421 4.3.2 going down", CUT])
async def test_a_line_that_ends_while_another_one_goes_on_is_no_outage(
    server: RecordingRelay, reply: str
) -> None:
    """The message it was about to carry goes over another one, long before the slow 250 has come."""
    server.hold(to=CORK)
    relay = client(server, connections=2, patience=Patience(slow=0.01, rest=0.01))
    belt = Waiting(deque([mail(1, CORK)]))
    going = asyncio.create_task(worked(relay, belt))
    await server.holds.wait()
    server.answers("MAIL", reply)
    for message in mails(6)[1:]:
        belt.put(message)
    await server.until(lambda: len(server.messages) == 5)
    relay.drain()
    server.let_go.set()

    assert await going is None
    assert [outcome.fate for outcome in belt.outcomes] == [Fate.SENT] * 6


class PutsBehind(Waiting):
    """What comes back goes after all others."""

    def put_back(self, message: Outgoing) -> None:
        self.put(message)

    async def until_done(self, count: int) -> None:
        while len(self.outcomes) < count:
            self._changed.clear()
            await self._changed.wait()


async def test_a_message_that_costs_one_line_after_the_other_goes_up_the_ladder(
    server: RecordingRelay,
) -> None:
    server.hold(to=CORK)
    server.answers("RCPT", CUT, CUT, to=MELTON)
    relay = client(server, connections=1, patience=Patience(slow=0.01, rest=0.01))
    belt = PutsBehind(deque([mail(1, CORK)]))
    going = asyncio.create_task(worked(relay, belt))
    await server.holds.wait()
    for message in (mail(2), mail(3, "mayor@lahti.example")):
        belt.put(message)
    await belt.until_done(2)
    relay.drain()
    server.let_go.set()
    await going

    ends = [(outcome.id, outcome.fate) for outcome in belt.outcomes]
    assert ends == [(3, Fate.SENT), (2, Fate.LATER), (1, Fate.SENT)]


async def test_no_slow_250_keeps_it_secret_that_the_server_is_away(server: RecordingRelay) -> None:
    """What waits for it is done when it comes, while the next call is at work."""
    server.hold(to=CORK)
    relay = client(server, connections=1, patience=Patience(slow=0.01, rest=0.01, doubt=0.02))
    belt = Waiting(deque([mail(1, CORK)]))
    first = asyncio.create_task(relay.work(belt))
    await server.holds.wait()
    server.answers("MAIL", *["421 4.3.2 going down"] * 20)
    belt.put(mail(2))
    assert str(await first) == "421 4.3.2 going down"
    before = [(outcome.id, outcome.fate) for outcome in belt.outcomes]
    second = asyncio.create_task(worked(relay, belt))
    server.let_go.set()
    await server.until(lambda: len(server.messages) == 1)
    relay.drain()
    await second

    assert before == [(2, Fate.AWAY)]
    assert (belt.outcomes[-1].id, belt.outcomes[-1].fate) == (1, Fate.SENT)


async def test_slow_lines_of_an_earlier_call_count(server: RecordingRelay) -> None:
    server.hold(to=CORK)
    patience = Patience(slow=0.01, rest=0.01, doubt=0.02)
    relay = client(server, connections=1, connections_in_all=3, patience=patience)
    belt = Waiting(deque([mail(1, CORK)]))
    first = asyncio.create_task(relay.work(belt))
    await server.holds.wait()
    server.answers("MAIL", *["421 4.3.2 going down"] * 20)
    belt.put(mail(2))
    await first
    server.answered_as_usual()
    second = asyncio.create_task(worked(relay, belt))
    for number in range(3, 8):
        belt.put(mail(number, CORK))
    await server.until(lambda: server.held == 3)
    relay.drain()
    server.let_go.set()
    await second

    assert server.most_at_once <= 4  # the one that was refused may still say farewell
    assert Counter(outcome.fate for outcome in belt.outcomes) == {Fate.SENT: 3, Fate.AWAY: 1}


async def test_who_waits_for_a_new_line_takes_one_that_is_free() -> None:
    """The second connection is never greeted."""
    manners = deque([listens([])])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await (manners.popleft() if manners else greets_with(b""))(reader, writer)

    async with a_raw_relay(talk) as server:
        outcomes = await post(client(server, connections=2), *mails(12))

    assert {outcome.fate for outcome in outcomes} == {Fate.SENT}


async def test_an_error_of_our_own_loses_no_message(server: RecordingRelay) -> None:
    class Stumbles(Pace):
        def refused(self, number: int, now: float) -> bool:
            raise LookupError(number, now)

    server.answers("RCPT", "451 4.7.1 slow down")

    outcomes = await post(client(server, connections=1, pace=Stumbles()), *mails(2))

    assert outcomes[0] == Outcome(1, Fate.LATER, "unexpected LookupError in the mail client")
    assert outcomes[1].fate is Fate.SENT


async def test_one_recipient_that_is_put_off_holds_up_nobody_else(server: RecordingRelay) -> None:
    """Greylisting says 451 4.7.1; some servers say 421 for one recipient."""
    server.answers("RCPT", "451 4.7.1 greylisted", to=CORK)
    not_this_one = "421 4.7.0 not this one now"
    server.answers("RCPT", not_this_one, not_this_one, to="mayor@lahti.example")
    relay = client(server, connections=1, pace=Pace(rest=0.01, least=1000))

    outcomes = await post(relay, mail(1), mail(2, CORK), mail(3, "mayor@lahti.example"), mail(4))

    assert [outcome.fate for outcome in outcomes] == [Fate.SENT, Fate.LATER, Fate.LATER, Fate.SENT]


OK = b"250 ok\r\n"


@pytest.mark.parametrize(
    ("replies", "fate"),
    [
        ((b"220 x\r\n", OK), Fate.AWAY),
        ((b"220 x\r\n", OK, OK, OK), Fate.AWAY),
        ((b"220 x\r\n", OK, OK, OK, b"354 x\r\n"), Fate.LATER),
    ],
)
async def test_a_reply_must_be_whole_in_time(replies: tuple[bytes, ...], fate: Fate) -> None:
    """S06: a server that says an octet now and then is as silent as one that says nothing."""
    async with a_raw_relay(never_ends(*replies)) as server:
        outcome = await one(client(server, patience=replace(SHORT, final_dot=0.2)))

    assert (outcome.fate, outcome.said) == (fate, "no reply in time")
    assert outcome.is_uncertain == (fate is Fate.LATER)


async def test_a_greeting_must_be_whole_in_time() -> None:
    async with a_raw_relay(never_ends(b"220")) as server:
        outcome = await one(client(server, patience=SHORT))

    assert (outcome.fate, server.connections) == (Fate.AWAY, 1)


async def test_who_waits_for_a_message_does_not_hold_up_the_return(server: RecordingRelay) -> None:
    server.answers("MAIL", "421 4.3.2 going down")
    belt = Waiting(deque([mail(1)]))

    away = await worked(client(server), belt)

    assert str(away) == "421 4.3.2 going down"
    assert [outcome.fate for outcome in belt.outcomes] == [Fate.AWAY]
    assert belt.takers == 0


class AtTheLastMoment(Waiting):
    """Brings a message in the very moment in which the server is found away."""

    def done(self, outcome: Outcome) -> None:
        super().done(outcome)
        self.put(mail(2))


class DeafToCancelling(AtTheLastMoment):
    """Gives a message to somebody who has stopped waiting for it."""

    async def take(self) -> Outgoing | None:
        try:
            return await super().take()
        except asyncio.CancelledError:
            return self.waiting.popleft() if self.waiting else None


@pytest.mark.parametrize("belt", [AtTheLastMoment, DeafToCancelling])
async def test_a_message_that_comes_as_the_server_goes_is_not_lost(
    server: RecordingRelay, belt: type[Waiting]
) -> None:
    server.answers("MAIL", "421 4.3.2 going down")
    belting = belt(deque([mail(1)]))

    await worked(client(server), belting)

    assert [outcome.id for outcome in belting.outcomes] == [1]
    assert [message.id for message in belting.waiting] == [2]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_each_message_has_one_end(server: RecordingRelay, seed: int) -> None:
    """What was taken is done or put back, once; what was sent arrived; what arrived unsaid is uncertain."""
    chance = Random(seed)  # noqa: S311 - it must be possible to play it again
    said = ["250 ok"] * 8 + ["421 4.3.2 going down", "450 4.2.1 busy", "451 4.7.1 slow", "550 5.1.1 no", CUT]
    for phase in ("MAIL", "RCPT", "CONTENT"):
        server.answers(phase, *chance.choices(said, k=20))
    belt = Waiting(deque())
    pace, patience = Pace(rest=0.001, least=1000), Patience(slow=0.001, rest=0.001, doubt=0.002)
    relay = client(server, connections=chance.randint(1, 4), pace=pace, patience=patience)
    going = asyncio.create_task(worked(relay, belt))
    for message in mails(20):
        belt.put(message)
        for _ in range(chance.randint(0, 40)):
            await asyncio.sleep(0)
    relay.drain()
    await going

    ends = [outcome.id for outcome in belt.outcomes] + [message.id for message in belt.waiting]
    assert sorted(ends) == list(range(1, 21))
    arrived = Counter(received.octets for received in server.messages)
    sent = {mail(outcome.id).octets for outcome in belt.outcomes if outcome.fate is Fate.SENT}
    unsaid = {mail(outcome.id).octets for outcome in belt.outcomes if outcome.is_uncertain}
    assert sent <= arrived.keys() <= sent | unsaid
    assert set(arrived.values()) <= {1}


async def test_a_belt_that_breaks_is_heard_of(server: RecordingRelay) -> None:
    class Breaks(Handful):
        async def take(self) -> Outgoing | None:
            raise LookupError

    with pytest.raises(LookupError):
        await worked(client(server), Breaks(deque()))


async def test_a_belt_that_breaks_lets_mails_on_their_way_end(server: RecordingRelay) -> None:
    class BreaksThen(Handful):
        async def take(self) -> Outgoing | None:
            if self.waiting:
                return self.waiting.popleft()
            await server.holds.wait()
            server.let_go.set()
            raise LookupError

    server.hold()
    belt = BreaksThen(deque([mail(1)]))

    with pytest.raises(LookupError):
        await worked(client(server), belt)

    assert [outcome.fate for outcome in belt.outcomes] == [Fate.SENT]


# a server that is slow, or wants us to be


async def test_a_250_that_takes_long_delays_nobody_else(server: RecordingRelay) -> None:
    """S05."""
    server.hold(to=CORK)
    relay = client(server, connections=2, connections_in_all=5, patience=Patience(slow=0.02))
    slow, others = [mail(number, CORK) for number in (1, 2, 3)], [mail(number) for number in range(4, 10)]
    going = asyncio.create_task(post(relay, *slow, *others))
    await server.until(lambda: server.held == 3 and len(server.messages) == 6)
    server.let_go.set()

    assert [outcome.fate for outcome in await going] == [Fate.SENT] * 9
    assert server.most_at_once <= 5


async def test_there_are_never_more_lines_than_mails_may_be_on_their_way(server: RecordingRelay) -> None:
    server.hold()
    relay = client(server, connections=1, connections_in_all=2, patience=Patience(slow=0.02))
    going = asyncio.create_task(post(relay, *mails(5)))
    await server.until(lambda: server.held == 2)
    server.let_go.set()

    assert [outcome.fate for outcome in await going] == [Fate.SENT] * 5
    assert server.most_at_once == 2


@pytest.mark.parametrize(
    ("phase", "reply"),
    [
        ("MAIL", "421 4.7.0 too many messages"),
        ("MAIL", "454 4.7.0 throttled"),
        ("RCPT", "451 4.7.1 slow down"),
        ("DATA", "451 4.7.0 slow down"),
        ("CONTENT", "454 Throttling failure: Maximum sending rate exceeded"),
    ],
)
async def test_too_fast_is_no_attempt(server: RecordingRelay, phase: str, reply: str) -> None:
    """S08: something was taken just before, so it is about the pace."""
    relay = client(server, connections=1, pace=Pace(rest=0.01, least=1000))
    await hand_over(relay, mails(3))
    server.answers(phase, reply)

    outcomes = await post(relay, *mails(3))

    assert [outcome.fate for outcome in outcomes] == [Fate.SENT] * 3
    assert len(server.messages) == 6


async def test_who_is_refused_at_a_slower_pace_as_well_goes_up_the_ladder(server: RecordingRelay) -> None:
    """S09: greylisting that does not say so."""
    relay = client(server, connections=1, pace=Pace(rest=0.01, least=1000))
    await hand_over(relay, mails(1))
    server.answers("RCPT", *["451 4.7.1 not now"] * 2, to=CORK)

    outcomes = await post(relay, mail(2, CORK), mail(3))

    assert [outcome.fate for outcome in outcomes] == [Fate.LATER, Fate.SENT]


async def test_a_server_that_takes_few_connections_gets_everything_over_those() -> None:
    """421 at the greeting of a third one is no outage while it works on the others."""
    heard: list[bytes] = []
    open_now: list[int] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(open_now) == 2:
            writer.write(b"421 4.7.0 too many connections\r\n")
            return
        open_now.append(1)
        await listens(heard, "PIPELINING")(reader, writer)

    async with a_raw_relay(talk) as server:
        outcomes = await post(client(server), *mails(40))

    assert {outcome.fate for outcome in outcomes} == {Fate.SENT}
    assert server.connections > 2


async def test_what_waits_for_its_turn_is_not_begun_after_drain(server: RecordingRelay) -> None:
    relay = client(server, pace=Pace(most=1))
    going = asyncio.create_task(post(relay, *mails(3)))
    await server.until(lambda: len(server.messages) == 1)
    relay.drain()

    assert [outcome.fate for outcome in await going] == [Fate.SENT, Fate.AWAY, Fate.AWAY]


# TLS and the log-in


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
async def test_mail_goes_inside_tls(tls: Tls) -> None:
    offered = {"starttls" if tls is Tls.STARTTLS else "implicit": certified()}
    async with a_relay(log_in=KEY, **offered) as server:  # type: ignore[arg-type]
        outcomes = await post(client(server, tls=tls, log_in=KEY), *mails(6))

    assert {outcome.fate for outcome in outcomes} == {Fate.SENT}
    assert set(server.log_ins) == {("scheduler", KEY)}
    assert tls is Tls.IMPLICIT or b"AUTH" not in server.heard_in_clear


def _untrusted() -> ssl.SSLContext:
    return certified(ca=trustme.CA())


def _expired() -> ssl.SSLContext:
    return certified(not_after=datetime(2020, 1, 1, tzinfo=UTC))


def _of_somebody_else() -> ssl.SSLContext:
    return certified("smtp.elsewhere.example")


@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (_untrusted, "unable to get local issuer certificate"),
        (_expired, "certificate has expired"),
        (_of_somebody_else, "IP address mismatch"),
    ],
)
async def test_a_wrong_certificate_sends_nothing(tls: Tls, wrong: object, why: str) -> None:
    offered = {"starttls" if tls is Tls.STARTTLS else "implicit": wrong()}  # type: ignore[operator]
    async with a_relay(log_in=KEY, **offered) as server:
        outcomes = await post(client(server, tls=tls, log_in=KEY), *mails(9))

    assert {(outcome.fate, outcome.needs_a_person) for outcome in outcomes} == {(Fate.AWAY, True)}
    assert why in outcomes[0].said
    assert (server.connections, server.messages, server.log_ins) == (1, [], [])
    assert b"AUTH" not in server.heard_in_clear
    assert b"MAIL" not in server.heard_in_clear


async def test_the_cas_of_the_system_count_where_none_is_given() -> None:
    async with a_relay(starttls=certified()) as server:
        outcome = await one(client(server, tls=Tls.STARTTLS, trust=False))

    assert (outcome.fate, outcome.needs_a_person) == (Fate.AWAY, True)


async def test_a_server_without_starttls_gets_nothing() -> None:
    async with a_relay(log_in=KEY) as server:
        outcome = await one(client(server, tls=Tls.STARTTLS, log_in=KEY))

    assert (outcome.fate, outcome.needs_a_person) == (Fate.AWAY, True)
    assert "does not offer STARTTLS" in outcome.said
    assert server.heard_in_clear.split(b"\r\n")[1:] == [b""]
    assert server.log_ins == []


async def test_starttls_that_is_refused_for_now_needs_no_person() -> None:
    replies = (b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"454 4.7.0 not now\r\n")
    async with a_raw_relay(replies_with(*replies)) as server:
        outcome = await one(client(server, tls=Tls.STARTTLS))

    assert outcome == Outcome(1, Fate.AWAY, "454 4.7.0 not now", 454)


async def test_a_server_that_speaks_no_tls_where_it_should_needs_a_person(server: RecordingRelay) -> None:
    outcome = await one(client(server, tls=Tls.IMPLICIT))

    assert (outcome.fate, outcome.needs_a_person) == (Fate.AWAY, True)


async def test_what_came_in_clear_before_tls_is_not_believed() -> None:
    """A reply put in behind that to STARTTLS (CVE-2011-0411) is not read as one of the server's."""
    replies = (b"220 x\r\n", b"250-x\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n")
    async with a_raw_relay(replies_with(*replies)) as server:
        outcome = await one(client(server, tls=Tls.STARTTLS, patience=SHORT))

    assert outcome.fate is Fate.AWAY


@pytest.mark.parametrize("methods", [("PLAIN",), ("LOGIN",), ("LOGIN", "PLAIN")])
async def test_a_wrong_password_is_tried_once(methods: tuple[str, ...]) -> None:
    async with a_relay(log_in=KEY, methods=methods) as server:
        outcomes = await post(client(server, log_in="wrong"), *mails(9))

    assert {(outcome.fate, outcome.needs_a_person) for outcome in outcomes} == {(Fate.AWAY, True)}
    assert outcomes[0].said == "535 5.7.8 Authentication credentials invalid"
    assert server.log_ins == [("scheduler", "wrong")]


async def test_a_log_in_refused_for_now_needs_no_person() -> None:
    async with a_relay(log_in=KEY) as server:
        server.answers("AUTH", "454 4.7.0 Temporary authentication failure")
        outcome = await one(client(server, log_in=KEY))

    assert (outcome.fate, outcome.code, outcome.needs_a_person) == (Fate.AWAY, 454, False)


async def test_a_method_that_the_server_only_boasts_of_is_passed_over() -> None:
    async with a_relay(log_in=KEY) as server:
        server.answers("AUTH", "504 5.5.4 unrecognized authentication type")
        outcome = await one(client(server, log_in=KEY))

    assert outcome.fate is Fate.SENT


async def test_a_server_without_a_log_in_needs_a_person_where_there_is_a_password() -> None:
    async with a_relay(starttls=certified(), methods=()) as server:
        outcome = await one(client(server, tls=Tls.STARTTLS, log_in=KEY))

    assert (outcome.fate, outcome.needs_a_person) == (Fate.AWAY, True)
    assert server.messages == []


@pytest.mark.parametrize("echo", ["AHNjaGVkdWxlcgBvcGVuc2VzYW1l", "AHNjaGVkdWxlcgBvcGVuc2", "'opensesame'"])
async def test_a_server_that_repeats_the_password_is_not_quoted(echo: str) -> None:
    async with a_relay(log_in="opensesame") as server:
        server.answers("AUTH", f"535 5.7.8 bad line: AUTH PLAIN {echo}")
        outcome = await one(client(server, log_in="opensesame"))

    assert outcome.said == "535 5.7.8 bad line: AUTH PLAIN …"


# stopping


async def test_after_drain_nothing_is_begun(server: RecordingRelay) -> None:
    relay = client(server)
    relay.drain()

    outcomes = await post(relay, *mails(2))

    assert [(o.fate, o.said) for o in outcomes] == [(Fate.AWAY, "the service is stopping")] * 2
    assert server.connections == 0


async def test_drain_lets_mails_on_their_way_end(server: RecordingRelay) -> None:
    server.hold()
    relay = client(server, connections=1)
    going = asyncio.create_task(post(relay, *mails(3)))
    await server.holds.wait()
    relay.drain()
    server.let_go.set()

    assert [outcome.fate for outcome in await going] == [Fate.SENT, Fate.AWAY, Fate.AWAY]
    assert len(server.messages) == 1


async def test_drain_does_not_wait_for_a_message(server: RecordingRelay) -> None:
    relay, belt = client(server), Waiting(deque())
    going = asyncio.create_task(relay.work(belt))
    await belt.asked()
    relay.drain()

    assert await going is None
    assert belt.takers == 0


async def test_drain_does_not_wait_for_a_server_that_never_greets() -> None:
    async with a_raw_relay(greets_with(b"")) as server:
        relay = client(server)
        going = asyncio.create_task(post(relay, *mails(5)))
        await server.until(lambda: server.connections == 1)
        relay.drain()
        relay.drain()

        outcomes = await going

    assert {(o.fate, o.said) for o in outcomes} == {(Fate.AWAY, "the service is stopping")}


async def test_who_is_cancelled_cuts_its_lines(server: RecordingRelay) -> None:
    server.hold()
    relay = client(server, connections=2)
    going = asyncio.create_task(hand_over(relay, mails(6)))
    await server.until(lambda: server.held == 2)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    server.let_go.set()

    assert {outcome.fate for outcome in await post(relay, *mails(6))} == {Fate.SENT}
    assert not {message.connection for message in server.messages} & {1, 2}


# the doctor


async def test_the_doctor_hears_what_the_server_speaks() -> None:
    async with a_relay(starttls=certified(), log_in=KEY) as server:
        said = await client(server, tls=Tls.STARTTLS, log_in=KEY).log_in()

    assert said == f"127.0.0.1:{server.port} speaks TLS 1.3 and accepts the log-in"
    assert server.commands == ["QUIT"]


async def test_the_doctor_hears_of_a_server_on_this_machine(server: RecordingRelay) -> None:
    said = await client(server).log_in()

    assert said == f"127.0.0.1:{server.port} speaks no TLS, on this machine, and takes mail without a log-in"


async def test_the_doctor_hears_that_the_log_in_is_refused() -> None:
    async with a_relay(log_in=KEY) as server:
        with pytest.raises(RelayAway, match=r"535 5\.7\.8") as refused:
            await client(server, log_in="wrong").log_in()

    assert (refused.value.code, refused.value.needs_a_person) == (535, True)


async def test_the_doctor_hears_that_nobody_answers() -> None:
    async with a_raw_relay(greets_with(b"")) as server:
        with pytest.raises(RelayAway) as away:
            await client(server, patience=SHORT).log_in()

    assert not away.value.needs_a_person


@pytest.mark.parametrize("behaviour", [CUT, HANG, "421 4.3.2 going down"])
async def test_the_doctor_hears_that_the_server_goes_silent(server: RecordingRelay, behaviour: str) -> None:
    server.answers("NOOP", behaviour)

    with pytest.raises(RelayAway):
        await client(server, patience=SHORT).log_in()


# the address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("smtp://smtp.example", RelayAddress("smtp.example", 587)),
        ("smtp://u:p@smtp.example:2525", RelayAddress("smtp.example", 2525, "u", "p")),
        ("smtps://u:p@SMTP.example/", RelayAddress("smtp.example", 465, "u", "p", Tls.IMPLICIT)),
        ("smtp://u%40x.example:p%40%3A%2F%C3%A9@h", RelayAddress("h", 587, "u@x.example", "p@:/é")),
        ("smtp://localhost:1025\n", RelayAddress("localhost", 1025, tls=Tls.NONE)),
        ("smtp://u:p@127.0.0.2", RelayAddress("127.0.0.2", 587, "u", "p", Tls.NONE)),
        ("smtp://[::1]:25", RelayAddress("::1", 25, tls=Tls.NONE)),
        ("smtp://[2001:db8::1]", RelayAddress("2001:db8::1", 587)),
        ("smtps://localhost", RelayAddress("localhost", 465, tls=Tls.IMPLICIT)),
        ("smtp://127.0.0.1.example", RelayAddress("127.0.0.1.example", 587)),
        ("smtp://mail_relay", RelayAddress("mail_relay", 587)),
    ],
)
def test_an_address_is_read(url: str, address: RelayAddress) -> None:
    assert RelayAddress.of(url) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("smpt://u:hushhush@h", "did you mean smtp://?"),
        ("stmps://u:hushhush@h", "did you mean smtps://?"),
        ("https://u:hushhush@h", "does not begin with smtp:// or smtps://"),
        ("u:hushhush@h", "does not begin with smtp:// or smtps://; write"),
        ("hushhush", "does not begin with smtp:// or smtps://; write"),
        ("", "does not begin with smtp:// or smtps://; write"),
        ("smtp://", "names no host"),
        ("smtp://u:hushhush@", "names no host"),
        ("smtp://u:hushhush@:587", "names no host"),
        ("smtp://u:hushhush@h:0", "has port 0"),
        ("smtp://u:hushhush@h:65536", "cannot be read"),
        ("smtp://u:hushhush@h:smtp", "cannot be read"),
        ("smtp://u:hush/hush@h", "in a password write / as %2F"),
        ("smtp://u:hush#hush@h", "in a password write / as %2F"),
        ("smtp://u:hush?hush@h", "in a password write / as %2F"),
        ("smtp://h/hushhush", "goes on behind the port"),
        ("smtp://u:hush hush@h", "write a blank as %20"),
        ("smtp://u:hush\nhush@h", "write a blank as %20"),
        ("smtp://u:hushhush%ff@h", "is no UTF-8"),
        ("smtp://u:hushhush%00@h", "has a control character"),
        ("smtp://u@h", "has a user without a password"),
        ("smtp://:hushhush@h", "or a password without a user"),
        ("smtp://u:hushhush@[::1", "cannot be read"),
        ("smtp://u:hushhush@h,k", "neither a name in plain letters nor an IP address"),
        ("smtp://u:hushhush@münchen", "neither a name in plain letters nor an IP address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_being_quoted(url: str, why: str) -> None:
    with pytest.raises(MailUrlRefused) as refused:
        RelayAddress.of(url)

    assert why in str(refused.value)
    assert str(refused.value).endswith("(TLS throughout)")
    assert "hush" not in str(refused.value) + repr(refused.value.__context__)


def test_no_tls_is_for_this_machine_only() -> None:
    with pytest.raises(MailUrlRefused):
        RelayAddress("smtp.example", 25, tls=Tls.NONE)


def test_a_password_is_not_shown() -> None:
    relay = Relay(RelayAddress.of("smtp://u:hushhush@smtp.example"))

    assert "hushhush" not in repr(relay)
    assert "hushhush" not in str(relay.address)
