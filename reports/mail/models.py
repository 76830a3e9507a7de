"""Mails sent or waiting, with the answers of the mail server."""

from django.conf import settings
from django.db import models

from reports.mail.addresses import MAX_ADDRESS, Address


class State(models.TextChoices):
    """The delivery status of a mail. Only claimed mails are sent without a person's decision."""

    CLAIMED = "claimed", "Waiting: to be sent at its time"
    SENDING = "sending", "Being handed to the mail server"
    SENT = "sent", "Sent: taken by the mail server, or written as a file"
    FAILED = "failed", "Failed: it will not be tried again"
    UNKNOWN = "unknown", "Not known whether sent: who sent it ended half-way"
    SKIPPED = "skipped", "Not sent: there was nothing to say, or nobody to say it to"


class SentMail(models.Model):
    """One mail to one address. Its unique key makes sure that it is sent at most once."""

    key = models.TextField(
        unique=True, help_text="What may be sent only once, for instance digest/7/2026-11-20."
    )
    kind = models.CharField(max_length=20, help_text="Kind of mail: digest, confirmation, budget.")
    about = models.TextField(blank=True, help_text="What it is about, as its kind says it: a primary key.")
    address = models.ForeignKey(
        Address,
        on_delete=models.SET_NULL,
        null=True,
        related_name="mails",
        help_text="Where it goes; what is kept of a mail outlives the address.",
    )
    to = models.CharField(max_length=MAX_ADDRESS, help_text="Where it went, as it was written then.")
    subject = models.TextField(blank=True)
    period_first = models.DateField(null=True, help_text="First day that it tells of.")
    period_last = models.DateField(null=True, help_text="Last day that it tells of.")
    state = models.CharField(max_length=10, choices=State, default=State.CLAIMED)
    answer = models.TextField(
        blank=True, help_text="What the mail server said last, or why nothing was sent."
    )
    message = models.BinaryField(default=b"", help_text="The message as sent.")
    attempts = models.PositiveSmallIntegerField(default=0, help_text="How often it was tried.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Person who sent it to somebody who didn't ask for it.",
    )
    claimed_at = models.DateTimeField(help_text="When it was decided that it be sent.")
    next_at = models.DateTimeField(help_text="When it is tried next, while it waits.")
    changed_at = models.DateTimeField(help_text="When its state changed last.")
    sent_at = models.DateTimeField(null=True, help_text="When it was taken.")

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
    verdict = models.CharField(
        max_length=10, help_text="What it came to: sent, later, refused, gone, unknown."
    )
    answer = models.TextField(blank=True, help_text="What the mail server said.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.verdict}: {self.answer}"


__all__ = ["Address", "Attempt", "SentMail"]
