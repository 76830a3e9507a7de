"""Errors: Sunbird's ERROR, and Availity's messages of level error."""

from reports.rollups.columns import Count, First, Key, Latest, Lowest, Members
from reports.rollups.rollup import EventRollup

_WHERE = "event.kind = 'error' OR detail_ui_action.severity = 'error'"
_CODE = "CASE event.kind WHEN 'error' THEN detail_error.err ELSE detail_ui_action.label END"
_TYPE = "CASE event.kind WHEN 'error' THEN detail_error.errtype ELSE detail_ui_action.category END"


class Errors(EventRollup):
    """Errors that users encountered. Log entries of level ERROR are in the rollup of logs."""

    kinds = ("error", "ui_action")
    where = _WHERE

    kind = Key("event.kind", help_text="error or ui_action.")
    code = Key(_CODE, help_text="Code of the error; Availity: label of the element.")
    type = Key(_TYPE, help_text="Class of the error; Availity: category of the page.")
    events = Count(help_text="How many.")
    first = First("event.occurred_at", help_text="Time of occurrence of the first event.")
    latest = Latest("event.occurred_at", help_text="Time of occurrence of the last event.")


class ErrorsAffected(EventRollup):
    """Sets of sessions and actors affected by errors."""

    of_people = True
    kinds = ("error", "ui_action")
    joins = (
        "CROSS JOIN LATERAL (VALUES ('actor', event.actor),"
        " ('session', event.source_id || ' ' || coalesce(event.session,"
        " 'device ' || event.device || ' ' || coalesce(event.channel, '')))) AS who (what, id)"
    )
    where = f"({_WHERE}) AND who.id <> ''"

    kind = Key("event.kind", help_text="error or ui_action.")
    code = Key(_CODE, help_text="Same as in the rollup of errors.")
    type = Key(_TYPE, help_text="Same as in the rollup of errors.")
    what = Key("who.what", help_text="actor, or session (without a session ID, the device).")
    members = Members("who.id", help_text="Set of members.")
    lowest = Lowest(help_text="The sixteenth of the members with the lowest hashes.")
