"""The hot statements: who requests them at which address, and the limits their plans must keep."""

from typing import NamedTuple

ADMIN, API = "/admin", "/api/v1"


class Hot(NamedTuple):
    """A request, and the limits on what its statements may read."""

    what: str
    who: str  # a member of a small team, an operator, or a key of the small team
    path: str
    tables: tuple[str, ...]  # only those that grow
    indexes: tuple[str, ...]  # all of them have to be used
    most: int  # rows read of these tables, including those a filter discards
    weeks: int | None = None  # partitions read, for partitioned tables


EVENT, SESSION, USAGE = ("events_event",), ("events_session",), ("events_usagehour",)
CHANGE = ("events_change",)
LOG = ("events_event", "events_log")
REJECTED = ("ingestion_rejectedevent",)
BOOKS = (*USAGE, *REJECTED, "ingestion_discardedevent")
NEWEST = 5  # weeks: the current one, those ahead, and early in a week the previous one
WINDOW = 5_000  # one window of both tables of a kind, measured on two indexes

STATEMENTS = (
    Hot("events, all", "operator", f"{ADMIN}/events/event/", EVENT, ("events_event_pkey",), 250, NEWEST),
    Hot("events of an owner", "member", f"{ADMIN}/events/event/", EVENT, ("event_owner",), 250),
    Hot("events of an owner", "key", f"{API}/events/", EVENT, ("event_owner",), 250),
    Hot("events of a session", "key", f"{API}/events/?session=visit%207", EVENT, ("event_session",), 100),
    Hot(
        "events of a day",
        "key",
        f"{API}/events/?occurred_after={{day}}",
        EVENT,
        ("event_owner",),
        250,
        NEWEST,
    ),
    Hot(
        "events as they arrive",
        "operator",
        f"{API}/events/?ordering=received_at",
        EVENT,
        ("event_received",),
        250,
    ),
    Hot(
        "events received in some hours",
        "operator",
        f"{ADMIN}/events/event/?received_since={{day}}",
        EVENT,
        ("event_received",),
        1_000,
    ),
    Hot(
        "events of an owner, received within some hours",
        "member",
        f"{ADMIN}/events/event/?received_since={{day}}&kind=log&dialect=sunbird",
        EVENT,
        ("event_received",),
        2_000,
    ),
    Hot(
        "events of a kind, all", "operator", f"{ADMIN}/events/log/", LOG, ("events_log_pkey",), WINDOW, NEWEST
    ),
    Hot("events of a kind", "member", f"{ADMIN}/events/log/", LOG, ("event_owner",), WINDOW),
    Hot("events of a kind", "key", f"{API}/kinds/log/", LOG, ("event_owner",), WINDOW),
    Hot("the feed of an owner", "key", f"{API}/changes/?limit=100", CHANGE, ("change_owner",), 250),
    Hot("the feed, all", "operator", f"{API}/changes/?limit=100", CHANGE, ("change_what",), 250),
    Hot("the end of the feed", "key", f"{API}/changes/?after=now", CHANGE, ("change_position",), 50),
    Hot("sessions, all", "operator", f"{ADMIN}/events/session/", SESSION, ("session_started",), 250),
    Hot("sessions of an owner", "member", f"{ADMIN}/events/session/", SESSION, ("session_owner",), 250),
    Hot("sessions of an owner", "key", f"{API}/sessions/", SESSION, ("session_owner",), 250),
    Hot("sessions of an actor", "key", f"{API}/sessions/?actor=user%2040", SESSION, ("session_actor",), 250),
    Hot(
        "a session by its id",
        "key",
        f"{API}/sessions/?session=visit%2040",
        SESSION,
        ("session_session",),
        100,
    ),
    Hot("usage by day", "key", f"{API}/usage/", USAGE, ("usage_hour_once",), 1_000),
    Hot("usage by hour", "key", f"{API}/usage/?group=hour", USAGE, ("usage_hour_once",), 400),
    Hot("sources and when they last sent", "key", f"{API}/sources/", USAGE, ("usage_hour_once",), 1_500),
    Hot("rejected events of an owner", "key", f"{API}/rejected/", REJECTED, ("rejected_owner",), 300),
    Hot(
        "rejected events of a source",
        "key",
        f"{API}/rejected/?source=portal",
        REJECTED,
        ("rejected_owner",),
        1_250,  # including the end of the window, which is read from the index
    ),
    Hot(
        "rejected events of an owner",
        "member",
        f"{ADMIN}/ingestion/rejectedevent/",
        REJECTED,
        ("rejected_owner_last",),
        300,
    ),
    Hot(
        "rejected events, all",
        "operator",
        f"{ADMIN}/ingestion/rejectedevent/",
        REJECTED,
        ("rejected_last",),
        300,
    ),
    Hot(
        "groups of rejected events",
        "member",
        f"{ADMIN}/ingestion/rejectedevent/groups/",
        REJECTED,
        ("rejected_owner_last",),
        1_500,
    ),
    Hot(
        "accounts of a week",
        "member",
        f"{ADMIN}/ingestion/rejectedevent/accounts/?period=7d",
        BOOKS,
        ("usage_hour_once", "discarded_owner"),
        3_000,
    ),
)
# Statements without an address, and the test of each one's plan.
ELSEWHERE = (
    ("known IDs, looked up by the drain before filing", "tests/plans/test_plans.py"),
    ("webhooks with something to send, looked up every two seconds", "tests/plans/test_plans.py"),
    ("events of a session, read to summarise it", "tests/sessions/test_plan.py"),
    ("lists of events and of kinds under every filter", "tests/admin/test_events_plan.py"),
    ("lists and searches of sessions", "tests/admin/test_sessions_plan.py"),
    ("events, sessions and rollups, read by report pages", "tests/plans/test_report_plans.py"),
)

TOP = """# Hot statements

The most frequent statements, and the limits that `tests/plans` checks, on tables where a small team has a
twentieth of the rows: the indexes that have to be used, the most rows that may be read (including those that
a filter discards), and for tables in weekly partitions the most weeks. A statement that exceeds its limits
fails the tests. Generated by `WRITE_DOCS=1 pytest tests/plans`.

"""


def page() -> str:
    """Return the documentation page."""
    head = ("statement", "requested by", "address", "tables", "indexes", "rows at most", "weeks at most")
    rows = [
        (
            each.what,
            each.who,
            f"`{each.path}`",
            ", ".join(f"`{name}`" for name in each.tables),
            ", ".join(f"`{name}`" for name in each.indexes),
            f"{each.most:,}",
            str(each.weeks or ""),
        )
        for each in STATEMENTS
    ]
    table = [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
    others = [f"- {what}: `{where}`" for what, where in ELSEWHERE]
    return TOP + "\n".join((*table, "", "Tested elsewhere:", "", *others, ""))
