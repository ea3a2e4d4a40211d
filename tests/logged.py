"""All that stands in the log meanwhile, as `scheduler serve` writes it; afterwards logging is as it was."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator

import structlog

from scheduler import logs


@contextlib.contextmanager
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before, level, structure = root.handlers[:], root.level, structlog.get_config()
    names = [*logging.root.manager.loggerDict]
    levels = {name: logging.getLogger(name).level for name in names}
    root.handlers = []  # or they would be closed
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = before
    root.setLevel(level)
    for name in [*logging.root.manager.loggerDict]:
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))
    structlog.configure(**structure)


@contextlib.contextmanager
def logged(level: str) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    with logging_as_it_was(), contextlib.redirect_stderr(stream):
        logs.configure(level)
        yield stream
