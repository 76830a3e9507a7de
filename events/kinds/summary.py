"""SUMMARY: a client sums up a session by itself."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec import UNSET, UnsetType

from events.kinds.base import SunbirdKind
from events.wire.checks import COUNT, TIME, example, negative_items
from events.wire.columns import Milliseconds, Need, Number, Objects, Stored, Text
from events.wire.schema import Warned


class FurtherValue(msgspec.Struct):
    """One further value. The pipeline's schema allows any members."""

    id: str | UnsetType = UNSET
    value: str | UnsetType = UNSET


# Lists of a summary, and the numbers in their items.
LISTS = {
    "env_summary": ("envsummary", ("timespent", "visits")),
    "events_summary": ("eventssummary", ("count",)),
    "page_summary": ("pagesummary", ("timespent", "visits")),
}
ROUNDED = 1.0  # tolerated difference of times, in seconds


def span(columns: Mapping[str, Stored]) -> Iterator[Warned]:
    """Warn of an end before the start, and of more time spent than there is between them."""
    start, end, spent = (columns.get(name) for name in ("start_time", "end_time", "timespent"))
    if start is None or end is None or TIME.is_in_other_unit(start) or TIME.is_in_other_unit(end):
        return
    seconds = (end - start).total_seconds()
    if seconds < 0:
        yield Warned("edata.endtime", "out_of_range", f"{-seconds:g} s before starttime")
    elif spent is not None and spent > seconds + ROUNDED:
        if spent / 1000 <= seconds + ROUNDED:
            yield Warned("edata.timespent", "unit", example(spent))
        else:
            yield Warned("edata.timespent", "out_of_range", example(spent))


def negative_parts(columns: Mapping[str, Stored]) -> Iterator[Warned]:
    """Warn of negative numbers in the lists."""
    for column, (key, names) in LISTS.items():
        if items := columns.get(column):
            for name, number in negative_items(items, names):
                yield Warned(f"edata.{key}[].{name}", "out_of_range", example(number))


class Summary(SunbirdKind):
    """A summary of a session, computed by the client rather than by Tally. Source: V3 SUMMARY."""

    watches = (span, negative_parts)
    expected = {
        "edata.endtime": "milliseconds since 1970, not before `starttime`",
        "edata.timespent": "seconds, at most those from `starttime` to `endtime`",
        **{f"edata.{key}[].{name}": "0 or more" for key, names in LISTS.values() for name in names},
    }

    type = Text(need=Need.HARD, help_text="What the summary covers: session, app, tool or something else.")
    start_time = Milliseconds("starttime", Need.HARD, check=TIME, help_text="Time of the first event.")
    end_time = Milliseconds("endtime", Need.HARD, check=TIME, help_text="Time of the last event.")
    timespent = Number(
        need=Need.HARD,
        check=COUNT,
        help_text="Time spent in the application, without idle time, in seconds.",
    )
    pageviews = Number(need=Need.HARD, check=COUNT, help_text="Number of page views.")
    interactions = Number(need=Need.HARD, check=COUNT, help_text="Number of interactions.")
    mode = Text(help_text="Mode that the summary covers: preview, edit or play.")
    env_summary = Objects(
        "envsummary", strict=False, help_text="Per environment: {env, timespent (s), visits}."
    )
    events_summary = Objects("eventssummary", strict=False, help_text="Per kind of event: {id, count}.")
    page_summary = Objects(
        "pagesummary", strict=False, help_text="Per page: {id, type, env, timespent (s), visits}."
    )
    further_values = Objects("extra", strict=list[FurtherValue], help_text="Further values: {id, value}.")
