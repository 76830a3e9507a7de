"""Lists of objects as relations: a view with a row for each item of each list that an event carries.

The lists stay in their events' rows as jsonb; a view takes them apart when it is read
(docs/decisions/154-lists-are-views-over-jsonb.md).
"""

from typing import Final, NamedTuple

from events.kinds import KINDS
from events.sql.view import OWNER_AND_SOURCE, View, ViewColumn, columns_of, with_names


class Member(NamedTuple):
    """A member of an item: its path on the wire, the type of its column, and its meaning."""

    path: str
    type: str  # TEXT, NUMBER or JSON
    meaning: str

    @property
    def column(self) -> str:
        """The name of its column."""
        return self.path.replace(".", "_")


TEXT, NUMBER, JSON = "text", "number", "json"


def _texts(*members: tuple[str, str]) -> tuple[Member, ...]:
    return tuple(Member(path, TEXT, meaning) for path, meaning in members)


SPENT: Final = (
    Member("timespent", NUMBER, "Time spent there, in seconds."),
    Member("visits", NUMBER, "Number of visits."),
)


class ListOf(NamedTuple):
    """A list: the view's name, the kind and its column, and the members of an item.

    Without members an item has any keys: each key is a row, with its `key` and `value`. `carried` are columns
    of the event's kind that questions about items need: joining two views takes several times as long.
    """

    view: str
    kind: str
    column: str
    comment: str
    members: tuple[Member, ...] = ()
    carried: tuple[str, ...] = ()


LISTS: Final = (
    ListOf(
        "assess_resvalues",
        "assess",
        "resvalues",
        "Answers to an assessment: a row for each value.",
        carried=("item_id", "score"),
    ),
    ListOf(
        "assess_params",
        "assess",
        "item_params",
        "Values put into the question of an assessment.",
        carried=("item_id", "score"),
    ),
    ListOf("response_values", "response", "values", "Answers: a row for each value."),
    ListOf("end_summary", "end", "summary", "What was done between a start and its end."),
    ListOf("log_params", "log", "params", "Further values of a log message."),
    ListOf("search_topn", "search", "topn", "Best results of a search, with their scores."),
    ListOf(
        "share_items",
        "share",
        "items",
        "Shared items.",
        (
            *_texts(
                ("id", "Id of the item, as the reference pipeline has it."),
                ("type", "Type of the item, as the reference pipeline has it."),
                ("ver", "Version of the item, as the reference pipeline has it."),
                ("obj.id", "Id of the item, as the published page has it."),
                ("obj.type", "Type of the item, as the published page has it."),
                ("obj.ver", "Version of the item, as the published page has it."),
                ("origin.id", "Who shares: id."),
                ("origin.type", "Who shares: type."),
                ("to.id", "Who receives: id."),
                ("to.type", "Who receives: type."),
            ),
            Member("params", JSON, "Further values of the item."),
        ),
    ),
    ListOf(
        "impression_visits",
        "impression",
        "visits",
        "Objects in sight on a page.",
        (
            *_texts(
                ("objid", "Id of the object."),
                ("objtype", "Type of the object."),
                ("objver", "Version of the object."),
                ("section", "Section of the page."),
            ),
            Member("index", NUMBER, "Position of the object on the page."),
        ),
    ),
    ListOf(
        "interact_positions",
        "interact",
        "positions",
        "Positions of an interaction; a drag has two.",
        tuple(Member(axis, NUMBER, f"Coordinate {axis}.") for axis in "xyz"),
    ),
    ListOf("interact_values", "interact", "extra_values", "Further values of an interaction."),
    ListOf(
        "summary_environments",
        "summary",
        "env_summary",
        "Environments of a session, as the sender summarised it.",
        (*_texts(("env", "Environment.")), *SPENT),
    ),
    ListOf(
        "summary_events",
        "summary",
        "events_summary",
        "Kinds of event in a session, as the sender summarised it.",
        (*_texts(("id", "Kind of event.")), Member("count", NUMBER, "Number of events.")),
    ),
    ListOf(
        "summary_pages",
        "summary",
        "page_summary",
        "Pages of a session, as the sender summarised it.",
        (*_texts(("id", "Id of the page."), ("type", "Type of the page."), ("env", "Environment.")), *SPENT),
    ),
    ListOf(
        "summary_values",
        "summary",
        "further_values",
        "Further values of a session, as the sender summarised it.",
        _texts(("id", "Name of the value."), ("value", "The value.")),
    ),
    ListOf(
        "emitted_event_contexts",
        "emitted_event",
        "context",
        "What a Buildless event is about, one to ten contexts.",
        _texts(
            ("type", "Type of the context, for instance CACHE."),
            ("resource", "What it happened to."),
            ("action", "What was done."),
            ("event", "What happened, for instance BUILD_FINISHED."),
        ),
    ),
    ListOf(
        "emitted_event_tools",
        "emitted_event",
        "tools",
        "Tools of a build.",
        _texts(("name", "Name of the tool."), ("version", "Version of the tool.")),
    ),
)

POSITION: Final = ViewColumn("position", "(i.position - 1)::integer", "Position in the list, from 0.")
PAIR: Final = (
    ViewColumn("key", "p.key", "Key of the value; empty for an item that is no object."),
    ViewColumn("value", "telemetry.as_text(p.value)", "The value as text."),
    ViewColumn("number", "telemetry.as_number(p.value)", "The value as a number, if it is one."),
)
OF_EVENT: Final = (
    ViewColumn("event_id", "e.id", "Id of the event."),
    ViewColumn("occurred_at", "e.occurred_at", "When the event occurred, by the sender's clock."),
    ViewColumn("owner_id", "e.owner_id", "Id of the owner."),
    OWNER_AND_SOURCE[0],
    ViewColumn("source_id", "e.source_id", "Id of the source, as in the event."),
    OWNER_AND_SOURCE[1],
    ViewColumn("session", "e.session", "Session id, as sent."),
)


def _items(expression: str) -> str:
    return (
        f"\n  CROSS JOIN LATERAL jsonb_array_elements(telemetry.items({expression}))"
        " WITH ORDINALITY AS i(item, position)"
    )


def _pairs(expression: str) -> str:
    return f"\n  CROSS JOIN LATERAL telemetry.pairs({expression}) AS p(key, value)"


def _member(member: Member) -> ViewColumn:
    path = f"i.item #> '{{{member.path.replace('.', ',')}}}'"
    expression = f"({path})" if member.type == JSON else f"telemetry.as_{member.type}({path})"
    return ViewColumn(member.column, expression, member.meaning)


def _of_kind(each: ListOf) -> View:
    model = KINDS[each.kind].model
    column = next(field.column for field in model.columns() if field.attname == each.column)
    source = (
        f'public."{model._meta.db_table}" k\n  JOIN public.events_event e ON e.id = k.id{with_names("e")}'
    )
    source += _items(f'k."{column}"')
    if each.members:
        columns = (*OF_EVENT, POSITION, *map(_member, each.members))
    else:
        source += _pairs("i.item")
        columns = (*OF_EVENT, POSITION, *PAIR)
    carried = columns_of([field for field in model.columns() if field.attname in each.carried], "k")
    return View(each.view, each.comment, (*columns, *carried), source, "e.owner_id")


def _share_params() -> View:
    shared = _of_kind(next(each for each in LISTS if each.view == "share_items"))
    source = shared.source + (
        "\n  CROSS JOIN LATERAL jsonb_array_elements(telemetry.items(i.item -> 'params'))"
        " WITH ORDINALITY AS j(item, position)"
    )
    columns = (
        *OF_EVENT,
        POSITION,
        ViewColumn("param", "(j.position - 1)::integer", "Position among the values of the item, from 0."),
        *PAIR,
    )
    comment = "Further values of shared items."
    return View("share_item_params", comment, columns, source + _pairs("j.item"), "e.owner_id")


MEASURED: Final = """
  CROSS JOIN LATERAL (
    SELECT telemetry.as_text(item -> 'metric'), telemetry.as_number(item -> 'value')
    FROM jsonb_array_elements(telemetry.items(k.metrics)) item
    UNION ALL
    SELECT key, telemetry.as_number(value) FROM telemetry.pairs(e.extra -> 'edata')
    WHERE jsonb_typeof(value) = 'number'
  ) AS p(key, number)"""


def _metrics() -> View:
    """Return the measurements of METRICS: a list of {metric, value}, or any key with a number."""
    source = (
        f"public.events_metrics k\n  JOIN public.events_event e ON e.id = k.id{with_names('e')}{MEASURED}"
    )
    columns = (
        *OF_EVENT,
        ViewColumn("key", "p.key", "Name of what is measured."),
        ViewColumn("value", "p.number", "The number."),
    )
    comment = "Measurements of METRICS events: a row for each key and number, in either form of the format."
    return View("metrics_values", comment, columns, source, "e.owner_id")


def _correlation() -> View:
    source = f"public.events_event e{with_names('e')}{_items('e.correlation')}"
    members = _texts(("type", "Type of the correlation."), ("id", "Id of the correlated object."))
    kind = ViewColumn("kind", "e.kind", "Kind of the event.")
    columns = (*OF_EVENT, kind, POSITION, *map(_member, members))
    return View("correlations", "Correlation data (`cdata`) of events.", columns, source, "e.owner_id")


def _tags() -> View:
    source = (
        f"public.events_event e{with_names('e')}"
        "\n  CROSS JOIN LATERAL unnest(e.tags) WITH ORDINALITY AS i(tag, position)"
    )
    kind = ViewColumn("kind", "e.kind", "Kind of the event.")
    tag = ViewColumn("tag", "i.tag", "The tag.")
    return View("tags", "Tags of events.", (*OF_EVENT, kind, POSITION, tag), source, "e.owner_id")


def views() -> list[View]:
    """Return the views of all lists."""
    return [*map(_of_kind, LISTS), _share_params(), _metrics(), _correlation(), _tags()]
