"""Audit entry: one thing that somebody did, as it was called then. Nothing changes or removes one."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from events.ownership.owner import Owner


class AuditEntry(models.Model):
    """Who did what to what. A trigger of the database refuses changes and deletions.

    The keys of people and owners have no constraint and stay when those are gone; their names stand beside.
    """

    at = models.DateTimeField(db_default=Now(), help_text="When it was done.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        help_text="Whose account did it.",
    )
    actor_name = models.TextField(help_text="What did it was called then: a person, a key, a command.")
    action = models.TextField(help_text="What was done, as events/accounts/audit.py lists it.")
    about_type = models.TextField(blank=True, help_text="What it was done to: the type.")
    about_id = models.TextField(blank=True, help_text="What it was done to: its primary key.")
    about = models.TextField(blank=True, help_text="What it was done to, as it was called then.")
    owner = models.ForeignKey(
        Owner,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        help_text="Whose leads see it; none: operators only.",
    )
    owner_name = models.TextField(blank=True, help_text="The owner as it was called then.")
    before = models.JSONField(default=dict, help_text="What changed, as it was. Never a secret.")
    after = models.JSONField(default=dict, help_text="What changed, as it became. Never a secret.")
    address_hash = models.TextField(blank=True, help_text="Hash of the address that it came from.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["owner", "-id"], name="audit_of_owner"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.about}".rstrip()
