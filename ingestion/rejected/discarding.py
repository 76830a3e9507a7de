"""Discarded events: rejected events whose bytes were deleted. They stay counted as rejected."""

from collections.abc import Collection
from datetime import datetime

from django.db import models, transaction

from events.ownership.owner import Owner
from events.ownership.source import Source
from ingestion.rejected.event import Selection


class DiscardedEvent(models.Model):
    """One row per discarded event, since the accounts still count it as rejected."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    dialect = models.TextField()
    kind = models.TextField(blank=True)
    code = models.TextField(help_text="Reason for the rejection, when the event was discarded.")
    client_event_id = models.TextField(
        blank=True, help_text="The sender's own ID of the event, if it could be read."
    )
    received_at = models.DateTimeField(help_text="When it was first received.")
    seen = models.PositiveBigIntegerField(help_text="Number of times it was received.")
    discarded_at = models.DateTimeField()
    discarded_by = models.TextField(help_text="Person who discarded the event.")
    reason = models.TextField(help_text="Reason given for discarding it.")

    class Meta:
        indexes = [models.Index(fields=["owner", "received_at"], name="discarded_owner")]

    def __str__(self) -> str:
        return f"{self.code}, discarded by {self.discarded_by}"


_COPIED = ("owner_id", "source_id", "dialect", "kind", "code", "client_event_id", "received_at", "seen")


def discard(
    ids: Collection[int],
    *,
    by: str,
    reason: str,
    now: datetime,
    may_write: Collection[int],
    nameless: bool = False,
) -> list[int]:
    """Discard rejected events of the given owners, and return the keys of those that were discarded.

    Events that are being replayed stay. Discarded events still count as rejected; if the same bytes arrive
    again, they are rejected again. `nameless` removes the sender's own ids too.
    """
    with transaction.atomic():
        rows = list(
            Selection(ids=tuple(ids))
            .rows(may_write)
            .select_for_update(skip_locked=True)
            .values("pk", *_COPIED)
            .order_by("pk")
        )
        DiscardedEvent.objects.bulk_create(
            [
                DiscardedEvent(
                    **{name: row[name] for name in _COPIED} | ({"client_event_id": ""} if nameless else {}),
                    discarded_at=now,
                    discarded_by=by,
                    reason=reason,
                )
                for row in rows
            ]
        )
        gone = [row["pk"] for row in rows]
        Selection(ids=tuple(gone)).rows(may_write).delete()
    return gone
