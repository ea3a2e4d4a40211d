"""Which reply of a mail server means what (reliability-rules.md, table 3.3). Pure."""

from __future__ import annotations

import re
import unicodedata
from enum import Enum, auto

from scheduler.mail.post import Fate, Outcome

#: Characters of a server's words that are kept.
_LONGEST = 300
#: RFC 3463, X.7.x: security and policy; behind 451 it is how providers say "slower".
_SLOWER = re.compile(r"4\.7\.\d")
#: A word of greylisting, which is about one recipient.
_GREY = re.compile(r"gr[ea]y", re.IGNORECASE)
#: RFC 4954, section 6: log-in wanted, too weak, refused, not in clear. About us, never about a recipient.
_ABOUT_THE_LOG_IN = frozenset({530, 534, 535, 538})


class Phase(Enum):
    """How far the talk with the server has come: what was said last by us."""

    GREETING = auto()  # nothing, or EHLO
    TLS = auto()
    LOG_IN = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    #: the message is on its way: from here on a server that falls silent may have taken it
    CONTENT = auto()


#: phase -> what becomes of the message after 4xx, and after 5xx.
_FATES = {
    Phase.GREETING: (Fate.AWAY, Fate.AWAY),
    Phase.TLS: (Fate.AWAY, Fate.AWAY),
    Phase.LOG_IN: (Fate.AWAY, Fate.AWAY),
    Phase.MAIL: (Fate.LATER, Fate.AWAY),
    Phase.RCPT: (Fate.LATER, Fate.NEVER),
    Phase.DATA: (Fate.LATER, Fate.NEVER),
    Phase.CONTENT: (Fate.LATER, Fate.NEVER),
}
#: A 5xx here will be the same for every message until somebody changes the configuration. MAIL names
#: nothing but the sender (no SIZE, which would make it speak of one message), so a 5xx there is of this kind.
_ABOUT_THE_CONFIGURATION = frozenset({Phase.TLS, Phase.LOG_IN, Phase.MAIL})

#: From here on a reply may speak of this recipient or this message alone: greylisting says 451 4.7.1, too.
#: Were it AWAY, one of them could hold up the mail of all others.
_ABOUT_ONE_MESSAGE = frozenset({Phase.RCPT, Phase.DATA, Phase.CONTENT})


def goes_on(phase: Phase, code: int) -> bool:
    """Does the server want to hear the next step? Only the first digit counts (RFC 5321, section 4.2)."""
    return code // 100 == (3 if phase is Phase.DATA else 2)


def judge(number: int, phase: Phase, code: int, text: str) -> Outcome:
    """The end that a reply puts to message `number`; a reply after which the talk goes on has none.

    code: what the library read; -1, and all that is no SMTP, is a broken server and never permanent.
    """
    said = one_line(f"{code} {text}" if 200 <= code <= 599 else f"no SMTP: {text}")
    if phase is Phase.CONTENT and code // 100 == 2:
        return Outcome(number, Fate.SENT, said, code)
    if code // 100 not in (4, 5):
        return lost(number, phase, said)
    if phase not in _ABOUT_ONE_MESSAGE and (code in (421, 454) or (code == 451 and _SLOWER.match(text))):
        return Outcome(number, Fate.AWAY, said, code)
    if code in _ABOUT_THE_LOG_IN:
        return Outcome(number, Fate.AWAY, said, code, needs_a_person=True)
    fate = _FATES[phase][code // 100 - 4]
    return Outcome(number, fate, said, code, needs_a_person=code >= 500 and phase in _ABOUT_THE_CONFIGURATION)


def may_mean_slower(outcome: Outcome) -> bool:
    """Is this how providers refuse what comes too fast? 454, 451 4.7.x, 421 4.7.x.

    451 4.7.1 is what greylisting says as well, of one recipient and at any pace. Where it names itself it is
    not meant here; where it does not, `Pace` tells the two apart by what else is taken.
    """
    text = outcome.said.partition(" ")[2]
    is_code = outcome.code == 454 or (outcome.code in (421, 451) and _SLOWER.match(text) is not None)
    return is_code and not _GREY.search(text)


def lost(number: int, phase: Phase, why: str) -> Outcome:
    """The line broke, the reply did not come in time, or was no reply.

    Once the message was on its way it is LATER, which counts: were it AWAY, a server that takes messages
    and never says so would be sent the same one without end.
    """
    is_uncertain = phase is Phase.CONTENT
    return Outcome(number, Fate.LATER if is_uncertain else Fate.AWAY, why, is_uncertain=is_uncertain)


def one_line(text: str) -> str:
    """What a server said, fit for a table and a page: one line, no controls, no half characters."""
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    shown = whole[: 4 * _LONGEST]
    if not shown.isprintable():  # it is, nearly always
        shown = "".join(" " if unicodedata.category(c) in _UNSEEN else c for c in shown)
    return " ".join(shown.split())[:_LONGEST]


#: Unicode categories: controls, formats (they turn the direction of a line), line and paragraph ends.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
