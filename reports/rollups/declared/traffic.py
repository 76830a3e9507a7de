"""Traffic: events of all kinds, who was active, which pages were shown."""

from reports.rollups.columns import Count, First, Key, Latest, Lowest, Members, Total, Whole
from reports.rollups.rollup import EventRollup


class Events(EventRollup):
    """Events of all kinds."""

    kind = Key("event.kind", help_text="Kind of event.")
    events = Count(help_text="How many.")
    billed_bytes = Whole("event.billed_bytes", help_text="Size that is charged.")
    first = First("event.occurred_at", help_text="Time of occurrence of the first event.")
    latest = Latest("event.occurred_at", help_text="Time of occurrence of the last event.")


class Actives(EventRollup):
    """Sets of active actors and devices."""

    of_people = True
    joins = "CROSS JOIN LATERAL (VALUES ('actor', event.actor), ('device', event.device)) AS who (what, id)"
    where = "who.id <> ''"

    what = Key("who.what", help_text="actor or device.")
    members = Members("who.id", help_text="Set of members.")
    lowest = Lowest(help_text="The sixteenth of the members with the lowest hashes.")


class Pages(EventRollup):
    """Page views: Sunbird's impressions and Availity's page loads."""

    of_people = True
    kinds = ("impression", "ui_action")
    where = (
        "event.kind = 'impression' OR"
        " (detail_ui_action.resulting_event = 'page' AND detail_ui_action.action = 'load')"
    )

    page = Key(
        "CASE event.kind WHEN 'impression' THEN detail_impression.pageid"
        " ELSE coalesce(nullif(detail_ui_action.url, ''), detail_ui_action.category) END",
        help_text="ID of the page. Availity: its address, or its category without an address.",
    )
    views = Count(help_text="Number of page views.")
    timed = Count(
        "detail_impression.duration IS NOT NULL", help_text="Number of page views with a loading time."
    )
    load_time = Total("detail_impression.duration", help_text="Sum of their loading times, in seconds.")
