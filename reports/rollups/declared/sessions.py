"""Sessions: how many, how long and how deep, where they began and ended."""

from reports.rollups.columns import Bin, Count, Key, Total, Whole
from reports.rollups.histograms import bin_sql
from reports.rollups.rollup import SessionRollup


class Sessions(SessionRollup):
    """Sessions, by the device on which they began."""

    device_type = Key("session.device_type", help_text="Type of device of the first event.")
    os_name = Key("session.os_name", help_text="Operating system of the first event.")
    sessions = Count(help_text="How many.")
    time_spent = Total("session.time_spent", help_text="Seconds.")
    events = Whole("session.events", help_text="Number of events in these sessions.")
    page_views = Whole("session.page_views", help_text="Number of page views in these sessions.")
    interactions = Whole("session.interactions", help_text="Number of interactions in these sessions.")
    errors = Whole("session.errors", help_text="Number of errors in these sessions.")
    with_errors = Count("session.errors > 0", help_text="Number of sessions with an error.")
    single_page = Count("session.page_views = 1", help_text="Number of sessions with only one page view.")


class SessionShapes(SessionRollup):
    """Distributions over sessions, as histograms accurate to 2 %."""

    joins = (
        "CROSS JOIN LATERAL (VALUES ('time_spent', session.time_spent), ('depth', session.page_views),"
        " ('events', session.events)) AS shape (what, value)"
    )

    what = Key("shape.what", help_text="time_spent (seconds), depth (pages shown) or events.")
    bin = Bin(bin_sql("shape.value"), help_text="Bin of the histogram.")
    count = Count(help_text="Number of sessions in the bin.")


class Ends(SessionRollup):
    """Pages on which sessions begin and end."""

    joins = (
        "CROSS JOIN LATERAL (VALUES ('entry', session.first_page), ('exit', session.last_page))"
        " AS place (role, page)"
    )
    where = "place.page IS NOT NULL"

    role = Key("place.role", help_text="entry or exit.")
    page = Key("place.page", help_text="ID of the page.")
    sessions = Count(help_text="How many.")
