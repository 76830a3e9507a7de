"""Resting: quarters that are not folded again for a while, so that none costs more than a tenth."""

from django.db import models

from events.ownership.owner import Owner


class RestingQuarter(models.Model):
    """A quarter of an hour of an owner that took long, or failed."""

    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    quarter = models.DateTimeField(help_text="Its first moment.")
    of_sessions = models.BooleanField(help_text="Whether it is about sessions; else about events.")
    rests_until = models.DateTimeField(help_text="Before that it is not folded again.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "quarter", "of_sessions"], name="resting_quarter_once")
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.quarter:%Y-%m-%d %H:%M}"
