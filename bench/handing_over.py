"""Mails a second that are handed over, ready as they are, beside those of aiosmtplib's `sendmail` in turn.

Both go over as many connections from one process on uvloop to the same sink in another one, so nothing is
measured but the talk. The whole way of a mail, from the slot to the mark, is measured elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from statistics import median

import aiosmtplib
import uvloop

from bench.made_up import CONFIG
from bench.sink import HOST, Sink, a_sink
from scheduler.configuration.load import load
from scheduler.mail.post import Fate, Outgoing, hand_over
from scheduler.mail.relay_address import RelayAddress, Tls
from scheduler.mail.smtp import Relay

MAILS, OCTETS, CONNECTIONS = 4_000, 12_000, 8
#: Each of ours and each of the library's, in turn, so that what the machine does besides meets both.
ROUNDS = 5
#: What the server offers -> of the library's rate, at the least.
LEAST_RATIO = {"PIPELINING": 1.3, "": 1.0}

Hand = Callable[[int, list[Outgoing]], Coroutine[object, object, None]]


def measure() -> int:
    """Prints rates and ratios; gives 1 where they are not what they should be."""
    what = f"{MAILS:,} mails of {OCTETS:,} octets over {CONNECTIONS} connections"
    print(f"{what:<56} mails/s  aiosmtplib  ratio")
    return max([_compared(offer) for offer in LEAST_RATIO])


def _compared(offer: str) -> int:
    messages = _messages()
    ours, theirs = [], []
    with a_sink(*offer.split()) as sink:
        for _ in range(ROUNDS):
            ours.append(_rate(_ours, sink, messages))
            theirs.append(_rate(_theirs, sink, messages))
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    which = f"with {offer}" if offer else "one step at a time"
    print(f"  {which:<54} {median(ours):7,.0f}  {median(theirs):10,.0f}  {ratio:5.2f}")
    if ratio < LEAST_RATIO[offer]:
        print(f"  under {LEAST_RATIO[offer]} of the library's rate")
        return 1
    return 0


def _messages() -> list[Outgoing]:
    configuration = load(CONFIG).configuration
    if configuration is None:
        raise SystemExit("the configuration in config/ has errors")
    line = b"x" * 73 + b"\r\n"
    octets = b"Subject: all the same\r\n\r\n" + line * (OCTETS // len(line))
    network, now = configuration.network, datetime.now(UTC)
    return [
        Outgoing(number, f"<{number}@bench.example>", f"city-{number}@made-up.example", octets, network, now)
        for number in range(MAILS)
    ]


def _rate(hand: Hand, sink: Sink, messages: list[Outgoing]) -> float:
    """A second; on the loop that the service has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        begin = time.perf_counter()
        runner.run(hand(sink.port, messages))
        seconds = time.perf_counter() - begin
    if sink.count() != len(messages):
        raise SystemExit("the sink has not got all mails")
    return len(messages) / seconds


async def _ours(port: int, messages: list[Outgoing]) -> None:
    relay = Relay(
        RelayAddress(HOST, port, tls=Tls.NONE), connections=CONNECTIONS, messages_per_connection=MAILS
    )
    outcomes = await hand_over(relay, messages)
    if any(outcome.fate is not Fate.SENT for outcome in outcomes):
        raise SystemExit("not all mails were sent")
    await relay.close()


async def _theirs(port: int, messages: list[Outgoing]) -> None:
    waiting = deque(messages)

    async def send() -> None:
        client = aiosmtplib.SMTP(hostname=HOST, port=port, local_hostname="bench.example", start_tls=False)
        async with client:
            while waiting:
                message = waiting.popleft()
                await client.sendmail(message.envelope_sender, message.address, message.octets)

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))


def theirs_rate(sink: Sink, messages: list[Outgoing]) -> float:
    """Mails a second of the library with these, for others that compare."""
    return _rate(_theirs, sink, messages)
