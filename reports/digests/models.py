"""Subscriptions: who gets which owners' digest, how often, and at which hour of which time zone."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone

from events.access import Access
from events.ownership.owner import Owner
from reports.digests import schedule
from reports.digests.locales import DEFAULT, LOCALES, Locale, locale_of
from reports.digests.schedule import Rhythm, Schedule
from reports.mail import addresses
from reports.mail.addresses import Address

RHYTHMS = {
    Rhythm.DAILY: "Daily: the day before",
    Rhythm.WEEKLY: "Weekly, on Monday: the week before",
    Rhythm.MONTHLY: "Monthly, on the first: the month before",
}


def validate_zone(name: str) -> None:
    """Validate that a name is in the time zone database."""
    if name not in available_timezones():
        raise ValidationError(
            "There is no such time zone. Use a name like Europe/London.", code="unknown_zone"
        )


class Subscription(models.Model):
    """A subscription of a person, or of an owner's contact, to digests."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="person",
        help_text="Person who gets the digest, at the address of their account.",
    )
    address = models.ForeignKey(
        Address,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Owner's contact that gets the digest instead of a person. It can only cover that owner.",
    )
    owners = models.ManyToManyField(Owner, related_name="+", help_text="Owners that the digest covers.")
    rhythm = models.CharField(max_length=10, choices=list(RHYTHMS.items()), default=Rhythm.WEEKLY.value)
    hour = models.PositiveSmallIntegerField(
        default=7,
        validators=[MaxValueValidator(23)],
        help_text="Hour of the day at which it is sent, 0 to 23, in the time zone.",
    )
    zone = models.CharField(
        max_length=64,
        default="UTC",
        validators=[validate_zone],
        help_text="Time zone of the hour and of the days that it covers, such as Europe/London.",
    )
    locale = models.CharField(
        max_length=10,
        choices=[(code, locale.title) for code, locale in LOCALES.items()],
        default=DEFAULT,
        help_text="Format of numbers and dates. The text is English.",
    )
    attach_csv = models.BooleanField(
        "attach figures", default=False, help_text="Attach the figures as CSV and XLSX."
    )
    also_empty = models.BooleanField(default=False, help_text="Send it even if nothing was received.")
    active = models.BooleanField(default=True, help_text="Whether digests are sent.")
    ended_why = models.TextField(
        blank=True, editable=False, help_text="Reason why digests are no longer sent."
    )
    next_at = models.DateTimeField(editable=False, help_text="Time at which the next one is due.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) ^ models.Q(address__isnull=True),
                name="subscription_of_user_or_address",
            ),
            models.CheckConstraint(condition=models.Q(hour__lte=23), name="subscription_hour_of_day"),
        ]
        indexes = [
            models.Index(fields=["next_at"], condition=models.Q(active=True), name="subscription_due"),
        ]

    def __str__(self) -> str:
        return f"{self.rhythm} digest to {self.user or self.address}"

    @property
    def schedule(self) -> Schedule:
        """The schedule of its digests."""
        return Schedule(Rhythm(self.rhythm), self.hour, ZoneInfo(self.zone))

    @property
    def written(self) -> Locale:
        """The locale of its numbers and dates."""
        return locale_of(self.locale)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and schedule a new subscription."""
        if getattr(self, "next_at", None) is None:
            self.schedule_next(timezone.now())
        super().save(*args, **kwargs)

    def schedule_next(self, now: datetime) -> None:
        """Set the next due time."""
        self.next_at = schedule.next_after(self.schedule, now).at

    def visible_owners(self) -> list[Owner]:
        """Return its owners that the subscriber may see now, by name."""
        chosen = self.owners.order_by("name", "pk")
        if self.user is not None:
            return list(chosen.filter(pk__in=Access(self.user).visible_owners.values("pk")))
        assert self.address is not None
        return list(chosen.filter(pk=self.address.owner_id or 0))

    def current_address(self) -> Address | None:
        """Return the address that it is sent to now, or None if the person has none."""
        return self.address if self.user is None else addresses.of_person(self.user)

    def end(self, why: str) -> None:
        """End the subscription, and record why."""
        self.active, self.ended_why = False, why
        type(self).objects.filter(pk=self.pk).update(active=False, ended_why=why)
