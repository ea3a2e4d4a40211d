"""Values of many rows as parameters of one statement, whatever their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ColumnElement, String, bindparam, column, func, select
from sqlalchemy.sql.expression import FromClause
from sqlalchemy.types import TypeEngine

from scheduler.store.tables import Instant

#: The types that such values have.
NUMBER, TEXT, INSTANT = BigInteger(), String(), Instant()
#: The name of the one parameter. It is JSON: the driver puts arrays together element by element, in Python.
_ROWS = "listed_rows"


@dataclass(frozen=True)
class Listed:
    """A table that travels with its statement: json_each on SQLite, json_to_recordset on PostgreSQL."""

    #: name and type of each column
    columns: tuple[tuple[str, TypeEngine[Any]], ...]

    def table(self, dialect: str) -> FromClause:
        """What a statement joins; it can be put together once."""
        rows = bindparam(_ROWS, type_=JSON)
        if dialect == "sqlite":
            each = func.json_each(rows).table_valued("value")
            values = [self._extracted(each.c.value, n) for n in range(len(self.columns))]
            return select(*values).subquery("listed")
        named = [column(name, kind) for name, kind in self.columns]
        found = func.json_to_recordset(rows).table_valued(*named, name="listed")
        return found.render_derived(with_types=True)

    def parameters(self, dialect: str, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """What is executed with it; rows: values in the order of the columns."""
        if dialect == "sqlite":
            return {_ROWS: [[_as_stored(value) for value in row] for row in rows]}
        names = [name for name, _ in self.columns]
        return {_ROWS: [dict(zip(names, map(_as_text, row), strict=True)) for row in rows]}

    def _extracted(self, value: ColumnElement[Any], number: int) -> ColumnElement[Any]:
        name, kind = self.columns[number]
        return func.json_extract(value, f"$[{number}]", type_=kind).label(name)


def _as_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _as_stored(value: Any) -> Any:
    """An instant as SQLite's column has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", timespec="microseconds")
    return value
