"""SUMMARY: a client sums up a session by itself."""

import msgspec
from msgspec import UNSET, UnsetType

from events.kinds.base import SunbirdKind
from events.wire.columns import Milliseconds, Need, Number, Objects, Text


class FurtherValue(msgspec.Struct):
    """One further value; the pipeline's schema leaves it open."""

    id: str | UnsetType = UNSET
    value: str | UnsetType = UNSET


class Summary(SunbirdKind):
    """A session summed up by the client, not by us. Source: V3 SUMMARY."""

    type = Text(need=Need.HARD, help_text="What is summed up: session, app, tool or another word.")
    start_time = Milliseconds("starttime", Need.HARD, help_text="Time of the first event.")
    end_time = Milliseconds("endtime", Need.HARD, help_text="Time of the last event.")
    timespent = Number(
        need=Need.HARD, help_text="Time spent in the application, idle time left out, in seconds."
    )
    pageviews = Number(need=Need.HARD, help_text="How many pages were shown.")
    interactions = Number(need=Need.HARD, help_text="How many interactions there were.")
    mode = Text(help_text="Mode of what is summed up: preview, edit or play.")
    env_summary = Objects(
        "envsummary", strict=False, help_text="Per environment: {env, timespent (s), visits}."
    )
    events_summary = Objects("eventssummary", strict=False, help_text="Per kind of event: {id, count}.")
    page_summary = Objects(
        "pagesummary", strict=False, help_text="Per page: {id, type, env, timespent (s), visits}."
    )
    further_values = Objects("extra", strict=list[FurtherValue], help_text="Further values: {id, value}.")
