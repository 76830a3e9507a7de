"""All models of the app, so that Django and pages find them."""

from reports.rollups.declared.builds import Builds, BuildSeries, BuildTimers
from reports.rollups.declared.errors import Errors, ErrorsAffected
from reports.rollups.declared.interface import UiActions
from reports.rollups.declared.learning import Contents, Questions, Ratings, Searches
from reports.rollups.declared.quality import Skews, UnknownKeys
from reports.rollups.declared.services import Heartbeats, Logs, Metrics, MetricShapes
from reports.rollups.declared.sessions import Ends, Sessions, SessionShapes
from reports.rollups.declared.traffic import Actives, Events, Pages
from reports.rollups.resting import RestingQuarter

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
