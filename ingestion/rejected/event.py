"""Rejected events (dead rejections): what could not be stored, why, and the bytes as they came."""

from typing import Self

from django.db import models

from events.ownership.owner import Owner
from events.ownership.source import Source


class RejectedQuerySet(models.QuerySet["RejectedEvent"]):
    """Questions about rejected events."""

    def for_owners(self, owners: models.QuerySet[Owner]) -> Self:
        """Those of the given owners, by a list of keys: a subquery would keep the planner from the index."""
        return self.filter(owner_id__in=list(owners.values_list("pk", flat=True)))


class RejectedEvent(models.Model):
    """One refused event, kept once per owner and content; a repeat raises `seen`."""

    owner = models.ForeignKey(Owner, on_delete=models.PROTECT, related_name="+", db_index=False)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="+")
    dialect = models.TextField()
    encoding = models.TextField()
    kind = models.TextField(blank=True, help_text="Kind of event, where it could be told.")
    code = models.TextField(help_text="Stable code of the reason.")
    path = models.TextField(blank=True, help_text="Path of the field at fault.")
    message = models.TextField(help_text="The reason in a sentence.")
    client_event_id = models.TextField(blank=True, help_text="The sender's own id, where it could be told.")
    received_at = models.DateTimeField(help_text="When it was first received.")
    last_received_at = models.DateTimeField(help_text="When it was last received.")
    seen = models.PositiveBigIntegerField(default=1, help_text="How often it was received.")
    content_hash = models.BinaryField(max_length=32, help_text="SHA-256 of the bytes.")
    body = models.BinaryField(help_text="The event's bytes as they came.")
    context = models.JSONField(help_text="What headers and key said of the request.")
    strict = models.BooleanField(help_text="Whether it was held to strict validation.")

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
