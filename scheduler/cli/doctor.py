"""`scheduler doctor`: the settings in force, and one line for each thing that a service stands on.

It changes nothing, sends nothing and needs neither database nor network: what is missing is a finding. What
is looked at lies in `checkup/`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import chain

import typer

from scheduler.cli.checkup.database import of_database
from scheduler.cli.checkup.files import Files, of_configuration, of_folder, of_key
from scheduler.cli.checkup.finding import Check, Finding, Level, look_at_all
from scheduler.cli.checkup.machine import of_base_url, of_listen, of_open_files, of_time_zones, of_year
from scheduler.cli.checkup.mail import of_mail
from scheduler.cli.checkup.resolver import Resolver
from scheduler.cli.checkup.sender import of_sender
from scheduler.cli.checkup.written import lines_of, of_api_keys, of_kinds, unknown_names
from scheduler.cli.common import counted, out
from scheduler.errors import SettingsRefused
from scheduler.model import times
from scheduler.settings import Settings, read_settings
from scheduler.web.limits import descriptors


def doctor() -> None:
    """Show the settings, and check all that a service stands on. Changes nothing, sends nothing."""
    now = datetime.now(UTC)
    try:
        settings = read_settings()
    except SettingsRefused as error:
        out.print(str(Finding(Level.PROBLEM, "settings", str(error), "see the settings in README.md")))
        out.print("Not well: 1 problem; the rest cannot be checked before that")
        raise typer.Exit(1) from None
    for line in lines_of(settings):
        out.print(line)
    out.print()
    findings = look_at_all(checks(settings, now))
    for finding in findings:
        out.print(str(finding))
    problems, warnings = (
        sum(finding.level is level for finding in findings) for level in (Level.PROBLEM, Level.WARNING)
    )
    said = f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}"
    out.print(f"Not well: {said}" if problems else f"OK: {said}")
    if problems:
        raise typer.Exit(1)


def checks(settings: Settings, now: datetime) -> dict[str, Check]:
    """What each is about -> how to look."""
    files, release = Files(settings.config), times.tzdata_version()
    return {
        "settings": lambda: chain(unknown_names(os.environ), of_kinds(settings)),
        "configuration": lambda: of_configuration(files),
        "database": lambda: of_database(settings, now),
        "data folder": lambda: of_folder("data folder", settings.data),
        "mail": lambda: of_mail(settings),
        "sender": lambda: of_sender(files, settings.mail_url.get_secret_value(), Resolver().ask),
        "secret key": lambda: of_key(settings),
        "API": lambda: of_api_keys(settings),
        "base URL": lambda: of_base_url(settings.base_url, "base_url" in settings.model_fields_set),
        "listen": lambda: of_listen(*settings.listen),
        "clock": lambda: of_year(now, release),
        "time zones": lambda: of_time_zones(now.date(), release),
        "open files": lambda: of_open_files(descriptors(), settings.max_in_flight),
    }
