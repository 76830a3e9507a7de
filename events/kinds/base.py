"""Base classes of the models of kinds."""

import re
from collections.abc import Mapping
from typing import ClassVar

from django.db import models

from events.event import Event
from events.lib.fields import AnyField
from events.partitioned.marker import PartitionedById
from events.wire.columns import Form, WireField
from events.wire.dialects import AVAILITY, BUILDLESS, SUNBIRD, Dialect
from events.wire.schema import Leaf, Watch
from events.wire.validators import Rule


class Kind(PartitionedById, models.Model):
    """Base class of the kinds' own columns, in a table that is one-to-one with the envelope."""

    dialect: ClassVar[Dialect]
    # Objects that strict validation closes, as dotted paths below the dialect's root; "" is the root itself.
    closed: ClassVar[frozenset[str]] = frozenset()
    # Rules that types can't express: each takes the event and returns its fault, or None.
    rules: ClassVar[tuple[Rule, ...]] = ()
    # Checks across several columns. Their findings are quality warnings.
    watches: ClassVar[tuple[Watch, ...]] = ()
    # Advice for the fields of these warnings, by path. Columns have their own.
    expected: ClassVar[Mapping[str, str]] = {}
    # Encodings with different hard fields: their dotted paths.
    hard_by_encoding: ClassVar[dict[str, frozenset[str]]] = {}

    # Fields that an encoding can't carry, so their absence causes no warning: dotted paths.
    unsendable_by_encoding: ClassVar[dict[str, frozenset[str]]] = {}

    event = models.OneToOneField(
        Event,
        on_delete=models.DO_NOTHING,
        primary_key=True,
        db_column="id",
        db_constraint=False,
        related_name="+",
        help_text="The envelope of the event.",
    )

    class Meta:
        abstract = True

    @classmethod
    def name(cls) -> str:
        """Return the name of the kind: the class name in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()

    @classmethod
    def columns(cls) -> list[WireField]:
        """Return the kind's own columns, in the order of the file."""
        return [column for column in cls._meta.local_fields if isinstance(column, WireField)]

    @classmethod
    def computed(cls) -> list[AnyField]:
        """Return the columns that enrichment fills, which aren't on the wire."""
        return [
            column
            for column in cls._meta.local_fields
            if not isinstance(column, WireField) and not column.primary_key
        ]

    @classmethod
    def root(cls) -> tuple[str, ...]:
        """Return the path of the kind's own columns on the wire."""
        return tuple(cls.dialect.root.split(".")) if cls.dialect.root else ()

    @classmethod
    def leaves(cls) -> list[Leaf]:
        """Return envelope and own columns with their full paths."""
        own = [
            Leaf(
                path=(*cls.root(), *column.path.split(".")),
                column=column.attname,
                of_kind=True,
                take=column.take,
                give=column.give,
                need=column.need,
                lenient_type=column.lenient_type,
                held=column.held,
                strict_type=_strict_type(column),
                within=column.within,
                unless=column.unless,
                when=column.when,
                check=column.value_check,
            )
            for column in cls.columns()
        ]
        return [*cls.dialect.envelope, *own]

    @classmethod
    def closed_paths(cls) -> frozenset[str]:
        """Return the closed objects with their full paths."""
        return frozenset(f"{cls.dialect.root}.{path}".strip(".") for path in cls.closed)


def _strict_type(column: WireField) -> Form:
    if column.strict is True:
        return column.strict_type
    return None if column.strict is False else column.strict


class SunbirdKind(Kind):
    """A V3 event: `name` is its eid in lower case, columns are paths in `edata`."""

    dialect = SUNBIRD
    closed = frozenset({""})

    class Meta:
        abstract = True


class AvailityKind(Kind):
    """A message of Availity's telemetry: columns are paths in the message."""

    dialect = AVAILITY

    class Meta:
        abstract = True


class BuildlessKind(Kind):
    """An event of Buildless's telemetry service: columns are paths in proto3 JSON's `Event`."""

    dialect = BUILDLESS

    class Meta:
        abstract = True
