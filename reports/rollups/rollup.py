"""Rollup: the base of rollup tables, and the options of a declaration."""

from typing import Any, ClassVar

from django.db import models

from events.ownership.owner import Owner
from events.ownership.source import Source
from reports.rollups.columns import Bin, Column, Flag, Key, Measure, Members, Version


class Grain(models.IntegerChoices):
    """The length of a row's buckets, in minutes. Each grain is aggregated from the previous one."""

    QUARTER = 15, "a quarter of an hour"
    HOUR = 60, "an hour"
    DAY = 1440, "a day"


class Rollup(models.Model):
    """Sums of what happened in one bucket of time (UTC, by time of occurrence)."""

    # Kinds of event that it is about; none: of all kinds, by the envelope alone. The columns of one kind are
    # `detail` in the SQL of the columns, those of several `detail_` with the name of the kind.
    kinds: ClassVar[tuple[str, ...]] = ()
    joins: ClassVar[str] = ""  # further tables
    where: ClassVar[str] = ""  # condition on events or sessions
    of_sessions: ClassVar[bool] = False
    of_people: ClassVar[bool] = False  # about people, so bots are excluded unless requested

    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    grain = models.SmallIntegerField(choices=Grain.choices, help_text="Length of the bucket, in minutes.")
    bucket = models.DateTimeField(help_text="Start of the period.")
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        abstract = True
        indexes = [models.Index("owner", "grain", "bucket", name="%(class)s_bucket")]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} of {self.bucket:%Y-%m-%d %H:%M}"

    @classmethod
    def columns(cls) -> list[Any]:
        """Return the columns with SQL."""
        return [field for field in cls._meta.local_fields if isinstance(field, Column)]

    @classmethod
    def key_columns(cls) -> list[Any]:
        """Return the dimensions besides owner, time and source."""
        return [field for field in cls.columns() if isinstance(field, (Key, Bin, Flag))]

    @classmethod
    def measures(cls) -> list[Any]:
        """Return the measures."""
        return [field for field in cls.columns() if isinstance(field, Measure)]

    @classmethod
    def set_column(cls) -> Any:
        """Return the column of its set, if it has one."""
        return next((field for field in cls.columns() if isinstance(field, Members)), None)


class EventRollup(Rollup):
    """Sums of events, in the bucket that they occurred in."""

    version = Version("event.version", help_text="Version of the source.")
    country = Key("event.country", help_text="Country of the event.")
    is_bot = Flag("event.is_bot", help_text="Whether a bot sent it.")

    class Meta(Rollup.Meta):
        abstract = True


class SessionRollup(Rollup):
    """Sums of sessions, in the bucket that they started in."""

    of_sessions = True
    of_people = True

    version = Version("session.version", help_text="Version of the source.")
    country = Key("session.country", help_text="Country of the session.")
    is_bot = Flag("session.is_bot", help_text="Whether it is a bot's session.")

    class Meta(Rollup.Meta):
        abstract = True


def rollups() -> list[type[Rollup]]:
    """Return all declared rollups."""
    import reports.rollups.declared  # noqa: F401  (they import this module)

    return [*EventRollup.__subclasses__(), *SessionRollup.__subclasses__()]
