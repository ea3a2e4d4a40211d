"""A database on PostgreSQL that one test after another finds empty.

That takes a few milliseconds. To make one for each test takes longer, and leaves tens of thousands of files
that somebody must take away again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from scheduler.store.tables import metadata

#: What a test may have left connected.
_CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SHAPE = """
    SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT version_num, '', '' FROM alembic_version
    ORDER BY 1, 2
"""
#: In this order none hinders another.
_DELETE = [
    sql.SQL("DELETE FROM {}").format(sql.Identifier(table.name)) for table in metadata.sorted_tables[::-1]
]
_COUNT_ANEW = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S'"


@dataclass
class Reused:
    #: gives the address of a new database with all tables
    make: Callable[[], str]
    _address: str = ""
    #: columns of the tables, and their version, as they were made
    _shape: list[tuple[str, ...]] = field(default_factory=list)

    def address(self) -> str:
        """Of a database with all tables and nothing in them: the same again, unless a test has changed its
        tables."""
        if not self._address or not self._is_emptied():
            self._address = self.make()
            with psycopg.connect(self._address) as connection:
                self._shape = connection.execute(_SHAPE).fetchall()
        return self._address

    def _is_emptied(self) -> bool:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(_CUT_OFF)
            if connection.execute(_SHAPE).fetchall() != self._shape:
                return False
            with connection.transaction():
                for delete in _DELETE:
                    connection.execute(delete)
                connection.execute(_COUNT_ANEW)
        return True
