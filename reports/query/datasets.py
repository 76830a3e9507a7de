"""Datasets: the metrics of report pages, downloads and the API, by subject."""

from reports.charts.numbers import SECONDS, SHARE, count, mean
from reports.query.metrics import Dataset, Distinct, Quantile, Ratio, Sum
from reports.rollups.models import (
    Actives,
    Builds,
    Contents,
    Ends,
    Events,
    Heartbeats,
    Logs,
    Metrics,
    MetricShapes,
    Pages,
    Questions,
    Ratings,
    Searches,
    Sessions,
    SessionShapes,
    UiActions,
)

ACTIONS, ANSWERS, ENTRIES, EVENTS = count("actions"), count("answers"), count("entries"), count("events")
RATINGS_GIVEN, SEARCHES_MADE, TIMES = count("ratings"), count("searches"), count("times")
SESSIONS, VIEWS = count("sessions"), count("views")
NUMBER = mean("")
_TIME_SPENT = {"what": "time_spent"}

ALL_EVENTS = Dataset("events", Events, (Sum("events", EVENTS),))
PAGE_VIEWS = Dataset("pages", Pages, (Sum("views", VIEWS),))
VISITS = Dataset(
    "sessions",
    Sessions,
    (
        Sum("sessions", SESSIONS),
        Sum("seconds", SECONDS, measure="time_spent"),
        Sum("single_paged", SESSIONS, measure="single_page"),
        Sum("errored", SESSIONS, measure="with_errors"),
        Ratio("mean_time", SECONDS, part="seconds", whole="sessions"),
        Ratio("single_page", SHARE, "One page", "Share of sessions that were shown one page only",
              part="single_paged", whole="sessions"),
        Ratio("with_errors", SHARE, note="Share of sessions that had an error", part="errored",
              whole="sessions"),
        Distinct("actors", count("actors"), what="actor", rollup=Actives),
        Distinct("devices", count("devices"), what="device", rollup=Actives),
        Quantile("median", SECONDS, is_estimate=True, share=0.5, rollup=SessionShapes, where=_TIME_SPENT),
        Quantile("ninetieth", SECONDS, is_estimate=True, share=0.9, rollup=SessionShapes, where=_TIME_SPENT),
    ),
    titles={"device_type": "Device", "os_name": "System"},
)  # fmt: skip
ENDS = Dataset("ends", Ends, (Sum("sessions", SESSIONS),))

INTERFACE = Dataset(
    "interface",
    UiActions,
    (
        Sum("actions", ACTIONS, measure="events"),
        Sum("errors", ACTIONS, measure="events", where={"level": "error"}),
        Sum("warnings", ACTIONS, measure="events", where={"level": "warn"}),
        Ratio("error_share", SHARE, part="errors", whole="actions"),
    ),
)
CONTENTS = Dataset(
    "contents",
    Contents,
    (
        Sum("started", TIMES),
        Sum("finished", TIMES),
        Sum("timed", TIMES),
        Sum("seconds", SECONDS, "Time in all", measure="time_spent"),
        Ratio("finished_share", SHARE, part="finished", whole="started"),
        Ratio("mean_seconds", SECONDS, "Time per content", "Mean at END", part="seconds", whole="timed"),
    ),
)  # fmt: skip
QUESTIONS = Dataset(
    "questions",
    Questions,
    (
        Sum("title", None),
        Sum("attempts", ANSWERS),
        Sum("passed", ANSWERS),
        Sum("score", NUMBER),
        Sum("timed", ANSWERS),
        Sum("seconds", SECONDS, measure="timed_duration"),
        Sum("expected", SECONDS),
        Ratio("pass_rate", SHARE, part="passed", whole="attempts"),
        Ratio("mean_score", mean("score"), part="score", whole="attempts"),
        Ratio("mean_seconds", SECONDS, "Time", "Mean of the answers with an expected time", part="seconds",
              whole="timed"),
        Ratio("expected_seconds", SECONDS, "Expected time", part="expected", whole="timed"),
        Ratio("time_share", SHARE, "Time of expected", "100 % means as expected", part="seconds",
              whole="expected"),
    ),
    titles={"item": "Question"},
)  # fmt: skip
RATINGS = Dataset(
    "ratings",
    Ratings,
    (
        Sum("ratings", RATINGS_GIVEN, measure="rated"),
        Sum("rating_sum", NUMBER),
        Sum("comments", count("comments")),
        Ratio("mean", mean("mean rating"), part="rating_sum", whole="ratings", places=2),
    ),
)
SEARCHES = Dataset(
    "searches",
    Searches,
    (
        Sum("searches", SEARCHES_MADE),
        Sum("results", count("results")),
        Sum("without_results", SEARCHES_MADE, "No results", "Searches that found nothing"),
        Ratio("mean_results", mean("results"), "Found", "Results, on average", part="results",
              whole="searches", places=2),
        Ratio("empty_share", SHARE, part="without_results", whole="searches"),
    ),
    titles={"query": "Searched for"},
)  # fmt: skip
BUILDS = Dataset(
    "builds",
    Builds,
    (
        Sum("events", EVENTS),
        Sum("final", EVENTS, "Ends", "Events that end a series, or stand alone"),
        Sum("in_series", EVENTS),
        Sum("timed", EVENTS),
    ),
    titles={"os": "Operating system"},
)
LOGS = Dataset(
    "logs",
    Logs,
    (
        Sum("entries", ENTRIES, measure="events"),
        Sum("errors", ENTRIES, note="Of level ERROR or FATAL", measure="events",
            where={"level": ("ERROR", "FATAL")}),
        Ratio("error_share", SHARE, part="errors", whole="entries"),
    ),
)  # fmt: skip
HEARTBEATS = Dataset("heartbeats", Heartbeats, (Sum("heartbeats", count("heartbeats"), measure="events"),))
MEASUREMENTS = Dataset(
    "metrics",
    Metrics,
    (
        Sum("count", count("measurements"), "Measurements"),
        Sum("sum", NUMBER, measure="total"),
        Sum("least", NUMBER),
        Sum("greatest", NUMBER, measure="most"),
        Sum("last", NUMBER),
        Sum("latest", None),
        Ratio("mean", NUMBER, part="sum", whole="count"),
        Quantile("p95", NUMBER, "95th percentile", note="True to 3 %", is_estimate=True, share=0.95,
                 rollup=MetricShapes),
    ),
)  # fmt: skip
