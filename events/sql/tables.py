"""Views of events, of each kind, of sessions, and of owners and sources."""

from events.event import Event
from events.kinds import KINDS, KindEntry
from events.sessions.session import Session, SessionPage
from events.sql.view import OWNER_AND_SOURCE, View, ViewColumn, columns_of, with_names

ID = ViewColumn("event_id", "e.id", "Id of the event: sorts by time. `telemetry.id_at(time)` is the lowest.")
INTERNAL = frozenset({"adaptations"})  # how the wire form is restored
SESSION_ID = ViewColumn("session_id", "s0.id", "Id of the session.")


def _envelope() -> list[ViewColumn]:
    fields = [
        field for field in Event._meta.concrete_fields if not field.primary_key and field.name not in INTERNAL
    ]
    return [ID, *OWNER_AND_SOURCE, *columns_of(fields, "e")]


def events() -> View:
    """Return the view of the envelopes of all events."""
    source = f"public.events_event e{with_names('e')}"
    comment = "Events of all kinds. The kind's own columns are in the view of that name."
    return View("events", comment, tuple(_envelope()), source, "e.owner_id")


def of_kind(entry: KindEntry) -> View:
    """Return the view of a kind: its own columns after those of the envelope."""
    model = entry.model
    envelope = _envelope()
    own = columns_of(
        (*model.columns(), *model.computed()), "k", entry.name, {column.name for column in envelope}
    )
    source = (
        f'public."{model._meta.db_table}" k\n  JOIN public.events_event e ON e.id = k.id{with_names("e")}'
    )
    comment = f"Events of the kind {entry.name}: {(model.__doc__ or '').strip().splitlines()[0]}"
    return View(entry.name, comment, (*envelope, *own), source, "e.owner_id")


def sessions() -> View:
    """Return the view of sessions."""
    fields = [field for field in Session._meta.concrete_fields if not field.primary_key]
    columns = (SESSION_ID, *OWNER_AND_SOURCE, *columns_of(fields, "s0"))
    source = f"public.events_session s0{with_names('s0')}"
    comment = "Sessions, summarised from their events. Events have the same owner_id, source_id and session."
    return View("sessions", comment, columns, source, "s0.owner_id")


def session_pages() -> View:
    """Return the view of the pages of sessions."""
    fields = [field for field in SessionPage._meta.concrete_fields if field.name != "session"]
    columns = (
        SESSION_ID,
        ViewColumn("started_at", "s0.started_at", "When the session started."),
        ViewColumn("owner_id", "s0.owner_id", "Id of the owner."),
        *OWNER_AND_SOURCE,
        *columns_of(fields, "p"),
    )
    source = (
        "public.events_sessionpage p\n  JOIN public.events_session s0 ON s0.id = p.session_id"
        f"{with_names('s0')}"
    )
    return View(
        "session_pages", "Pages of sessions, in the order of first visits.", columns, source, "s0.owner_id"
    )


def owners() -> View:
    """Return the view of the owners."""
    columns = (
        ViewColumn("owner_id", "o.id", "Id of the owner."),
        ViewColumn("owner", "o.name", "Name of the owner."),
        ViewColumn("organization", "g.name", "Name of its organization."),
    )
    source = "public.events_owner o\n  JOIN public.events_organization g ON g.id = o.organization_id"
    return View("owners", "Owners: the teams whose events these are.", columns, source, "o.id")


def views() -> list[View]:
    """Return all of them."""
    kinds = [of_kind(KINDS[name]) for name in sorted(KINDS)]
    return [events(), *kinds, sessions(), session_pages(), owners()]
