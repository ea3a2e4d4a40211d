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
    (re.compile(r"(?<=://)[^\s/@]+@"), "***@"),
    (re.compile(r"[^\s<>@:;,'\"()=]+@[^\s<>@:;,'\"()=]+"), "[address]"),
    (re.compile(r"(/feeds/city/)[^\s'\"?]+"), r"\1[secret]"),
)
#: A line of a log is one line, whatever stands in it.
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]")


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
    is_terminal = sys.stderr.isatty()
    last: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if is_terminal
        else [structlog.processors.JSONRenderer(ensure_ascii=False)]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
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
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    # their debug lines quote statements, dialogues and paths
    for library in ("apscheduler", "aiosqlite", "sqlalchemy", "watchfiles", "asyncio", "uvicorn", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)


def scrub(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The last line of defence: whatever looks like an address or a secret is taken out."""
    return {name: _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_clean(one) for one in value]
    if not isinstance(value, str):
        return value if isinstance(value, (int, float, bool, type(None))) else _clean(str(value))
    for pattern, instead in _SECRETS:
        value = pattern.sub(instead, value)
    return _CONTROLS.sub(" ", value)


def _name_part(logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    record = event.get("_record")
    event["part"] = record.name if record else str(logger)
    return event
