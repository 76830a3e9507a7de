"""Backfills: loads of past events for an organization, whose figures are incomplete until they finish."""

from django.db import models

from events.ownership.organization import Organization


class Backfill(models.Model):
    """One load of past events, newest days first, with its progress, so that it can be resumed."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=50, help_text="Name of the data, as shown on pages.")
    since = models.DateTimeField(help_text="Start of the loaded period.")
    until = models.DateTimeField(help_text="End of the loaded period.")
    reached = models.DateTimeField(null=True, help_text="Events received since then are loaded.")
    requests_done = models.BigIntegerField(default=0)
    events_done = models.BigIntegerField(default=0)
    events_total = models.BigIntegerField(default=0, help_text="0 until it is known.")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, help_text="When its figures became complete.")

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
        """The share of its events that are loaded, from 0 to 1."""
        return self.events_done / self.events_total if self.events_total else 0.0
