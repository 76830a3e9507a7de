"""A view of the schema `telemetry`: its columns, where they come from, and the statements that create it.

Every view shows only the owners that the role may see (`telemetry.visible_owners`), behind a security
barrier, so that a function in a reader's statement never gets a row of another owner. Apps register their
views with `register`; `install` creates all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.db import models

SCHEMA = "telemetry"
VISIBLE = "= ANY (ARRAY(SELECT unnest(telemetry.visible_owners())))"  # evaluated once
# SQL has a function of this name, so a column of it would need quotes, and give another value without them.
RESERVED = frozenset({"user"})


class ViewColumn(NamedTuple):
    """A column of a view."""

    name: str
    expression: str
    comment: str


@dataclass(frozen=True)
class View:
    """A view. `owner_id` is the expression of the owner in `source`, the FROM clause."""

    name: str
    comment: str
    columns: tuple[ViewColumn, ...]
    source: str
    owner_id: str

    def select(self) -> str:
        """Return the query of the view."""
        columns = ",\n  ".join(f'{column.expression} AS "{column.name}"' for column in self.columns)
        return "\n".join(("SELECT", columns, "FROM", self.source, "WHERE", self.owner_id, VISIBLE))

    def comments(self) -> Iterable[tuple[str, str]]:
        """Yield what is commented, as SQL names it, with the comment."""
        yield f'VIEW {SCHEMA}."{self.name}"', self.comment
        for column in self.columns:
            yield f'COLUMN {SCHEMA}."{self.name}"."{column.name}"', column.comment


VIEWS: dict[str, View] = {}


def register(view: View) -> View:
    """Add a view to those that `install` creates."""
    VIEWS[view.name] = view
    return view


def comment_of(field: models.Field[object, object]) -> str:
    """Return the help text of a column, or its name as words."""
    if isinstance(field, models.ForeignKey):
        return f"Id of the {field.verbose_name}."
    return str(field.help_text) or f"{str(field.verbose_name).capitalize()}."


def columns_of(
    fields: Iterable[models.Field[object, object]], alias: str, prefix: str = "", taken: Iterable[str] = ()
) -> list[ViewColumn]:
    """Return the columns of a table as they are.

    A name that is reserved or `taken` gets the prefix.
    """
    avoided = RESERVED.union(taken)
    return [
        ViewColumn(
            f"{prefix}_{field.attname}" if field.attname in avoided else field.attname,
            f'{alias}."{field.column}"',
            comment_of(field),
        )
        for field in fields
    ]


OWNER_AND_SOURCE = (
    ViewColumn("owner", "o.name", "Name of the owner: the team whose event it is."),
    ViewColumn(
        "source",
        "coalesce(m.name, s.name)",
        "Name of the source: the application that sent it, or the source that it was merged into.",
    ),
)


def with_names(alias: str) -> str:
    """Return the joins of a table with its owner, its source, and the source that that was merged into.

    Their aliases are `o`, `s` and `m`. The planner leaves out a LEFT JOIN whose columns a query doesn't use.
    """
    return (
        f"\n  LEFT JOIN public.events_owner o ON o.id = {alias}.owner_id"
        f"\n  LEFT JOIN public.events_source s ON s.id = {alias}.source_id"
        "\n  LEFT JOIN public.events_source m ON m.id = s.merged_into_id"
    )
