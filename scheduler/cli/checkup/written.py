"""The settings as somebody wrote them: shown without what is secret, and with what is misspelt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from difflib import get_close_matches

from pydantic import SecretStr

from scheduler.cli.checkup.finding import Finding, Findings, Level
from scheduler.errors import SettingsRefused
from scheduler.service.bootstrap import kinds_to_hold
from scheduler.settings import Settings

_HOST = r"(?:[\w.-]*|\[[\w.:]+\])(?::\d+)?"
#: Scheme, user, password with its colon (up to the last @), hosts with ports and name, query.
_URL = re.compile(rf"([\w+]+://)(?:([^:@/]*)(:.*)?@)?({_HOST}(?:,{_HOST})*(?:/[^@?:]*)?)(\?.*)?")
#: What the last word of a setting's name says of its number; else it is of seconds.
_UNITS = {"days": timedelta(days=1), "hours": timedelta(hours=1)}
#: Different letters of a key; one drawn by chance, in hexadecimal, has as many or more.
_VARIED = 8
_SECRET = re.compile(r"(?i)(pass[a-z]*)=[^&]*")


def lines_of(settings: Settings) -> Iterator[str]:
    """Each as it would be written in the environment, without what is secret."""
    for name in type(settings).model_fields:
        by_default = "" if name in settings.model_fields_set else "  (default)"
        yield f"SCHEDULER_{name.upper():<20} {_shown(name, getattr(settings, name))}{by_default}"


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        written = value.get_secret_value()
        return masked(written) if name.endswith("_url") else "***" if written else "-"
    if isinstance(value, timedelta):
        unit = _UNITS.get(name.rpartition("_")[2], timedelta(seconds=1))
        return f"{value / unit:g}"
    if name == "retry_minutes" and isinstance(value, tuple):
        return ",".join(f"{step.total_seconds() / 60:g}" for step in value)
    if name == "listen" and isinstance(value, tuple):
        return spoken(*value)
    if name == "api_keys" and isinstance(value, tuple):
        return ",".join(f"{holder}:***" for holder, _ in value) or "-"
    if name in ("hosts", "hold_uncertain") and isinstance(value, tuple):
        return ",".join(value) or "-"
    return "-" if value is None else str(value)


def masked(url: str) -> str:
    """The URL with stars for its password; all stars where it cannot be told what is one."""
    if url.startswith(("sqlite:", "maildir:")):
        return url
    found = _URL.fullmatch(url)
    if not found:
        return "***"
    scheme, user, password, place, query = (part or "" for part in found.groups())
    who = f"{user}:***@" if password else f"{user}@" if user else ""
    return f"{scheme}{who}{place}" + _SECRET.sub(r"\1=***", query)


def unknown_names(environment: Mapping[str, str]) -> Findings:
    """A name with a typing error is silently no setting."""
    known = {f"SCHEDULER_{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")}
    strange = sorted(name for name in environment if name.startswith("SCHEDULER_") and name not in known)
    for name in strange:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it"
        yield Finding(Level.WARNING, "settings", f"{name} is no setting, so it does nothing", hint)
    if not strange:
        yield Finding(Level.OK, "settings", "all names are known")


def of_kinds(settings: Settings) -> Findings:
    """Silent where all is well: that they are known says enough."""
    try:
        kinds_to_hold(settings)
    except SettingsRefused as error:
        yield Finding(Level.PROBLEM, "settings", str(error), "see the settings in README.md")


def of_api_keys(settings: Settings) -> Findings:
    """What can be said of keys without a word of them."""
    if not settings.api_keys:
        yield Finding(Level.OK, "API", "no key is given out, so all below /api/ answers 404")
        return
    weak = [name for name, secret in settings.api_keys if len(set(secret.get_secret_value())) < _VARIED]
    if weak:
        what = f"the key of {', '.join(weak)} repeats a few letters again and again"
        yield Finding(Level.WARNING, "API", what, "make one such as: openssl rand -hex 24")
    if not settings.base_url.startswith("https:"):
        what = "SCHEDULER_BASE_URL begins with http://, so keys travel in the open"
        yield Finding(Level.WARNING, "API", what, "put a proxy with HTTPS in front")
    yield Finding(Level.OK, "API", f"keys of {', '.join(name for name, _ in settings.api_keys)}")


def spoken(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
