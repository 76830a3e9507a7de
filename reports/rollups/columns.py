"""Columns of rollups: Django fields that also know the SQL that makes them from events and merges them.

A key tells rows apart; a measure is merged when rows that differ in other keys, or in time, become one. All
merges give the same result in any order, so sums are exact decimals and not floating point numbers.
"""
# mypy: disable-error-code="type-arg"
# Django's fields take type arguments from the checker only, so a class that runs can't name them.

from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

LARGEST = 1e300  # of a number that pages get: sums of what senders may send have no float
HALVINGS_OF_LOWEST = 4  # of a set that has a sixteenth of it kept beside it
LONGEST = 200  # characters of a text key; what is longer is counted under its beginning


def has_key(column: str, value: str) -> models.Q:
    """True if a text of an event or session is this value of a Key: nothing is '', what is longer is cut."""
    if not value:
        return models.Q(**{f"{column}__isnull": True}) | models.Q(**{column: ""})
    return models.Q(**{f"{column}__startswith" if len(value) == LONGEST else column: value})


class Column:
    """Base of all columns. It adds `sql` over `event`, `detail` or `session` to a Django field."""

    def __init__(self, sql: str = "", **options: Any) -> None:
        self.sql = sql
        super().__init__(**options)

    def deconstruct(self) -> Any:
        """For migrations: a plain field, so that a change of SQL is none."""
        name, _, args, options = super().deconstruct()  # type: ignore[misc]
        return name, self.path, args, options

    path = ""


class Key(Column, models.TextField):
    """A text that tells rows apart, cut to LONGEST characters; what has none is counted under ''."""

    path = "django.db.models.TextField"

    def made(self) -> str:
        """The SQL of its value, of an event or session."""
        return f"left(coalesce({self.sql}, ''), {LONGEST})"


class Bin(Column, models.SmallIntegerField):
    """A small number that tells rows apart, for instance a bin of a histogram."""

    path = "django.db.models.SmallIntegerField"

    def made(self) -> str:
        """The SQL of its value."""
        return f"({self.sql})::smallint"


class Flag(Column, models.BooleanField):
    """A yes or no that tells rows apart; unknown is no. Rows made before there was such a column have no."""

    path = "django.db.models.BooleanField"

    def __init__(self, sql: str = "", **options: Any) -> None:
        super().__init__(sql, **{"default": False, "db_default": False} | options)

    def made(self) -> str:
        """The SQL of its value."""
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
        """The columns that it is read from."""
        return {self.column}  # type: ignore[attr-defined]


class Count(Measure, models.BigIntegerField):
    """A count of events or sessions; with SQL, of those for which it is true."""

    path = "django.db.models.BigIntegerField"
    merge = "sum{}::bigint"

    def made(self) -> str:
        """The aggregate over events or sessions."""
        return f"count(*) FILTER (WHERE {self.sql})" if self.sql else "count(*)"


class Whole(Measure, models.BigIntegerField):
    """A sum of whole numbers."""

    path = "django.db.models.BigIntegerField"
    merge = "sum{}::bigint"

    def made(self) -> str:
        """The aggregate over events or sessions."""
        return f"coalesce(sum({self.sql}), 0)::bigint"


class Numeric(models.Field[Any, Any]):
    """A decimal number of any size."""

    def db_type(self, connection: Any) -> str:
        """The type in the database."""
        return "numeric"


class Total(Measure, Numeric):
    """A sum of numbers, exact to the fifteen digits that each of them has."""

    path = "reports.rollups.columns.Numeric"
    merge = "sum{}"

    def made(self) -> str:
        """The aggregate over events or sessions."""
        return f"coalesce(sum(({self.sql})::numeric), 0)"


class _Extreme(Measure):
    aggregate = ""

    def made(self) -> str:
        """The aggregate over events or sessions."""
        return f"{self.aggregate}({self.sql})"

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over rows of the rollup, or over those that meet a condition."""
        only = f" FILTER (WHERE {condition})" if condition else ""
        return f'{self.aggregate}("{self.column}"){only}'  # type: ignore[attr-defined]


class Least(_Extreme, models.FloatField):
    """The least of some numbers; none without any."""

    path = "django.db.models.FloatField"
    aggregate = "min"


class Most(_Extreme, models.FloatField):
    """The greatest of some numbers; none without any."""

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
    """One of some texts, the last by the alphabet, cut: what things are called by that have ids."""

    path = "django.db.models.TextField"
    aggregate = "max"

    def made(self) -> str:
        """The aggregate over events or sessions."""
        return f"max(left({self.sql}, {LONGEST}))"


class Last(Measure, models.FloatField):
    """The last of some numbers; `at` is the column of the same rollup that says when it was."""

    path = "django.db.models.FloatField"

    def __init__(self, sql: str = "", *, at: str = "", **options: Any) -> None:
        self.at = at
        super().__init__(sql, **options)

    def made(self) -> str:
        """The aggregate over events; of two at once the greater."""
        return f"(array_agg({self.sql} ORDER BY event.occurred_at DESC, {self.sql} DESC))[1]"

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over rows of the rollup, or over those that meet a condition."""
        only = f" FILTER (WHERE {condition})" if condition else ""
        return f'(array_agg("{self.column}" ORDER BY "{self.at}" DESC, "{self.column}" DESC){only})[1]'

    def read(self) -> set[str]:
        """The columns that it is read from."""
        return {str(self.column), self.at}


class Members(Measure, ArrayField):
    """A set of members, as a sorted array of 64-bit hashes, so that distinct ones are counted exactly.

    Two of a million members have the same hash with a probability of 1 in 37 million. Sets are merged by
    taking them apart, so a rollup with members has no other measure.
    """

    path = "django.contrib.postgres.fields.ArrayField"

    def __init__(self, sql: str = "", **options: Any) -> None:
        options.setdefault("base_field", models.BigIntegerField())
        super().__init__(sql, **options)

    def made(self) -> str:
        """The aggregate over texts that differ; MD5, since PostgreSQL's own hashes may change with it."""
        hashed = "('x' || left(md5(member), 16))::bit(64)::bigint"
        return f"array_agg(DISTINCT {hashed} ORDER BY {hashed})"

    def merged(self, condition: str = "") -> str:
        """Return the aggregate over distinct members; which rows they are from is no longer known."""
        if condition:
            raise ValueError("Members are narrowed by the conditions of the statement")
        return "array_agg(member ORDER BY member)"

    def read(self) -> set[str]:
        """The columns that it is read from."""
        return {str(self.column), "lowest"}


def highest_after(halvings: str | int) -> str:
    """The highest hash of those that are left after so many halvings, each of which keeps the lower half."""
    return f"-9223372036854775807 + ((1::bigint << (63 - {halvings})) - 1) * 2"


class Lowest(models.GeneratedField):
    """The begin of the set `members`: a sample of it that is read without the whole, which is kept apart
    (TOAST) where it is large.
    """

    def __init__(self, **options: Any) -> None:
        begin = f"(%(expressions)s)[1:width_bucket({highest_after(HALVINGS_OF_LOWEST)}, %(expressions)s)]"
        own = {
            "expression": models.Func(models.F("members"), template=begin),
            "output_field": ArrayField(models.BigIntegerField()),
            "db_persist": True,
        }
        super().__init__(**options | own)

    def deconstruct(self) -> Any:
        """For migrations: Django's own field."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.GeneratedField", args, options


def plain(value: Any) -> Any:
    """A measure as pages want it: decimals as numbers, none of them infinite."""
    return min(max(float(value), -LARGEST), LARGEST) if isinstance(value, (Decimal, float)) else value
