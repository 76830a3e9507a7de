"""SQL composed of parts by psycopg, which quotes names of tables and columns."""

from collections.abc import Iterable
from typing import Any, LiteralString

from psycopg import sql

Parameters = dict[str, Any]  # of a statement: psycopg adapts their values
Fetched = tuple[Any, ...]  # a row of a cursor


def compose(template: LiteralString, **parts: str | sql.Composable) -> str:
    """Return a template with its `{parts}` filled in: identifiers, or composed SQL.

    Parameters such as `%(name)s` are left unchanged.
    """
    filled = {key: sql.SQL(part) if isinstance(part, str) else part for key, part in parts.items()}
    return sql.SQL(template).format(**filled).as_string(None)


def identifier(*path: str) -> sql.Identifier:
    """Return the name of a table or a column, or of a column of a table."""
    return sql.Identifier(*path)


def identifiers(columns: Iterable[str], table: str = "") -> sql.Composed:
    """Return names separated by commas, optionally each qualified with a table."""
    return sql.SQL(", ").join(
        identifier(table, column) if table else identifier(column) for column in columns
    )


def each(template: LiteralString, names: Iterable[str], separator: LiteralString = ", ") -> sql.Composed:
    """Return a list of one part per name, such as `each("{name} = excluded.{name}", columns)`."""
    return sql.SQL(separator).join(sql.SQL(template).format(name=identifier(name)) for name in names)
