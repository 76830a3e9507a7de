"""Webhooks and the log of their attempts."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from events.changes import reading
from events.lib.janitors import janitor
from events.ownership.erased import Erased, forgets
from events.ownership.owner import Owner
from events.webhooks import addresses, signing

# Fields that workers write, and that saving a form must not overwrite.
PROGRESS = (
    *("cursor", "message", "message_end", "next_at", "claimed_until"),
    *("failures", "failing_since", "delivered_at", "paused_at", "reason"),
)
GRACE = timedelta(days=1)  # that messages are signed with the previous secret too


class Sent(models.TextChoices):
    """The changes that a webhook can send."""

    EVENTS = "events", "Events"
    REJECTED = "rejected", "Rejected events"
    SESSIONS = "sessions", "Sessions, each time they are summarised"
    MONTHS = "months", "Closed months, with their charges"


class Webhook(models.Model):
    """One row per URL that changes of an owner are posted to, with its place in the feed."""

    owner = models.ForeignKey(
        Owner, on_delete=models.CASCADE, related_name="webhooks", help_text="Owner whose data is sent."
    )
    name = models.CharField(max_length=100, help_text="Name on pages, such as the application that listens.")
    url = models.CharField(
        "URL", max_length=addresses.LONGEST, help_text="Address to post to. It must begin with https://."
    )
    what = models.CharField(
        max_length=10, choices=Sent, default=Sent.EVENTS, help_text="What is sent, as it is written."
    )
    filter = models.CharField(
        max_length=2_000,
        blank=True,
        help_text="Filters of the API, as in a query string: kind=error&channel=web. Empty: everything.",
    )
    fields = models.CharField(
        max_length=2_000,
        blank=True,
        help_text="Members of each event, as in the API's fields=, separated by commas. Add wire for the"
        " event as it was sent. Empty: the members that lists of the API have.",
    )
    secret = models.TextField(help_text="Secret that messages are signed with.")
    previous_secret = models.TextField(blank=True, help_text="Secret before the last rotation.")
    rotated_at = models.DateTimeField(null=True, help_text="Time of the last rotation.")
    cursor = models.TextField(help_text="Place in the change feed up to which everything was delivered.")
    message = models.TextField(blank=True, help_text="ID of the message that is being delivered.")
    message_end = models.TextField(blank=True, help_text="Place in the change feed at which it ends.")
    next_at = models.DateTimeField(default=timezone.now, help_text="Time of the next attempt.")
    claimed_until = models.DateTimeField(null=True, help_text="Time until which one worker alone may send.")
    failures = models.IntegerField(default=0, help_text="Failed attempts since the last success.")
    failing_since = models.DateTimeField(null=True, help_text="Time of the first of them.")
    delivered_at = models.DateTimeField(null=True, help_text="Time of the last success.")
    paused_at = models.DateTimeField(null=True, help_text="Time at which it was paused.")
    reason = models.TextField(blank=True, help_text="Why it was paused.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["owner", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "name"],
                name="webhook_name",
                violation_error_message="This owner already has a webhook with that name.",
            ),
            models.CheckConstraint(
                condition=models.Q(message="", message_end="")
                | (~models.Q(message="") & ~models.Q(message_end="")),
                name="webhook_message_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def begin(self) -> str:
        """Start with changes from now on, under a new secret. Return the secret."""
        self.cursor = str(reading.end())
        self.secret = signing.new_secret()
        return self.secret

    def rotate(self, now: datetime) -> str:
        """Replace the secret. For a day, messages have signatures of both. Return the new one."""
        self.previous_secret, self.secret, self.rotated_at = self.secret, signing.new_secret(), now
        self.save(update_fields=["previous_secret", "secret", "rotated_at"])
        return self.secret

    def keep_progress(self, stored: "Webhook") -> None:
        """Take over what workers have stored meanwhile. A message of other filters is made again."""
        for name in PROGRESS:
            setattr(self, name, getattr(stored, name))
        if any(getattr(self, name) != getattr(stored, name) for name in ("what", "filter", "fields")):
            self.message = self.message_end = ""

    def resume(self, now: datetime) -> None:
        """Go on at the same place in the feed. The caller saves the row."""
        self.paused_at, self.reason = None, ""
        self.failures, self.failing_since, self.next_at = 0, None, now

    @property
    def state(self) -> str:
        """Its state in words."""
        if self.paused_at:
            return f"paused: {self.reason}"
        return f"retrying after {self.failures:,} failed attempts" if self.failures else "active"

    def keys(self, now: datetime) -> list[str]:
        """Return the secrets to sign with at a time."""
        is_recent = self.rotated_at is not None and now < self.rotated_at + GRACE
        return [self.secret, *([self.previous_secret] if self.previous_secret and is_recent else [])]


class WebhookAttempt(models.Model):
    """One row per attempt to deliver a message. What was sent isn't kept."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="attempts")
    message = models.TextField(help_text="ID of the message, the same at each attempt.")
    begin = models.TextField(help_text="Place in the change feed before the message.")
    end = models.TextField(help_text="Place in the change feed after it.")
    at = models.DateTimeField(help_text="When the attempt began.")
    milliseconds = models.IntegerField(help_text="How long it took.")
    rows = models.IntegerField(help_text="Events or sessions in the message.")
    bytes = models.IntegerField(help_text="Size of its body.")
    status = models.SmallIntegerField(null=True, help_text="HTTP status of the response. Empty: none came.")
    error = models.TextField(blank=True, help_text="Why it failed. Empty: it was delivered.")
    is_again = models.BooleanField(default=False, help_text="Whether a person had it sent again.")
    again_at = models.DateTimeField(null=True, help_text="When a person asked to send the message again.")

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        indexes = [
            models.Index(fields=["webhook", "-id"], name="attempt_of_webhook"),
            models.Index(fields=["at"], name="attempt_at"),
            models.Index(
                fields=["webhook"], name="attempt_again", condition=models.Q(again_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.message} at {self.at:%Y-%m-%d %H:%M:%S}"


def pause(webhook: Webhook, reason: str, now: datetime) -> bool:
    """Pause a webhook. False if it was paused before."""
    active = Webhook.objects.filter(pk=webhook.pk, paused_at=None)
    return bool(active.update(paused_at=now, reason=reason))


@janitor("webhook deliveries")
def remove_old_attempts(now: datetime) -> int:
    """Remove old rows of the log."""
    before = now - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    removed, _ = WebhookAttempt.objects.filter(at__lt=before).delete()
    return removed


ERASED = "Its filter, name or URL named an actor who was erased."


@forgets("webhooks")
def erase_from_webhooks(erased: Erased, now: datetime) -> int:
    """Redact the webhooks of the owner that name the actor, and pause them."""
    changed = 0
    for webhook in Webhook.objects.filter(owner=erased.owner).order_by("pk"):
        kept = {name: getattr(webhook, name) for name in ("name", "url", "filter")}
        redacted = {name: erased.redact(text, thoroughly=name == "filter") for name, text in kept.items()}
        if redacted != kept:
            pause(webhook, ERASED, now)
            Webhook.objects.filter(pk=webhook.pk).update(**redacted)
            changed += 1
    return changed
