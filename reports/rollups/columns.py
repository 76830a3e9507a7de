"""Columns of rollups: Django fields with the SQL that computes them from events and merges them.

A key identifies rows. A measure is merged when rows that differ in other keys, or in time, are combined.
Merging in any order gives the same result, so sums are exact decimals and not floating point numbers.
"""
# mypy: disable-error-code="type-arg"
# Django's fields take type arguments from the checker only, so a class that runs can't name them.

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from events.lib.sql import compose
from events.store.versions import OVERFLOW

LARGEST = 1e300  # of a number that pages get: sums of what senders may send have no float
HALVINGS_OF_LOWEST = 4  # of a set, with a sixteenth of it stored separately
LONGEST = 200  # characters of a text key; what is longer is counted under its beginning


def has_key(column: str, value: str) -> models.Q:
    """Match a text of an event or session with a Key: a missing text is '', a long one is cut."""
    if not value:
        return models.Q(**{f"{column}__isnull": True}) | models.Q(**{column: ""})
    return models.Q(**{f"{column}__startswith" if len(value) == LONGEST else column: value})


class Column:
    """Base of all columns. It adds `sql` over `event`, `detail` or `session` to a Django field."""

    def __init__(self, sql: str = "", **options: Any) -> None:
        self.sql = sql
        super().__init__(**options)

    def deconstruct(self) -> Any:
        """Return a plain field, so that changing the SQL needs no migration."""
        name, _, args, options = super().deconstruct()  # type: ignore[misc]
        return name, self.path, args, options

    path = ""


class Key(Column, models.TextField):
    """A text that identifies rows, cut to LONGEST characters. Missing texts are counted under ''."""

    path = "django.db.models.TextField"

    def made(self) -> str:
        """Return the SQL of its value, of an event or session."""
        return f"left(coalesce({self.sql}, ''), {LONGEST})"


class Version(Key):
    """The version of a source. Beyond those that a source may have, versions are counted as one.

    Which ones these are is known from SourceVersion. Rows of it are only added, and only until a source has
    as many as it may have, so a version is counted under the same name whenever its events are aggregated.
    """

    def made(self) -> str:
        """Return the SQL of its value, of an event or session."""
        table, _, _ = self.sql.partition(".")
        version = super().made()
        source = f"{table}.source_id, {table}.owner_id"
        # CASE evaluates in this order, so the versions are only looked up where a source has too many.
        return (
            f"CASE WHEN ({source}) NOT IN ({_CROWDED}) OR {version} = '' THEN {version}"
            f" WHEN ({source}, {version}) IN ({_NAMED}) THEN {version} ELSE '{OVERFLOW}' END"
        )


# Neither refers to the outer row, so each is read once per statement, into a hash table.
_CROWDED = compose(
    "SELECT source_id, owner_id FROM events_sourceversion"
    " WHERE version = '{overflow}' AND owner_id = ANY(%(owners)s::int[])",
    overflow=OVERFLOW,
)
_NAMED = compose(
    "SELECT source_id, owner_id, known.version FROM events_sourceversion known"
    " JOIN ({crowded}) AS crowded USING (source_id, owner_id)",
    crowded=_CROWDED,
)


class Bin(Column, models.SmallIntegerField):
    """A small number that identifies rows, for example a bin of a histogram."""

    path = "django.db.models.SmallIntegerField"

    def made(self) -> str:
        """Return the SQL of its value."""
        return f"({self.sql})::smallint"


class Flag(Column, models.BooleanField):
    """A boolean that identifies rows. Unknown is false, also in rows older than the column."""

    path = "django.db.models.BooleanField"

    def __init__(self, sql: str = "", **options: Any) -> None:
        super().__init__(sql, **{"default": False, "db_default": False} | options)

    def made(self) -> str:
        """Return the SQL of its value."""
        return f"coalesce({self.sql}, false)"


class Measure(Column):
    """A value that is merged by an aggregate. `merge` is its SQL, with `{}` for the column and its filter."""

    merge = ""

    def made(self) -> str:
        """Return the aggregate over events or sessions."""
        raise NotImplementedError

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over rows of the rollup, or over those that meet a condition."""
        only = f" FILTER (WHERE {condition})" if condition else ""
        return self.merge.format(f'("{self.column}"){only}')  # type: ignore[attr-defined]

    def read(self) -> set[str]:
        """Return the columns that it is read from."""
        return {self.column}  # type: ignore[attr-defined]


class Count(Measure, models.BigIntegerField):
    """A count of events or sessions; with SQL, only of those for which it is true."""

    path = "django.db.models.BigIntegerField"
    merge = "sum{}::bigint"

    def made(self) -> str:
        """Return the aggregate over events or sessions."""
        return f"count(*) FILTER (WHERE {self.sql})" if self.sql else "count(*)"


class Whole(Measure, models.BigIntegerField):
    """A sum of whole numbers."""

    path = "django.db.models.BigIntegerField"
    merge = "sum{}::bigint"

    def made(self) -> str:
        """Return the aggregate over events or sessions."""
        return f"coalesce(sum({self.sql}), 0)::bigint"


class Numeric(models.Field[Any, Any]):
    """A decimal number of any size."""

    def db_type(self, connection: object) -> str:
        """Return the database type."""
        return "numeric"


class Total(Measure, Numeric):
    """A sum of numbers, exact to the fifteen digits of each."""

    path = "reports.rollups.columns.Numeric"
    merge = "sum{}"

    def made(self) -> str:
        """Return the aggregate over events or sessions."""
        return f"coalesce(sum(({self.sql})::numeric), 0)"


class _Extreme(Measure):
    aggregate = ""

    def made(self) -> str:
        """Return the aggregate over events or sessions."""
        return f"{self.aggregate}({self.sql})"

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over rows of the rollup, or over those that meet a condition."""
        only = f" FILTER (WHERE {condition})" if condition else ""
        return f'{self.aggregate}("{self.column}"){only}'  # type: ignore[attr-defined]


class Least(_Extreme, models.FloatField):
    """The minimum of some numbers; NULL without any."""

    path = "django.db.models.FloatField"
    aggregate = "min"


class Most(_Extreme, models.FloatField):
    """The maximum of some numbers; NULL without any."""

    path = "django.db.models.FloatField"
    aggregate = "max"


class First(_Extreme, models.DateTimeField):
    """The earliest of some times."""

    path = "django.db.models.DateTimeField"
    aggregate = "min"


class Latest(_Extreme, models.DateTimeField):
    """The latest of some times."""

    path = "django.db.models.DateTimeField"
    aggregate = "max"


class Words(_Extreme, models.TextField):
    """One of some texts, the last alphabetically, cut: a display name for ids."""

    path = "django.db.models.TextField"
    aggregate = "max"

    def made(self) -> str:
        """Return the aggregate over events or sessions."""
        return f"max(left({self.sql}, {LONGEST}))"


class Last(Measure, models.FloatField):
    """The latest of some numbers. `at` is the column of the same rollup with its time."""

    path = "django.db.models.FloatField"

    def __init__(self, sql: str = "", *, at: str = "", **options: Any) -> None:
        self.at = at
        super().__init__(sql, **options)

    def made(self) -> str:
        """Return the aggregate over events; of two at the same time, the greater."""
        return f"(array_agg({self.sql} ORDER BY event.occurred_at DESC, {self.sql} DESC))[1]"

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over rows of the rollup, or over those that meet a condition."""
        only = f" FILTER (WHERE {condition})" if condition else ""
        return f'(array_agg("{self.column}" ORDER BY "{self.at}" DESC, "{self.column}" DESC){only})[1]'

    def read(self) -> set[str]:
        """Return the columns that it is read from."""
        return {str(self.column), self.at}


class Members(Measure, ArrayField):
    """A set of members, as a sorted array of 64-bit hashes, so that distinct members are counted exactly.

    Among a million members, the probability that two have the same hash is 1 in 37 million. Merging unnests
    sets, so a rollup with members has no other measure.
    """

    path = "django.contrib.postgres.fields.ArrayField"

    def __init__(self, sql: str = "", **options: Any) -> None:
        options.setdefault("base_field", models.BigIntegerField())
        super().__init__(sql, **options)

    def made(self) -> str:
        """Return the aggregate over distinct texts.

        MD5, since PostgreSQL's own hashes may change between versions.
        """
        return _sorted("('x' || left(md5(member), 16))::bit(64)::bigint")

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over distinct members, regardless of their rows."""
        if condition:
            raise ValueError("Members are narrowed by the conditions of the statement")
        return _sorted("member")

    def read(self) -> set[str]:
        """Return the columns that it is read from."""
        return {str(self.column), "lowest"}


def _sorted(member: str) -> str:
    """Return the aggregate of distinct numbers as a sorted array.

    Each row's numbers are sorted alone. An aggregate with ORDER BY would first sort all members by all keys,
    most of which are equal: that took 0.18 s of CPU instead of 0.07 s for 6,000 actors and 6,000 devices.
    """
    return compose(
        "(SELECT array_agg(DISTINCT number ORDER BY number) FROM unnest(array_agg({member})) AS number)",
        member=member,
    )


def highest_after(halvings: str | int) -> str:
    """Return the highest hash left after that many halvings, each of which keeps the lower half."""
    return f"-9223372036854775807 + ((1::bigint << (63 - {halvings})) - 1) * 2"


class Lowest(models.GeneratedField):
    """The beginning of the set `members`: a sample that is read without all of the set from TOAST."""

    def __init__(self, **options: Any) -> None:
        begin = f"(%(expressions)s)[1:width_bucket({highest_after(HALVINGS_OF_LOWEST)}, %(expressions)s)]"
        own = {
            "expression": models.Func(models.F("members"), template=begin),
            "output_field": ArrayField(models.BigIntegerField()),
            "db_persist": True,
        }
        super().__init__(**options | own)

    def deconstruct(self) -> Any:
        """Return Django's own field for migrations."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.GeneratedField", args, options


def plain(value: Any) -> Any:
    """Return a measure for pages: decimals as numbers, none of them infinite."""
    return min(max(float(value), -LARGEST), LARGEST) if isinstance(value, (Decimal, float)) else value
