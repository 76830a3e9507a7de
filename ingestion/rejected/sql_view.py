"""The view of rejected events for SQL."""

from events.sql.view import OWNER_AND_SOURCE, View, ViewColumn, columns_of, register, with_names
from ingestion.rejected.event import RejectedEvent

# The body is what a sender wrote, so it may be no text at all; the context belongs to the request.
LEFT_OUT = frozenset({"id", "body", "context", "content_hash"})

REJECTED = register(
    View(
        "rejected_events",
        "Rejected events with the reason, once for each owner and content.",
        (
            ViewColumn("rejected_id", "r.id", "Id of the rejected event."),
            *OWNER_AND_SOURCE,
            *columns_of(
                [field for field in RejectedEvent._meta.concrete_fields if field.name not in LEFT_OUT], "r"
            ),
            ViewColumn("bytes", "octet_length(r.body)", "Size of the event as it was received, in bytes."),
        ),
        f"public.{RejectedEvent._meta.db_table} r{with_names('r')}",
        "r.owner_id",
    )
)
