"""Builds: events of Buildless's clients, and the series that they are part of."""

from reports.rollups.columns import Count, First, Key, Latest, Least, Most
from reports.rollups.rollup import EventRollup

_AGENT = (
    "coalesce(detail.agent_version_spec, detail.agent_version_tag,"
    " detail.agent_version_major || '.' || coalesce(detail.agent_version_minor, 0)"
    " || '.' || coalesce(detail.agent_version_micro, 0))"
)


class Builds(EventRollup):
    """Events of builds and tools."""

    kinds = ("emitted_event",)

    collection = Key("detail.collection", help_text="Named group of events.")
    repository = Key(
        "coalesce(nullif(detail.repository_name, ''), detail.repository_link)",
        help_text="Name of the repository, or its address without a name.",
    )
    os = Key(
        "coalesce(detail.os_name, detail.os_family)",
        help_text="Operating system, or its family if the system is unknown.",
    )
    architecture = Key("detail.os_architecture", help_text="Processor architecture.")
    agent_version = Key(_AGENT, help_text="Version of the client.")
    events = Count(help_text="How many.")
    final = Count("detail.final", help_text="Events that end a series, or stand alone.")
    in_series = Count("detail.scope <> ''", help_text="Events that are part of a series.")
    timed = Count("detail.timer IS NOT NULL", help_text="Events of a timer.")


class BuildSeries(EventRollup):
    """Series of events, grouped by what they are part of, to tell complete from incomplete ones."""

    kinds = ("emitted_event",)
    where = "detail.scope <> ''"

    collection = Key("detail.collection", help_text="Named group of events.")
    scope = Key("detail.scope", help_text="What the events are part of, such as a CI build.")
    events = Count(help_text="How many.")
    indexed = Count("detail.index IS NOT NULL", help_text="Events with an index.")
    final = Count("detail.final", help_text="Events that end the series.")
    least = Least("detail.index", null=True, help_text="Lowest index.")
    greatest = Most("detail.index", null=True, help_text="Highest index.")
    first = First("event.occurred_at", help_text="Time of occurrence of the first event.")
    latest = Latest("event.occurred_at", help_text="Time of occurrence of the last event.")


class BuildTimers(EventRollup):
    """Timers that connect events, with the times of their first and last event."""

    kinds = ("emitted_event",)
    where = "detail.timer IS NOT NULL"

    collection = Key("detail.collection", help_text="Named group of events.")
    timer = Key("detail.timer", help_text="ID of the timer, in base64.")
    events = Count(help_text="How many.")
    first = First("event.occurred_at", help_text="Time of occurrence of the first event.")
    latest = Latest("event.occurred_at", help_text="Time of occurrence of the last event.")
