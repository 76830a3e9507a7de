"""Datasets: the metrics that report pages, their files and the API know, by subject."""

from reports.charts.numbers import count
from reports.query.metrics import Dataset, Ratio, Sum
from reports.rollups.models import UiActions

ACTIONS = count("actions")

INTERFACE = Dataset(
    "interface",
    UiActions,
    (
        Sum("actions", ACTIONS, measure="events"),
        Sum("errors", ACTIONS, measure="events", where={"level": "error"}),
        Sum("warnings", ACTIONS, measure="events", where={"level": "warn"}),
        Ratio("error_share", part="errors", whole="actions"),
    ),
)
