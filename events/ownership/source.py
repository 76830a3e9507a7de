"""Source: an application that sends events (`source_system`, `context.pdata.id`, Buildless's agent)."""

from django.db import models
from django.db.models.functions import Lower

from events.ownership.names import MAX_NAME
from events.ownership.organization import Organization
from events.ownership.owner import Owner

UNKNOWN = "(unknown)"  # the event names no source
OVERFLOW = "(overflow)"  # the owner has named as many sources as it may
STANDING = frozenset({UNKNOWN, OVERFLOW})


class Source(models.Model):
    """A sending application of an organization, made when its first event is filed."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="sources")
    name = models.CharField(
        max_length=MAX_NAME,
        editable=False,
        help_text="As first seen. Never changed: events give it back as it came.",
    )
    owner = models.ForeignKey(
        Owner,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Whose stored event named it first: it counts against this owner's cap. None where only"
        " rejected events named it.",
    )
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        related_name="merged",
        help_text="The source that stands for it: what names this one is filed under that one.",
    )
    closed_at = models.DateTimeField(
        null=True, help_text="When it was deleted; it stays for the usage and the charges that name it."
    )
    first_seen = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint("organization", Lower("name"), name="source_name_once")]

    def __str__(self) -> str:
        return self.name
