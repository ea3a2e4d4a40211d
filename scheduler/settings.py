"""Environment -> settings. Names begin with SCHEDULER_."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What differs from one installation to the next; what staff decide stands in the configuration."""

    model_config = SettingsConfigDict(env_prefix="SCHEDULER_", extra="ignore")

    #: the folder that staff edit
    config: Path = Path("config")
    #: sqlite:///file or postgresql://user:password@host/name; it may hold a password
    database_url: SecretStr = SecretStr("sqlite:///var/scheduler.sqlite")
    #: how the world reaches this installation; mails print it before every path
    base_url: str = "https://calendar.learning-cities.example"

    @field_validator("base_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")
