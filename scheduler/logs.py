"""One line for each change of state: a sentence, `action=` and ids. Never an address, a body or a secret."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

#: What must never be read in a log, and what stands there instead. Errors of libraries may quote it.
_SECRETS = (
    # up to the last @, because a password may hold any sign
    (re.compile(r"(?<=://)\S*@"), "***@"),
    # of a mailbox whose name is quoted (RFC 5321, section 4.1.2)
    (re.compile(r"\"[^\"\r\n]{1,64}\"@[^\s<>@:;,'\"()=]+"), "[address]"),
    # only from where a word begins, or a long word would take for ever
    (re.compile(r"(?<![^\s<>@:;,\"()])[^\s<>@:;,\"()]++@[^\s<>@:;,'\"()=]+"), "[address]"),
    # as it stands in links, and in what mail servers say of envelopes (RFC 3461)
    (
        re.compile(r"(?<![\w.%+-])(?:(?!%40|=40)[\w.%+=-])++(?:%40|=40)[\w.%-]+", re.IGNORECASE),
        "[address]",
    ),
    (re.compile(r"(/(?:feeds/city|answer|stop)/)[^\s'\"?]+"), r"\1[secret]"),
)
#: The one logger of all our parts. Libraries have theirs: their debug lines quote statements, dialogues and
#: paths, so none of them is heard below a warning.
_OURS = "scheduler"
#: A line of a log is one line, whatever stands in it.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: But what went wrong where is read line by line.
_CONTROLS_OF_A_TRACE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_TRACE = "exception"


def get(part: str) -> FilteringBoundLogger:
    """The log of one part of the service."""
    logger: FilteringBoundLogger = structlog.get_logger(part=part)
    return logger


def configure(level: str) -> None:
    """Lines for people on a terminal, JSON everywhere else, on standard error; the libraries' lines too."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    number = logging.getLevelNamesMapping()[level.upper()]
    is_terminal = sys.stderr.isatty()
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if is_terminal
        else [structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: logging.getLogger(_OURS),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, _name_part],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            scrub,
            *last,
        ],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(number, logging.WARNING), force=True)
    logging.getLogger(_OURS).setLevel(number)


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last line of defence: whatever looks like an address or a secret is taken out."""
    return {
        name: clean(value, _CONTROLS_OF_A_TRACE if name == _TRACE else _CONTROLS)
        for name, value in event.items()
    }


def clean(value: Any, controls: re.Pattern[str] = _CONTROLS) -> Any:
    """Without what looks like an address, a secret or the end of a line."""
    if isinstance(value, (list, tuple)):
        return [clean(one, controls) for one in value]
    if not isinstance(value, str):
        return value if isinstance(value, (int, float, bool, type(None))) else clean(str(value), controls)
    for pattern, instead in _SECRETS:
        value = pattern.sub(instead, value)
    return controls.sub(" ", value)


def _name_part(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    event["part"] = record.name if record else str(logger)
    return event


# until somebody configures it: a rehearsal is silent but for what went wrong
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        scrub,
        structlog.dev.ConsoleRenderer(colors=False),
    ],
    wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
    logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
)
