"""The event: the envelope that events of all kinds share, and its columns in groups for pages and APIs."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Left

from events.identity import first_id
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.partitioned.marker import PartitionedById

PLACE = (
    "country",
    "region",
    "locality",
    "latitude",
    "longitude",
    "geohash",
    "timezone",
    "dma",
    "edge",
)
AGENT = (
    "browser",
    "browser_version",
    "os_name",
    "os_family",
    "os_version",
    "device_type",
    "is_bot",
    "user_agent",
)
# All columns that enrichment fills.
ENRICHED = ("actor_email_hash", "address_hash", "clock_skew_ms", "time_hash", *PLACE, *AGENT)

INDEXED = 200  # indexed characters of a text: a B-tree refuses rows over about 2,700 bytes


class EventQuerySet(models.QuerySet["Event"]):
    """Filters of events. Times of occurrence become ranges of ids, so that partitions are pruned."""

    def occurred_since(self, since: datetime) -> Self:
        """Return events that occurred at `since` or later."""
        return self.filter(id__gte=first_id(since))

    def occurred_before(self, until: datetime) -> Self:
        """Return events that occurred before `until`."""
        return self.filter(id__lt=first_id(until))

    def for_owners(self, owners: models.QuerySet[Owner]) -> Self:
        """Return events of the owners, by a list of keys: with a subquery the planner skips the index."""
        return self.filter(owner_id__in=list(owners.values_list("pk", flat=True)))

    def with_text(self, column: str, text: str) -> Self:
        """Return events whose text `column` equals `text`, by the index on its first characters."""
        return self.alias(**{f"{column}_start": Left(column, INDEXED)}).filter(
            **{f"{column}_start": text[:INDEXED], column: text}
        )


class Event(PartitionedById, models.Model):
    """One row per event: its actor, owner, source and times. Ingestion inserts it and never updates it."""

    id = models.UUIDField(
        primary_key=True,
        help_text="ID of the event, which begins with its time of occurrence, so it sorts by time.",
    )
    dialect = models.TextField(help_text="Wire format of the event: availity, sunbird or buildless.")
    kind = models.TextField(help_text="Kind of event. The kind's own columns are in a table of that name.")
    owner = models.ForeignKey(
        Owner,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        help_text="Team that the event belongs to and that pays for it.",
    )
    source = models.ForeignKey(
        Source,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        help_text="Application that sent the event.",
    )
    session = models.TextField(null=True, help_text="Session ID, as sent.")
    actor = models.TextField(null=True, help_text="ID of the person or system that acted.")
    device = models.TextField(null=True, help_text="ID of the device.")
    client_event_id = models.TextField(null=True, help_text="The sender's own ID of the event.")
    occurred_at = models.DateTimeField(help_text="When it happened, by the sender's clock.")
    received_at = models.DateTimeField(help_text="When the API received it.")
    ingested_at = models.DateTimeField(help_text="When it was filed.")
    billed_bytes = models.IntegerField(
        help_text="Size that is charged, in bytes: the event as JSON with sorted keys, without whitespace,"
        " in UTF-8."
    )
    wire_bytes = models.IntegerField(help_text="Size of the event in the decompressed request, in bytes.")

    actor_type = models.TextField(null=True, help_text="Type of the actor, such as User or System.")
    channel = models.TextField(null=True, help_text="Channel (tenant) named by the sending application.")
    environment = models.TextField(null=True, help_text="Part of the application where it happened.")
    component = models.TextField(null=True, help_text="Component of the source that sent it.")
    version = models.TextField(null=True, help_text="Version of the source.")
    platform = models.TextField(null=True, help_text="Platform of the source.")
    object_id = models.TextField(null=True, help_text="ID of the object that the event is about.")
    object_type = models.TextField(null=True, help_text="Type of that object.")
    object_version = models.TextField(null=True, help_text="Version of that object.")
    object_rollup_l1 = models.TextField(null=True, help_text="Object hierarchy, outermost level.")
    object_rollup_l2 = models.TextField(null=True, help_text="Object hierarchy, second level.")
    object_rollup_l3 = models.TextField(null=True, help_text="Object hierarchy, third level.")
    object_rollup_l4 = models.TextField(null=True, help_text="Object hierarchy, innermost level.")
    rollup_l1 = models.TextField(null=True, help_text="Organisational hierarchy, outermost level.")
    rollup_l2 = models.TextField(null=True, help_text="Organisational hierarchy, second level.")
    rollup_l3 = models.TextField(null=True, help_text="Organisational hierarchy, third level.")
    rollup_l4 = models.TextField(null=True, help_text="Organisational hierarchy, innermost level.")
    correlation = models.JSONField(null=True, help_text="Correlation data: a list of {type, id}.")
    tags = ArrayField(models.TextField(), null=True, help_text="Tags given by the sender.")
    format_version = models.TextField(null=True, help_text="Version of the event format, as sent.")

    time_hash = models.TextField(null=True, help_text="Text that sorts by the time of occurrence.")
    clock_skew_ms = models.BigIntegerField(
        null=True,
        help_text="How far the sender's clock was ahead of Tally's when it sent the event, in milliseconds,"
        " including the time on the way.",
    )
    actor_email_hash = models.TextField(
        null=True, help_text="SHA-256 of the actor's ID in lower case, if it is an e-mail address."
    )
    address_hash = models.TextField(
        null=True, help_text="Hash of the sender's IP address. It differs between organizations."
    )
    country = models.TextField(
        null=True, help_text="Country, as declared by the sender, else looked up (two letters of ISO 3166)."
    )
    region = models.TextField(
        null=True, help_text="State or province, as declared by the sender, else looked up."
    )
    locality = models.TextField(
        null=True, help_text="Town or city, as declared by the sender, else looked up."
    )
    latitude = models.FloatField(
        null=True,
        help_text="Degrees north, as declared by the sender, else looked up, accurate to a few kilometres.",
    )
    longitude = models.FloatField(
        null=True,
        help_text="Degrees east, as declared by the sender, else looked up, accurate to a few kilometres.",
    )
    timezone = models.TextField(
        null=True, help_text="Time zone of the place, as declared by the sender, else looked up."
    )
    dma = models.IntegerField(null=True, help_text="Nielsen's market area (DMA) of the place, looked up.")
    geohash = models.TextField(null=True, help_text="Geohash of the point.")
    edge = models.TextField(null=True, help_text="CDN region that received the event.")
    browser = models.TextField(null=True, help_text="Browser or other agent that sent the event.")
    browser_version = models.TextField(null=True, help_text="Version of that browser or agent.")
    os_name = models.TextField(null=True, help_text="Operating system that the event was sent from.")
    os_family = models.TextField(
        null=True, help_text="Family of that system: UNIX, LINUX, DARWIN, WINDOWS or OTHER_OS."
    )
    os_version = models.TextField(null=True, help_text="Version of that system.")
    device_type = models.TextField(
        null=True, help_text="Type of device, from the user agent: desktop, mobile, tablet, tv, bot or other."
    )
    is_bot = models.BooleanField(
        null=True, help_text="Whether the user agent is a bot's. Empty without a user agent."
    )
    user_agent = models.TextField(
        null=True, help_text="User agent that the columns about agent, system and device come from."
    )

    extra = models.JSONField(
        null=True,
        help_text="Parts of the event that no column holds: unknown keys, and values of another type.",
    )
    over_quota = models.BooleanField(
        null=True, help_text="Whether the event exceeded its owner's quota, if the owner marks such events."
    )
    adaptations = ArrayField(
        models.TextField(),
        null=True,
        help_text="Changes made at receipt, which are undone when the event is returned.",
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index("owner", "id", name="event_owner"),
            models.Index("received_at", "id", name="event_received"),
            models.Index(
                Left("session", INDEXED),
                "id",
                condition=models.Q(session__isnull=False),
                name="event_session",
            ),
            # For sessions of devices without session ids. Events with a session id aren't in it.
            models.Index(
                Left("device", INDEXED),
                "id",
                condition=models.Q(session__isnull=True, device__isnull=False),
                name="event_device",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
