"""All models of the app, so that Django and pages find them."""

from django.db import models

from events.ownership.owner import Owner
from reports.rollups.declared.builds import Builds, BuildSeries, BuildTimers
from reports.rollups.declared.errors import Errors, ErrorsAffected
from reports.rollups.declared.interface import UiActions
from reports.rollups.declared.learning import Contents, Questions, Ratings, Searches
from reports.rollups.declared.quality import Skews, UnknownKeys
from reports.rollups.declared.services import Heartbeats, Logs, Metrics, MetricShapes
from reports.rollups.declared.sessions import Ends, Sessions, SessionShapes
from reports.rollups.declared.traffic import Actives, Events, Pages

__all__ = [
    "Actives",
    "BuildSeries",
    "BuildTimers",
    "Builds",
    "Contents",
    "Ends",
    "Errors",
    "ErrorsAffected",
    "Events",
    "Heartbeats",
    "Logs",
    "MetricShapes",
    "Metrics",
    "Pages",
    "Questions",
    "Ratings",
    "RestingQuarter",
    "Searches",
    "SessionShapes",
    "Sessions",
    "Skews",
    "UiActions",
    "UnknownKeys",
]


class RestingQuarter(models.Model):
    """A quarter of an hour of an owner that took long, or failed."""

    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    quarter = models.DateTimeField(help_text="Start of the period.")
    of_sessions = models.BooleanField(help_text="Whether it is about sessions; else about events.")
    rests_until = models.DateTimeField(help_text="Time before which it isn't computed again.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "quarter", "of_sessions"], name="resting_quarter_once")
        ]

    def __str__(self) -> str:
        return f"{self.owner_id} {self.quarter:%Y-%m-%d %H:%M}"
