"""Backfills: past events that are being loaded for an organization. Its figures are incomplete meanwhile."""

from django.db import models

from events.ownership.organization import Organization


class Backfill(models.Model):
    """One load of past events, the newest days first. It holds how far it got, so that it can be resumed."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=50, help_text="What is loaded, as pages name it.")
    since = models.DateTimeField(help_text="Where the loaded period begins.")
    until = models.DateTimeField(help_text="Where it ends.")
    reached = models.DateTimeField(null=True, help_text="Events received from then on are loaded.")
    requests_done = models.BigIntegerField(default=0)
    events_done = models.BigIntegerField(default=0)
    events_total = models.BigIntegerField(default=0, help_text="0 until it is known.")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="When its figures were complete.")

    class Meta:
        indexes = [
            models.Index(
                fields=["organization"], condition=models.Q(finished_at=None), name="backfill_unfinished"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def share(self) -> float:
        """The share of its events that is loaded, from 0 to 1."""
        return self.events_done / self.events_total if self.events_total else 0.0
