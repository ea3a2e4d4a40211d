"""Imports run downhill only (ARCHITECTURE.md): each room may look into those below it, and only there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "scheduler"

#: room -> the rooms it may import from; modules at the top of the package are rooms of their own.
BELOW = {
    "errors": set(),
    "shipped": set(),
    "stencil": set(),
    "incoming": set(),
    "settings": {"errors"},
    "logs": set(),
    "model": {"errors"},
    "languages": {"errors", "shipped", "model"},
    "configuration": {"errors", "model"},
    "ical": {"errors", "stencil", "incoming", "model", "languages"},
    "mail": {"errors", "shipped", "stencil", "incoming", "model", "languages"},
    "store": {"errors", "shipped", "model"},
    "service": {
        *("errors", "shipped", "stencil", "settings", "logs", "model", "languages"),
        *("configuration", "ical", "mail", "store"),
    },
    "web": {"errors", "shipped", "logs", "model", "languages", "service"},
    "__main__": {"cli"},
    "cli": {
        "errors",
        "settings",
        "logs",
        "model",
        "languages",
        "configuration",
        "mail",
        "store",
        "service",
        "web",
    },
}

#: library -> the only files that may import it.
DOORS = {
    "pytz": {"model/times.py"},
    "dateutil": {"model/recurrence.py"},
    "icalendar": {"ical/"},
    "aiosmtplib": {"mail/smtp.py"},
    "apscheduler": {"service/real_clock.py"},
    "watchfiles": {"service/proposals.py"},
    "prometheus_client": {"service/meters.py", "web/"},
    "structlog": {"logs.py"},
    "fastapi": {"web/"},
    "uvicorn": {"web/server.py", "web/heads.py", "web/at_once.py"},
    "httptools": {"web/heads.py"},
    "sqlalchemy": {"store/"},
    "alembic": {"store/"},
    "aiosqlite": {"store/unbroken.py"},
    "yaml": {"configuration/document.py"},
    "holidays": {"configuration/advice/holidays.py"},
    "dns": {"cli/checkup/resolver.py"},
    "email_validator": {"configuration/addresses.py", "mail/paths.py"},
    "python_calamine": {"configuration/lists/workbook.py"},
    "babel": {"languages.py"},
    "jinja2": {"mail/templates.py", "service/proof_page.py", "service/reading.py", "web/pages.py"},
    "xlsxwriter": {"cli/cases_workbook.py"},
    "matplotlib": {"cli/pictures.py"},
}


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_rooms_below_its_own(path: Path) -> None:
    if room(path) == "__init__":
        return
    allowed = BELOW[room(path)] | {room(path)}

    rooms = {name.split(".")[1] for name in imported(path) if name.startswith("scheduler.")}

    assert rooms <= allowed


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_library_with_a_door_is_imported_there_only(path: Path) -> None:
    relative = str(path.relative_to(PACKAGE))

    for name in imported(path):
        doors = DOORS.get(name.split(".")[0])
        assert doors is None or any(relative.startswith(door) for door in doors), name


@pytest.mark.parametrize("path", sorted((PACKAGE / "model").glob("*.py")), ids=lambda path: path.name)
def test_nothing_in_the_model_asks_a_clock(path: Path) -> None:
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    assert not calls & {"now", "today", "utcnow"}
