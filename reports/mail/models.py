"""Mails sent or waiting, with the answers of the mail server."""

from django.conf import settings
from django.db import models

from reports.mail.addresses import MAX_ADDRESS, Address


class State(models.TextChoices):
    """The delivery status of a mail. Only claimed mails are sent without a person's decision."""

    CLAIMED = "claimed", "Waiting: it will be sent when it is due"
    SENDING = "sending", "Being handed to the mail server"
    SENT = "sent", "Sent: accepted by the mail server, or written to a file"
    FAILED = "failed", "Failed: it won't be retried"
    UNKNOWN = "unknown", "Not known whether sent: the worker stopped during the transfer"
    SKIPPED = "skipped", "Not sent: there was nothing to report, or no recipient"


class SentMail(models.Model):
    """One mail to one address. Its unique key makes sure that it is sent at most once."""

    key = models.TextField(
        unique=True, help_text="Key of a mail that may be sent only once, such as digest/7/2026-11-20."
    )
    kind = models.CharField(max_length=20, help_text="Kind of mail: digest, confirmation, budget.")
    about = models.TextField(blank=True, help_text="Primary key of the object that the mail is about.")
    address = models.ForeignKey(
        Address,
        on_delete=models.SET_NULL,
        null=True,
        related_name="mails",
        help_text="Address that it goes to. The record of a mail outlives the address.",
    )
    to = models.CharField(max_length=MAX_ADDRESS, help_text="Address that it was sent to, as it was then.")
    subject = models.TextField(blank=True)
    period_first = models.DateField(null=True, help_text="First day that it covers.")
    period_last = models.DateField(null=True, help_text="Last day that it covers.")
    state = models.CharField(max_length=10, choices=State, default=State.CLAIMED)
    answer = models.TextField(
        blank=True, help_text="Last response of the mail server, or why nothing was sent."
    )
    message = models.BinaryField(default=b"", help_text="Message as sent.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Number of attempts.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Person who sent it, if the recipient didn't request it.",
    )
    claimed_at = models.DateTimeField(help_text="Time at which it was queued.")
    next_at = models.DateTimeField(help_text="Time of the next attempt, while it is waiting.")
    changed_at = models.DateTimeField(help_text="Time of the last change of state.")
    sent_at = models.DateTimeField(null=True, help_text="Time at which the attempt began.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "mail"
        verbose_name_plural = "mails"
        indexes = [
            models.Index(
                fields=["next_at"], condition=models.Q(state__in=("claimed", "sending")), name="mail_to_do"
            ),
            models.Index(fields=["kind", "about", "-id"], name="mail_about"),
            models.Index(
                fields=["claimed_at"], condition=models.Q(asked_by__isnull=False), name="mail_to_strangers"
            ),
        ]

    def __str__(self) -> str:
        return self.subject or self.key


class Attempt(models.Model):
    """One attempt to deliver a mail."""

    mail = models.ForeignKey(SentMail, on_delete=models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    verdict = models.CharField(max_length=10, help_text="Result: sent, later, refused, gone, unknown.")
    answer = models.TextField(blank=True, help_text="Response of the mail server.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.answer}"


__all__ = ["Address", "Attempt", "SentMail"]
