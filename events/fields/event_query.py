"""Queries of events that meet conditions, each page at a bounded cost: see `events/lib/paging.py`."""

from typing import Any

from events.access import Access
from events.event import Event, EventQuerySet
from events.fields.conditions import Conditions
from events.fields.sql import on_envelopes, on_rows
from events.kinds import KINDS
from events.lib.paging import NEWEST_FIRST, EventQuery, Order

# Conditions that hold for rows of every table of events, as ranges of ids.
OF_TIME = ("id", "occurred_at")


def of_events(
    visible: EventQuerySet, conditions: Conditions, access: Access, order: Order = NEWEST_FIRST
) -> EventQuery:
    """Return the query of the visible events that meet the conditions.

    It searches in windows unless an index serves all conditions. The events of a session are read whole.
    """
    if order.keys[0] == "received_at":
        return _by_receipt(visible, conditions, access, order)
    kinds = conditions.kinds
    if kinds is None or len(kinds) != 1 or conditions.about("session").indexed:
        rows = visible.filter(on_envelopes(conditions, access))
        is_whole = not conditions.scanned or conditions.about("session").indexed
        indexed = visible.filter(on_rows(conditions.indexed, access))
        return EventQuery(rows) if is_whole else EventQuery(rows, windowed_by=(indexed,))
    # The envelope has no index on the kind, which may be rare. The kind's table has only these.
    (kind,) = kinds
    own, others = conditions.split(kind)
    in_time = KINDS[kind].model._default_manager.filter(on_rows(of_time(conditions), access))
    return EventQuery(
        visible.filter(on_envelopes(others, access)),
        windowed_by=(visible.filter(on_rows(conditions.indexed, access)), in_time),
        joined=in_time.filter(on_rows(own, access)),
    )


def of_kind(
    kind: str, rows: Any, visible: EventQuerySet, conditions: Conditions, access: Access
) -> EventQuery:
    """Return the query of a kind's rows whose visible envelopes and own columns meet the conditions."""
    own, others = conditions.split(kind)
    in_time = rows.filter(on_rows(of_time(conditions), access))
    return EventQuery(
        in_time.filter(on_rows(own, access)),
        windowed_by=(in_time, visible.filter(on_rows(conditions.indexed, access))),
        joined=visible.filter(on_envelopes(others, access)),
    )


def of_rows(visible: Any, conditions: Conditions, access: Access, order: Order) -> EventQuery:
    """Return the query of the visible rows of one table that meet the conditions."""
    rows = visible.filter(on_rows(conditions, access))
    indexed = visible.filter(on_rows(conditions.indexed, access))
    return EventQuery(rows, windowed_by=(indexed,) if conditions.scanned else (), order=order)


def of_time(conditions: Conditions) -> Conditions:
    """Return the conditions that limit ids, so that they hold for rows of every table of events."""
    return conditions.about(*OF_TIME).indexed


def _by_receipt(visible: EventQuerySet, conditions: Conditions, access: Access, order: Order) -> EventQuery:
    rows = visible.filter(on_envelopes(conditions, access))
    if not conditions.without("received_at", "occurred_at", "owner"):
        return EventQuery(rows, order=order)
    received: Any = Event.objects.filter(on_rows(conditions.about("received_at"), access))
    return EventQuery(rows, windowed_by=(received,), order=order)
