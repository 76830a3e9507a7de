"""Rejected events: why they could not be stored, their bytes as received, and how to select some of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from django.db import models

from events.ownership.owner import Owner
from events.ownership.source import Source


class RejectedQuerySet(models.QuerySet["RejectedEvent"]):
    """Queries for rejected events."""

    def for_owners(self, owners: models.QuerySet[Owner]) -> Self:
        """Return those of the given owners, by a list of keys: a subquery would miss the index."""
        return self.filter(owner_id__in=list(owners.values_list("pk", flat=True)))


class RejectedEvent(models.Model):
    """One rejected event. The same bytes of the same owner are stored once; a repeat increments `seen`."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    dialect = models.TextField()
    encoding = models.TextField()
    kind = models.TextField(blank=True, help_text="Kind of event, if it could be read.")
    code = models.TextField(help_text="Stable code of the reason.")
    path = models.TextField(blank=True, help_text="Path of the field at fault.")
    message = models.TextField(help_text="The reason in a sentence.")
    client_event_id = models.TextField(
        blank=True, help_text="The sender's own ID of the event, if it could be read."
    )
    received_at = models.DateTimeField(help_text="When it was first received.")
    last_received_at = models.DateTimeField(help_text="When it was last received.")
    seen = models.PositiveBigIntegerField(default=1, help_text="Number of times it was received.")
    content_hash = models.BinaryField(max_length=32, help_text="SHA-256 of the bytes.")
    body = models.BinaryField(help_text="Bytes of the event as received.")
    context = models.JSONField(help_text="What the headers and the key added to the request.")
    strict = models.BooleanField(help_text="Whether strict validation applied.")

    objects = RejectedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "content_hash"], name="rejected_once_per_content")
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="rejected_owner"),
            # The list: those that came last, first.
            models.Index(fields=["owner", "-last_received_at", "-id"], name="rejected_owner_last"),
            models.Index(fields=["-last_received_at", "-id"], name="rejected_last"),
        ]

    def __str__(self) -> str:
        return f"{self.code} at {self.path or 'event'}"


class RejectedSize(models.Model):
    """One row per owner: the bytes of its rejected events, maintained by triggers."""

    owner = models.OneToOneField(
        Owner, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    bytes = models.BigIntegerField(help_text="Size of its rejected events, plus 1 KiB for each event.")

    def __str__(self) -> str:
        return f"{self.bytes:,} bytes"


# Each statement adds one sum per owner; `ingestion/receiving/admission.py` reads it.
TRIGGERS = """
CREATE FUNCTION ingestion_size_rejected() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM ingestion_rejectedsize;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO ingestion_rejectedsize AS size (owner_id, bytes)
        SELECT owner_id, sum(octet_length(body) + 1024) FROM added GROUP BY 1 ORDER BY 1
        ON CONFLICT (owner_id) DO UPDATE SET bytes = size.bytes + excluded.bytes;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO ingestion_rejectedsize AS size (owner_id, bytes)
        SELECT owner_id, -sum(octet_length(body) + 1024) FROM gone GROUP BY 1 ORDER BY 1
        ON CONFLICT (owner_id) DO UPDATE SET bytes = size.bytes + excluded.bytes;
    ELSE
        INSERT INTO ingestion_rejectedsize AS size (owner_id, bytes)
        SELECT owner_id, sum(bytes) FROM (
            SELECT owner_id, octet_length(body) + 1024 AS bytes FROM added
            UNION ALL SELECT owner_id, -octet_length(body) - 1024 FROM gone
        ) AS changed GROUP BY 1 HAVING sum(bytes) <> 0 ORDER BY 1
        ON CONFLICT (owner_id) DO UPDATE SET bytes = size.bytes + excluded.bytes;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER size_added AFTER INSERT ON ingestion_rejectedevent REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
CREATE TRIGGER size_gone AFTER DELETE ON ingestion_rejectedevent REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
CREATE TRIGGER size_changed AFTER UPDATE ON ingestion_rejectedevent
    REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
CREATE TRIGGER size_emptied AFTER TRUNCATE ON ingestion_rejectedevent
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
INSERT INTO ingestion_rejectedsize (owner_id, bytes)
    SELECT owner_id, sum(octet_length(body) + 1024) FROM ingestion_rejectedevent GROUP BY 1;
"""


@dataclass(frozen=True)
class Selection:
    """A filter of rejected events: all members must match. None matches any, an empty list matches none."""

    ids: tuple[int, ...] | None = None
    owners: tuple[int, ...] | None = None
    sources: tuple[int, ...] | None = None
    code: str | None = None
    kind: str | None = None  # "" where the kind could not be told
    dialect: str | None = None
    since: str | None = None  # ISO 8601; first received at this time or later
    until: str | None = None  # ISO 8601; first received before this time
    last_since: str | None = None  # ISO 8601; last received at this time or later
    path: str | None = None  # "" where no field is named

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Self:
        """Return the selection that `to_json` stored."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()
        }
        return cls(**values)

    def to_json(self) -> dict[str, object]:
        """Return the selection as JSON, for `from_json`."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def rows(self, may_write: Collection[int] | None) -> models.QuerySet[RejectedEvent]:
        """Return the selected rejected events of the given owners (None: of all)."""
        found = RejectedEvent.objects.all()
        for name, lookup in _LOOKUPS:
            value = getattr(self, name)
            if value is not None:
                found = found.filter(**{lookup: value})
        return found if may_write is None else found.filter(owner_id__in=sorted(may_write))

    def sentence(self, owners: Iterable[str] = (), sources: Iterable[str] = ()) -> str:
        """Describe the selection, with names instead of the keys of owners and sources."""
        parts = [f"{len(self.ids):,} selected"] if self.ids is not None else []
        parts += [f"owner {name}" for name in owners] + [f"source {name}" for name in sources]
        parts += [f"code {self.code}"] if self.code is not None else []
        parts += [f"kind {self.kind or 'unknown'}"] if self.kind is not None else []
        parts += [f"dialect {self.dialect}"] if self.dialect is not None else []
        parts += [f"field {self.path or 'unknown'}"] if self.path is not None else []
        parts += [f"last received since {_day(self.last_since)}"] if self.last_since else []
        parts += [f"received since {_day(self.since)}"] if self.since else []
        parts += [f"received before {_day(self.until)}"] if self.until else []
        return ", ".join(parts) or "all"


_LOOKUPS = (
    ("ids", "pk__in"),
    ("owners", "owner_id__in"),
    ("sources", "source_id__in"),
    ("code", "code"),
    ("kind", "kind"),
    ("dialect", "dialect"),
    ("since", "received_at__gte"),
    ("until", "received_at__lt"),
    ("last_since", "last_received_at__gte"),
    ("path", "path"),
)


def _day(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M}"
