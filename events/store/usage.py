"""Usage counters per owner, source, kind, dialect and hour of receipt, and counters of quality warnings.

Counts are summed in memory, then written by one upsert with sorted keys, last in the transaction. So two
drains compete for the same rows only briefly, and in the same order.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import LiteralString, NamedTuple

from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models
from psycopg.sql import SQL, Identifier

from events.lib.sql import each
from events.ownership.erased import Erased, forgets
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.store.copying import array, text_array
from events.store.versions import OVERFLOW, VersionKey, VersionSeen
from events.store.versions import add as add_versions


class UsageHour(models.Model):
    """One row per owner, source, kind, dialect and hour (UTC, by time of receipt), with counts of events.

    `removed` is about the hour of removal instead: what had been received may go much later.
    """

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.TextField(help_text="Kind of event. Empty if it is unknown.")
    dialect = models.TextField()
    hour = models.DateTimeField(help_text="Hour of receipt, UTC.")
    received = models.BigIntegerField(
        default=0, help_text="Events received: the sum of the next three columns."
    )
    stored = models.BigIntegerField(default=0, help_text="Events filed.")
    duplicates = models.BigIntegerField(default=0, help_text="Events that were already stored.")
    rejected = models.BigIntegerField(default=0, help_text="Events that were rejected.")
    conflicting = models.BigIntegerField(
        default=0, help_text="Duplicates whose content differs from the stored event."
    )
    billed_bytes = models.BigIntegerField(default=0, help_text="Size of the stored events, as it is charged.")
    wire_bytes = models.BigIntegerField(default=0, help_text="Size of the stored events in their requests.")
    # Their defaults are the database's too: the previous release, which doesn't know them, may still file.
    removed = models.BigIntegerField(
        default=0, db_default=0, help_text="Events removed in this hour, whenever they were received."
    )
    removed_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="Size of the events removed in this hour, as it was charged."
    )
    # Lets the remaining events of an hour of receipt be verified exactly, whatever was removed since.
    gone = models.BigIntegerField(
        default=0, db_default=0, help_text="Stored events that have been removed since."
    )
    gone_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="billed_bytes of the removed events."
    )
    gone_wire_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="wire_bytes of the removed events."
    )
    # An import may be free of charge. What it stores costs as much as any other stored data.
    free = models.BigIntegerField(
        default=0, db_default=0, help_text="Stored events that were imported free of charge."
    )
    free_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="billed_bytes of the events that were imported free of charge."
    )
    free_wire_bytes = models.BigIntegerField(
        default=0, db_default=0, help_text="wire_bytes of the events that were imported free of charge."
    )

    class Meta:
        verbose_name = "usage"
        verbose_name_plural = "usage"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "hour", "source", "kind", "dialect"], name="usage_hour_once"
            )
        ]
        # Rows arrive hour by hour, so a period of all owners is a range of the table. Updates don't touch it.
        indexes = [BrinIndex(fields=["hour"], name="usage_hour_brin", pages_per_range=16, autosummarize=True)]

    def __str__(self) -> str:
        return f"{self.kind} at {self.hour:%Y-%m-%d %H:00}"


class WarningHour(models.Model):
    """One row per quality warning and hour of receipt, with its count."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.TextField()
    version = models.TextField(help_text="Version of the source. Empty if none was sent.")
    path = models.TextField(help_text="The field.")
    code = models.TextField(help_text="What was wrong with it; docs/reference/errors.md lists the codes.")
    hour = models.DateTimeField(help_text="Hour of receipt, UTC.")
    count = models.BigIntegerField(default=0)
    # Its default is the database's too: the previous release, which doesn't know it, may still file.
    example = models.TextField(
        default="", db_default="", help_text="Last value that was sent. Empty if it isn't kept or was erased."
    )

    class Meta:
        verbose_name = "quality warning"
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "hour", "source", "kind", "version", "path", "code"],
                name="warning_hour_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.path} {self.code}"


class UsageKey(NamedTuple):
    """The key of a usage counter."""

    owner_id: int
    hour: datetime
    source_id: int
    kind: str
    dialect: str


class WarningKey(NamedTuple):
    """The key of a warning counter."""

    owner_id: int
    hour: datetime
    source_id: int
    kind: str
    version: str
    path: str
    code: str


# Measures shown to readers of usage.
MEASURES = (
    "received",
    "stored",
    "duplicates",
    "rejected",
    "conflicting",
    "billed_bytes",
    "wire_bytes",
    "removed",
    "removed_bytes",
)
# With measures that only charges and `verify` need.
COUNTED = (*MEASURES, "gone", "gone_bytes", "gone_wire_bytes", "free", "free_bytes", "free_wire_bytes")


@dataclass
class UsageDelta:
    """Counts of one block, summed in memory."""

    usage: dict[UsageKey, dict[str, int]] = field(default_factory=dict)
    warnings: Counter[WarningKey] = field(default_factory=Counter)
    examples: dict[WarningKey, str] = field(default_factory=dict)  # of warnings
    versions: dict[VersionKey, VersionSeen] = field(default_factory=dict)

    def count(self, key: UsageKey, **measures: int) -> None:
        """Add to the measures of a key."""
        counter = self.usage.get(key)
        if counter is None:
            counter = self.usage[key] = dict.fromkeys(COUNTED, 0)
        for measure, number in measures.items():
            counter[measure] += number

    def make_free(self) -> None:
        """Charge nothing for receiving the stored events."""
        for counter in self.usage.values():
            counter["free"] = counter["stored"]
            counter["free_bytes"] = counter["billed_bytes"]
            counter["free_wire_bytes"] = counter["wire_bytes"]


@forgets("examples of quality warnings")
def erase_examples(erased: Erased, _: datetime) -> int:
    """Erase all examples of the owner, since any value may name the actor."""
    rows = WarningHour.objects.filter(owner=erased.owner).exclude(example="")
    return rows.update(example="")


def hour_of(moment: datetime) -> datetime:
    """Return the hour of a time."""
    return moment.replace(minute=0, second=0, microsecond=0)


def apply_delta(delta: UsageDelta) -> None:
    """Add a delta to the counters, in the transaction that files the block."""
    over = add_versions(delta.versions)
    _upsert(
        "events_usagehour",
        UsageKey._fields,
        COUNTED,
        [(*key, *counter.values()) for key, counter in sorted(delta.usage.items())],
    )
    warnings, examples = _in_bounds(delta, over)
    _upsert(
        "events_warninghour",
        WarningKey._fields,
        ("count",),
        [(*key, count, examples.get(key, "")) for key, count in sorted(warnings.items())],
        latest=("example",),
    )


def _in_bounds(delta: UsageDelta, over: set[VersionKey]) -> tuple[Counter[WarningKey], dict[WarningKey, str]]:
    """Return warnings and examples with versions beyond the limit replaced by one."""
    if not over:
        return delta.warnings, delta.examples
    made, examples = Counter[WarningKey](), dict[WarningKey, str]()
    for key, count in delta.warnings.items():
        is_over = VersionKey(key.source_id, key.owner_id, key.version) in over
        bounded = key._replace(version=OVERFLOW) if is_over else key
        made[bounded] += count
        if key in delta.examples:
            examples[bounded] = delta.examples[key]
    return made, examples


_TYPES: dict[str, LiteralString] = {
    "owner_id": "int",
    "source_id": "int",
    "hour": "timestamptz",
} | dict.fromkeys((*COUNTED, "count"), "bigint")


_UPSERT = SQL("""
INSERT INTO {table} AS kept ({columns}) SELECT * FROM unnest({arrays})
ON CONFLICT ({keys}) DO UPDATE SET {changes}
""")


@cache
def _statement(table: str, keys: tuple[str, ...], measures: tuple[str, ...], latest: tuple[str, ...]) -> str:
    columns = (*keys, *measures, *latest)
    changes = [each("{name} = kept.{name} + excluded.{name}", measures)]
    if latest:
        changes.append(each("{name} = coalesce(nullif(excluded.{name}, ''), kept.{name})", latest))
    return _UPSERT.format(
        table=Identifier(table),
        columns=each("{name}", columns),
        arrays=SQL(", ").join(SQL("%s::{}[]").format(SQL(_TYPES.get(column, "text"))) for column in columns),
        keys=each("{name}", keys),
        changes=SQL(", ").join(changes),
    ).as_string()


def _upsert(
    table: str,
    keys: tuple[str, ...],
    measures: tuple[str, ...],
    rows: list[tuple[object, ...]],
    latest: tuple[str, ...] = (),
) -> None:
    """Upsert rows in the given order with one statement. `latest` columns keep their last non-empty text."""
    if not rows:
        return
    columns = (*keys, *measures, *latest)
    with connection.cursor() as cursor:
        cursor.execute(
            _statement(table, keys, measures, latest),
            [
                array(values)
                if _TYPES.get(column) in ("int", "bigint")
                else text_array(list(map(str, values)))
                for column, values in zip(columns, zip(*rows, strict=True), strict=True)
            ],
        )
