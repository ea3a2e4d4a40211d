"""What a mail server can do wrong, and what it is like when it does nothing wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf


class Step(StrEnum):
    """Where in the talk something happens."""

    GREETING = "greeting"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    #: the command
    DATA = "DATA"
    #: 354 was said, and the message is on its way
    INSIDE = "inside"
    #: the message is whole, and waits for its reply
    DOT = "dot"
    QUIT = "QUIT"


class End(StrEnum):
    """What becomes of the line."""

    GOES_ON = "goes on"
    CUT = "cut"
    HANGS = "hangs"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong at one step."""

    at: Step
    #: instead of the usual reply; empty: not a word; None: the usual reply
    says: str | None = None
    #: seconds before the reply
    wait: float = 0.0
    #: after the reply
    ends: End = End.GOES_ON
    #: at the dot: the message counts as taken whatever is said. Else it does if 250 is
    takes: bool = False
    #: how often, of all times that the step is reached
    share: float = 1.0
    #: in transactions for these addresses only (from RCPT on); empty: for all
    to: frozenset[str] = frozenset()
    #: so often at the most; 0: always
    times: int = 0


#: Behind the dot: the line is cut and the message thrown away; it is taken, and nobody hears of it.
LOST = Fault(Step.DOT, says="", ends=End.CUT)
TAKEN_UNSAID = Fault(Step.DOT, says="", ends=End.CUT, takes=True)
#: In the middle of the message.
CUT_INSIDE = Fault(Step.INSIDE, ends=End.CUT)
#: The message gets its 250, and then nobody says goodbye.
SAID_AND_CUT = Fault(Step.DOT, ends=End.CUT, takes=True)
QUIT_HANGS = Fault(Step.QUIT, says="", ends=End.HANGS)


@dataclass(frozen=True)
class Manners:
    """How a server behaves from now on."""

    faults: tuple[Fault, ...] = ()
    #: how long each message takes it
    seconds_per_message: float = 0.0
    #: seconds between two octets of a reply
    octet_seconds: float = 0.0
    #: messages that it lets begin within any second, and what it says to more
    most_per_second: float = inf
    limit_says: str = "454 4.7.0 too many messages, slow down"
    #: how long an address that it has never seen is put off (RFC 6647)
    grey_seconds: float = 0.0
    #: what EHLO offers beside STARTTLS and AUTH
    extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "SMTPUTF8")
    #: the password that everybody must log in with; empty: it asks for none
    password: str = ""
