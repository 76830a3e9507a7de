"""Source: an application that sends events (`source_system`, `context.pdata.id`, Buildless's agent)."""

from django.db import models
from django.db.models.functions import Lower

from events.ownership.owner import MAX_NAME, Organization, Owner

UNKNOWN = "(unknown)"  # for events without a source
OVERFLOW = "(overflow)"  # for sources beyond the owner's cap
STANDING = frozenset({UNKNOWN, OVERFLOW})


class Source(models.Model):
    """A sending application of an organization, made when its first event is filed."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(
        max_length=MAX_NAME,
        editable=False,
        help_text="Name as first seen. It never changes, because events are returned as they were sent.",
    )
    owner = models.ForeignKey(
        Owner,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Owner of the first stored event from this source. The source counts towards this owner's"
        " limit. Empty if only rejected events named the source.",
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="merged",
        help_text="Source under which new events that name this one are filed.",
    )
    closed_at = models.DateTimeField(
        null=True, help_text="Time of deletion. The row stays because usage and charges refer to it."
    )
    first_seen = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="source_name_once")]

    def __str__(self) -> str:
        return self.name
