"""Source: an application that sends events (`source_system`, `context.pdata.id`, Buildless's agent)."""

from django.db import models
from django.db.models.functions import Lower

from events.ownership.names import MAX_NAME
from events.ownership.organization import Organization

UNKNOWN = "(unknown)"  # the event names no source
OVERFLOW = "(overflow)"  # the organization has as many sources as it may


class Source(models.Model):
    """A sending application of an organization, made when its first event is filed."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(
        max_length=MAX_NAME,
        editable=False,
        help_text="As first seen. Never changed: events give it back as it came.",
    )
    first_seen = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="source_name_once")]

    def __str__(self) -> str:
        return self.name
