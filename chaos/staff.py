"""What staff decide, put into force beside the service: to the second, where files know minutes only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from chaos.house import House
from scheduler.configuration.load import load
from scheduler.model.network import Configuration
from scheduler.model.notices import Kind, NoticeRule
from scheduler.model.series import Series, Session
from scheduler.service.apply import put_in_force
from scheduler.service.rehearsal import Edit, Rehearsal, rehearse
from scheduler.store import configurations
from scheduler.store.database import open_database
from scheduler.store.migrate import migrate

#: Held while tables are made in this process: Alembic does it once at a time; rows are played side by side.
MAKING_TABLES = asyncio.Lock()


def configuration_of(house: House) -> Configuration:
    """What its files say. From now on the house waits for decisions: an edit is not applied by itself."""
    if "apply: auto" in (house.config / "network.yaml").read_text():
        house.edit("network.yaml", "apply: auto", "apply: confirm")
    loaded = load(house.config)
    if loaded.configuration is None:
        raise ValueError(f"the house is badly furnished: {loaded.problems}")
    return loaded.configuration


def at(session: Session, starts_at: datetime) -> Session:
    """The same session at this instant."""
    return replace(session, on=starts_at.date(), start=starts_at.time(), zone="+00:00")


def with_rules(series: Series, *kinds: Kind, more: tuple[NoticeRule, ...] = ()) -> Series:
    """Only the rules of these kinds, and these."""
    return replace(series, rules=(*(rule for rule in series.rules if rule.kind in kinds), *more))


def with_addresses(configuration: Configuration, addresses: Mapping[str, str]) -> Configuration:
    """addresses: of contacts, and what is in their place."""
    members = (
        replace(
            member,
            contacts=tuple(
                replace(contact, address=addresses.get(contact.address, contact.address))
                for contact in member.contacts
            ),
        )
        for member in configuration.members
    )
    return replace(configuration, members=tuple(members))


async def rehearsed(
    configuration: Configuration, start: datetime, end: datetime, folder: Path, *edits: Edit
) -> Rehearsal:
    """Played on the virtual clock, by the same engine and outbox as a service."""
    async with MAKING_TABLES:
        return await rehearse(configuration, start, end, folder, "https://chaos.example", edits)


async def decide(house: House, configuration: Configuration, by: str = "Anna") -> datetime:
    """In force at once, beside a service that runs; gives the instant from which on it counts."""
    database = open_database(house.database_url)
    try:
        async with MAKING_TABLES:
            await migrate(database)
        async with database.read() as connection:
            before = await configurations.latest(connection)
        now = datetime.now(UTC)
        await put_in_force(database, configuration, now=now, by=by, replaces=before.hash if before else None)
    finally:
        await database.close()
    return now
