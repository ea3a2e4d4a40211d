"""Environment -> settings. Names begin with SCHEDULER_; each may be read from a file: SCHEDULER_..._FILE."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from scheduler.errors import SettingsRefused

_PREFIX = "SCHEDULER_"
#: Whom a key is for, and the key: what goes into a header, and nobody guesses.
_API_KEY = re.compile(r"[a-z0-9-]{1,40}:[!-+\--~]{24,500}")


def _without_slash(value: str) -> str:
    if not re.fullmatch(r"https?://[^/\s?#@<>\"']+(/[^\s?#<>\"']*)?", value):
        raise ValueError(
            "write it with http:// or https://, and no password, such as https://calendar.example.org"
        )
    return value.rstrip("/")


def _listen(value: object) -> tuple[str, int]:
    """Gives ("127.0.0.1", 8000) of "127.0.0.1:8000"; an IPv6 address stands in brackets."""
    found = re.fullmatch(r"(?:\[([0-9a-fA-F:.]+)\]|([^\s:\[\]]+)):(\d{1,5})", str(value))
    if not found or int(found[3]) > 65535:
        raise ValueError("write host and port, such as 127.0.0.1:8000")
    return found[1] or found[2], int(found[3])


def _minutes(value: object) -> tuple[timedelta, ...]:
    try:
        steps = tuple(timedelta(minutes=float(part)) for part in str(value).split(","))
    except (ValueError, OverflowError):
        steps = ()
    if not steps or min(steps) <= timedelta(0):
        raise ValueError("write minutes with commas between them, such as 1,5,15,30,60")
    return steps


def _seconds(value: object) -> timedelta:
    try:
        wait = timedelta(seconds=float(str(value)))
    except (ValueError, OverflowError):
        wait = timedelta(0)
    if wait <= timedelta(0):
        raise ValueError("write a number of seconds above 0")
    return wait


def _hours(value: object) -> timedelta:
    try:
        return 3600 * _seconds(value)
    except (ValueError, OverflowError):
        raise ValueError("write a number of hours above 0") from None


def _days(value: object) -> timedelta:
    try:
        return 86400 * _seconds(value)
    except (ValueError, OverflowError):
        raise ValueError("write a number of days above 0") from None


def _below_a_stop(value: timedelta) -> timedelta:
    if value > timedelta(seconds=22):
        raise ValueError("write at most 22 seconds: a stop ends within 30")
    return value


def _words(value: object) -> tuple[str, ...]:
    """Gives ("invitation", "changed") of "invitation, changed"."""
    return tuple(part.strip() for part in str(value).split(","))


def _api_keys(value: object) -> tuple[tuple[str, SecretStr], ...]:
    """Gives (("survey", ...), ("website", ...)) of "survey:SECRET, website:SECRET"."""
    found = [part.partition(":") for part in _words(value)]
    if not all(_API_KEY.fullmatch("".join(part)) for part in found):
        raise ValueError(
            "write name:secret with commas between them; names of a-z, 0-9 and -, secrets of at least 24 "
            "letters, figures and signs without blanks"
        )
    names, secrets = {name for name, _, _ in found}, {secret for _, _, secret in found}
    if min(len(names), len(secrets)) < len(found):
        raise ValueError("write each name and each secret once")
    return tuple((name, SecretStr(secret)) for name, _, secret in found)


def _hosts(value: object) -> tuple[str, ...]:
    """Gives ("one.example", "two.example") of "one.example, two.example"."""
    names = _words(value)
    if not all(re.fullmatch(r"[^\s:/?#@*\[\]]+|\[[0-9a-fA-F:.]+\]", name) for name in names):
        raise ValueError("write names with commas between them, such as calendar.example.org,scheduler")
    return names


Listen = Annotated[tuple[str, int], NoDecode, PlainValidator(_listen)]
Seconds = Annotated[timedelta, PlainValidator(_seconds)]
Hours = Annotated[timedelta, PlainValidator(_hours)]
Minutes = Annotated[tuple[timedelta, ...], NoDecode, PlainValidator(_minutes)]
Hosts = Annotated[tuple[str, ...], NoDecode, PlainValidator(_hosts)]
ApiKeys = Annotated[tuple[tuple[str, SecretStr], ...], NoDecode, PlainValidator(_api_keys)]
Words = Annotated[tuple[str, ...], NoDecode, PlainValidator(_words)]
BaseUrl = Annotated[str, AfterValidator(_without_slash)]


class Settings(BaseSettings):
    """What differs from one installation to the next; what staff decide stands in the configuration."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        hide_input_in_errors=True,
        validate_default=False,
    )

    #: the folder that staff edit
    config: Path = Path("config")
    #: the folder for what the service makes by itself: database, mailbox, secret key
    data: Path = Path("var")
    #: sqlite:///file or postgresql://user:password@host/name; it may hold a password
    database_url: SecretStr = Field(SecretStr(""), validate_default=True)
    #: maildir:folder, smtp://user:password@host:587 or smtps://user:password@host:465
    mail_url: SecretStr = Field(SecretStr(""), validate_default=True)
    #: certificates that are trusted besides the system's, for a mail server with one of its own
    mail_ca: Path | None = None
    #: where HTTP is served
    listen: Listen = ("127.0.0.1", 8000)
    #: how the world reaches this installation; mails print it before every path
    base_url: BaseUrl = "https://calendar.learning-cities.example"
    #: other names that clients ask for: an earlier one, or what a proxy calls this service
    hosts: Hosts = ()
    #: signs the addresses that only their owner can know; empty: made in a file at the first start
    secret_key: SecretStr = SecretStr("")
    #: programs that may say what became of cases, each with a key of its own; empty: there is no API
    api_keys: ApiKeys = ()
    #: debug, info, warning or error
    log_level: str = "info"

    #: how many mails may be on their way at once: what a crash can repeat at the most
    max_in_flight: int = Field(default=10, ge=1, le=1000)
    #: how many connections to the mail server are kept
    mail_connections: int = Field(default=4, ge=1, le=50)
    #: how many mails a second the mail server gets at the most; 0: as many as it takes
    mail_per_second: int = Field(default=0, ge=0, le=10_000)
    #: how long the mail server may take: to be reached, for a command, and for its reply to a whole mail
    mail_connect_seconds: Seconds = timedelta(seconds=30)
    mail_command_seconds: Seconds = timedelta(seconds=60)
    mail_reply_seconds: Seconds = timedelta(seconds=300)
    #: when a mail is tried again after each "later"; the last step repeats
    retry_minutes: Minutes = tuple(timedelta(minutes=step) for step in (1, 5, 15, 30, 60))
    #: kinds of mails that a person looks at when nobody knows whether they arrived; the others are sent again
    hold_uncertain: Words = ()
    #: of several replicas on one PostgreSQL one plans and reads the files; false: each does, which is as safe
    #: and costs more: for proofs
    one_leads: bool = True
    #: how often the clock looks by itself
    tick_seconds: Seconds = timedelta(seconds=30)
    #: how long a claimed mail belongs to its deliverer without a sign of life
    lease_seconds: Seconds = timedelta(seconds=60)
    #: how long mail rests after the mail server was away, at first; doubled each time up to 5 minutes
    breaker_seconds: Seconds = timedelta(seconds=5)
    #: a service that did not run for so long holds everything but reminders at its start, until a person
    #: decides
    amnesty_hours: Hours = timedelta(hours=24)
    #: how long what was sent is remembered, after what it was about is over
    keep_days: Annotated[timedelta, PlainValidator(_days)] = timedelta(days=400)
    #: how long files must lie still before an edit is read
    quiet_seconds: Annotated[Seconds, AfterValidator(_below_a_stop)] = timedelta(seconds=3)
    #: how long a stop waits for mails on their way
    drain_seconds: Annotated[Seconds, AfterValidator(_below_a_stop)] = timedelta(seconds=22)

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError("write debug, info, warning or error")
        return value.lower()

    @field_validator("database_url")
    @classmethod
    def _beside_the_data(cls, value: SecretStr, info: Any) -> SecretStr:
        path = info.data.get("data", Path("var")) / "scheduler.sqlite"
        return value if value.get_secret_value() else SecretStr(f"sqlite:///{path}")

    @field_validator("mail_url")
    @classmethod
    def _into_the_data(cls, value: SecretStr, info: Any) -> SecretStr:
        path = info.data.get("data", Path("var")) / "mailbox"
        return value if value.get_secret_value() else SecretStr(f"maildir:{path}")


def read_settings() -> Settings:
    """The settings of the environment. Raises SettingsRefused with a sentence for each that is wrong."""
    given, said = _read_files()
    try:
        settings = Settings(**given)
    except ValidationError as error:
        said += [_sentence(one, given) for one in error.errors()]
    if said:
        raise SettingsRefused("; ".join(said))
    return settings


def _read_files() -> tuple[dict[str, Any], list[str]]:
    """SCHEDULER_SECRET_KEY_FILE=/run/secrets/key: the value is the file's text, without its line end.

    Gives the values, and a sentence for each file that gives none. It does not quote the file's name: now
    and then the secret itself is written there.
    """
    given, said = {}, []
    for field in Settings.model_fields:
        variable, name = f"{_PREFIX}{field.upper()}", f"{_PREFIX}{field.upper()}_FILE"
        path = os.environ.get(name)
        if not path:
            continue
        if os.environ.get(variable):
            said.append(f"{variable} and {name} are both set: keep one of the two")
            continue
        try:
            text = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            said.append(f"{name}: the file that it names cannot be read ({why})")
            continue
        if text:
            given[field] = text
        else:
            said.append(f"{name}: the file that it names is empty")
    return given, said


def _sentence(error: Any, given: Collection[str]) -> str:
    field = str(error["loc"][0])
    said = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] in ("int_parsing", "greater_than_equal", "less_than_equal"):
        low, high = (_bound(field, name) for name in ("ge", "le"))
        said = f"write a whole number from {low} to {high}"
    return f"{_PREFIX}{field.upper()}{'_FILE' if field in given else ''}: {said}"


def _bound(field: str, name: str) -> int:
    found = (getattr(one, name, None) for one in Settings.model_fields[field].metadata)
    return next(int(bound) for bound in found if bound is not None)
