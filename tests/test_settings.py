"""What an operator may write into the environment, and what is said of what cannot be used."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.errors import SettingsRefused
from scheduler.settings import Settings, read_settings

SECRET = "correct-horse-battery"  # noqa: S105 - of nothing
#: Every variable with a value that differs from its default, as it is written.
WRITTEN = {
    "config": "/etc/cities",
    "data": "/srv/cities",
    "database_url": f"postgresql://user:{SECRET}@db.cities.example/cities",
    "mail_url": f"smtp://user:{SECRET}@mail.cities.example:587",
    "mail_ca": "/etc/ca.pem",
    "listen": "0.0.0.0:80",
    "base_url": "https://cities.example/calendar",
    "hosts": "old.cities.example, scheduler",
    "secret_key": SECRET,
    "api_keys": f"survey:{SECRET}-of-a-survey",
    "log_level": "warning",
    "max_in_flight": "3",
    "mail_connections": "2",
    "mail_per_second": "20",
    "mail_connect_seconds": "4",
    "mail_command_seconds": "5",
    "mail_reply_seconds": "6",
    "retry_minutes": "2, 7.5",
    "tick_seconds": "7",
    "lease_seconds": "8",
    "breaker_seconds": "0.5",
    "quiet_seconds": "9",
    "one_leads": "false",
    "hold_uncertain": "invitation, changed",
    "amnesty_hours": "36",
    "keep_days": "500",
    "drain_seconds": "10",
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("SCHEDULER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    return Environment(monkeypatch)


class Environment:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def read(self, **variables: str) -> Settings:
        for name, value in variables.items():
            self._monkeypatch.setenv(f"SCHEDULER_{name.upper()}", value)
        return read_settings()

    def refusal(self, **variables: str) -> str:
        with pytest.raises(SettingsRefused) as refused:
            self.read(**variables)
        return str(refused.value)


def test_every_setting_is_tried_here() -> None:
    assert set(WRITTEN) == set(Settings.model_fields)


# what is left out


def test_without_a_word_everything_has_its_default(environment: Environment) -> None:
    settings = environment.read()

    assert settings.config == Path("config")
    assert settings.listen == ("127.0.0.1", 8000)
    assert settings.log_level == "info"
    assert settings.tick_seconds == timedelta(seconds=30)
    assert [step.total_seconds() for step in settings.retry_minutes] == [60, 300, 900, 1800, 3600]
    assert settings.secret_key.get_secret_value() == ""


def test_database_and_mailbox_lie_in_the_data_folder(environment: Environment) -> None:
    settings = environment.read(data="/srv/cities")

    assert settings.database_url.get_secret_value() == "sqlite:////srv/cities/scheduler.sqlite"
    assert settings.mail_url.get_secret_value() == "maildir:/srv/cities/mailbox"


@pytest.mark.parametrize("name", WRITTEN)
def test_an_empty_variable_counts_as_left_out(environment: Environment, name: str) -> None:
    plain = environment.read()

    assert environment.read(**{name: ""}) == plain
    assert environment.read(**{f"{name}_file": ""}) == plain


# what is written


@pytest.mark.parametrize("name", WRITTEN)
def test_every_setting_is_read_from_its_variable(environment: Environment, name: str) -> None:
    plain = environment.read()

    assert getattr(environment.read(**{name: WRITTEN[name]}), name) != getattr(plain, name)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize("name", WRITTEN)
def test_every_setting_may_stand_in_a_file(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, end: str
) -> None:
    (tmp_path / "secret").write_bytes(f"{WRITTEN[name]}{end}".encode())

    from_file = environment.read(**{f"{name}_file": str(tmp_path / "secret")})
    monkeypatch.delenv(f"SCHEDULER_{name.upper()}_FILE")

    assert from_file == environment.read(**{name: WRITTEN[name]})


def test_blanks_in_a_file_belong_to_the_value(environment: Environment, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  a key \n")

    settings = environment.read(secret_key_file=str(tmp_path / "key"))

    assert settings.secret_key.get_secret_value() == "  a key "


@pytest.mark.parametrize("written", ["https://cities.example", "https://cities.example/"])
def test_the_base_url_has_no_slash_at_its_end(environment: Environment, written: str) -> None:
    assert environment.read(base_url=written).base_url == "https://cities.example"


@pytest.mark.parametrize(
    ("written", "listen"),
    [
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:8000", ("::1", 8000)),
        ("[::]:65535", ("::", 65535)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_a_host_has_its_port(environment: Environment, written: str, listen: tuple[str, int]) -> None:
    assert environment.read(listen=written).listen == listen


def test_each_program_has_a_key_by_its_name(environment: Environment) -> None:
    keys = environment.read(api_keys=f"survey:{SECRET}:12, website:{SECRET}-23").api_keys

    assert [(name, key.get_secret_value()) for name, key in keys] == [
        ("survey", f"{SECRET}:12"),
        ("website", f"{SECRET}-23"),
    ]


def test_the_level_of_the_log_may_be_shouted(environment: Environment) -> None:
    assert environment.read(log_level="DEBUG").log_level == "debug"


# what cannot be used


@pytest.mark.parametrize(
    ("name", "wrong", "hint"),
    [
        ("listen", "::1:8000", "write host and port"),
        ("listen", "8000", "write host and port"),
        ("listen", ":8000", "write host and port"),
        ("listen", "localhost:65536", "write host and port"),
        ("listen", "[::1]", "write host and port"),
        ("base_url", "cities.example/secretly", "write it with http:// or https://"),
        ("base_url", "https:///secretly", "write it with http:// or https://"),
        ("base_url", "https://cities.example/?secretly", "write it with http:// or https://"),
        ("base_url", "ftp://cities.example", "write it with http:// or https://"),
        ("log_level", "secretly", "write debug, info, warning or error"),
        ("max_in_flight", "0", "write a whole number from 1 to 1000"),
        ("max_in_flight", "1001", "write a whole number from 1 to 1000"),
        ("mail_connections", "secretly", "write a whole number from 1 to 50"),
        ("retry_minutes", "1,,5", "write minutes with commas"),
        ("retry_minutes", "1,0", "write minutes with commas"),
        ("retry_minutes", "nan", "write minutes with commas"),
        ("retry_minutes", "1e300", "write minutes with commas"),
        ("tick_seconds", "0", "write a number of seconds above 0"),
        ("tick_seconds", "-1", "write a number of seconds above 0"),
        ("lease_seconds", "inf", "write a number of seconds above 0"),
        ("api_keys", "secretly-secretly-secretly", "write name:secret with commas"),
        ("api_keys", "survey:secretly", "of at least 24 letters"),
        ("api_keys", "Survey:secretly-secretly-secretly", "names of a-z, 0-9 and -"),
        ("api_keys", "a:secretly-secretly-secretly,", "write name:secret with commas"),
        ("api_keys", "a:secretly secretly secretly", "without blanks"),
        (
            "api_keys",
            "a:secretly-secretly-secretly,a:secretly-secretly-secretly-2",
            "each name and each secret",
        ),
        (
            "api_keys",
            "a:secretly-secretly-secretly,b:secretly-secretly-secretly",
            "each name and each secret",
        ),
        ("base_url", "https://u:secretly@cities.example", "and no password"),
        ("base_url", "https://cities.example/<x>", "write it with http:// or https://"),
        ("quiet_seconds", "23", "write at most 22 seconds"),
        ("drain_seconds", "30", "write at most 22 seconds"),
        ("drain_seconds", "secretly", "write a number of seconds above 0"),
    ],
)
def test_a_wrong_value_is_answered_with_what_to_write(
    environment: Environment, name: str, wrong: str, hint: str
) -> None:
    said = environment.refusal(**{name: wrong})

    assert said.startswith(f"SCHEDULER_{name.upper()}: ")
    assert hint in said
    assert "\n" not in said
    assert "secretly" not in said


def test_all_that_is_wrong_is_said_at_once(environment: Environment, tmp_path: Path) -> None:
    said = environment.refusal(
        listen="nowhere", tick_seconds="never", secret_key_file=str(tmp_path / "none"), log_level="loud"
    )

    assert set(re.findall("SCHEDULER_[A-Z_]+", said)) == {
        "SCHEDULER_LISTEN",
        "SCHEDULER_TICK_SECONDS",
        "SCHEDULER_SECRET_KEY_FILE",
        "SCHEDULER_LOG_LEVEL",
    }


def test_a_missing_file_is_said_in_one_sentence(environment: Environment, tmp_path: Path) -> None:
    said = environment.refusal(secret_key_file=str(tmp_path / "none"))

    assert said == (
        "SCHEDULER_SECRET_KEY_FILE: the file that it names cannot be read (No such file or directory)"
    )


def test_a_secret_written_where_a_file_belongs_is_not_repeated(environment: Environment) -> None:
    """The word "_FILE" left over in a compose file: the name of the file is the password."""
    assert SECRET not in environment.refusal(database_url_file=WRITTEN["database_url"])


@pytest.mark.parametrize("octets", [b"\xff\xfe", b"", b"\n"])
def test_a_file_without_a_value_is_refused(environment: Environment, tmp_path: Path, octets: bytes) -> None:
    """With an empty key the addresses of all feeds would change in silence."""
    (tmp_path / "key").write_bytes(octets)

    assert "SCHEDULER_SECRET_KEY_FILE" in environment.refusal(secret_key_file=str(tmp_path / "key"))


def test_a_wrong_value_in_a_file_names_the_variable_of_the_file(
    environment: Environment, tmp_path: Path
) -> None:
    (tmp_path / "listen").write_text("secretly\n")

    said = environment.refusal(listen_file=str(tmp_path / "listen"))

    assert said.startswith("SCHEDULER_LISTEN_FILE: write host and port")


@pytest.mark.parametrize("in_file", [SECRET, "another"])
def test_a_value_given_twice_is_refused(environment: Environment, tmp_path: Path, in_file: str) -> None:
    (tmp_path / "key").write_text(in_file)

    said = environment.refusal(secret_key=SECRET, secret_key_file=str(tmp_path / "key"))

    assert said == "SCHEDULER_SECRET_KEY and SCHEDULER_SECRET_KEY_FILE are both set: keep one of the two"


def test_settings_show_no_secret(environment: Environment) -> None:
    settings = environment.read(**WRITTEN)

    for shown in (repr(settings), str(settings), str(settings.model_dump())):
        assert SECRET not in shown


def test_a_refusal_carries_no_value_in_its_traceback(environment: Environment) -> None:
    with pytest.raises(SettingsRefused) as refused:
        environment.read(**WRITTEN | {"listen": SECRET, "log_level": SECRET})

    assert refused.value.__cause__ is refused.value.__context__ is None
    assert SECRET not in str(refused.value)
