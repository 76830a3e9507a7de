"""SQL views have every column of an event and every item of its lists, and read only the weeks they need."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from events.event import Event
from events.identity import first_id
from events.kinds import KINDS
from events.sql import lists
from events.sql.install import all_views, install
from events.sql.relations import RELATIONS
from tests.sending import AVAILITY, EMIT, SUNBIRD, Sender, Wire, file_all, log_event, now_ms
from tests.wire import samples

pytestmark = pytest.mark.django_db
ALL_VIEWS = {view.name: view for view in all_views()}


def rows(query: str, *parameters: Any) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def plan(query: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {query}")
        return "\n".join(line for (line,) in cursor.fetchall())


def of_kind(sender: Sender, eid: str, edata: Mapping[str, Any], **changes: Any) -> None:
    """File one V3 event of a kind."""
    event = log_event(f"{eid}:1", **changes) | {"eid": eid, "edata": edata}
    assert sender.batch(event)["accepted"] == 1
    file_all()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kinds_view_has_every_column_of_its_event(kind: str, sender: Sender) -> None:
    event = samples.complete(kind, ms=now_ms() - 60_000)
    send(sender, kind, event)
    stored = Event.objects.get()
    [row] = rows(f'SELECT * FROM telemetry."{kind}"')

    assert row["event_id"] == stored.pk
    assert (row["owner"], row["source"]) == (stored.owner.name, stored.source.name)
    detail = KINDS[kind].model._default_manager.get()
    for column in (*KINDS[kind].model.columns(), *KINDS[kind].model.computed()):
        name = column.attname if column.attname in row else f"{kind}_{column.attname}"
        name = f"{kind}_{column.attname}" if f"{kind}_{column.attname}" in row else name
        value = (
            json.loads(row[name]) if column.get_internal_type() == "JSONField" and row[name] else row[name]
        )
        assert value == getattr(detail, column.attname), name


PATHS = {"sunbird": SUNBIRD, "buildless": EMIT, "availity": AVAILITY}


def send(sender: Sender, kind: str, event: Wire) -> None:
    dialect = KINDS[kind].schema.dialect
    body = {"id": "api.telemetry", "ver": "3.0", "events": [event]} if dialect == "sunbird" else event
    assert sender.post(PATHS[dialect], body).status_code < 300
    file_all()


# Each list as sent, and the rows of its view. Only the columns given here are compared.
PAIRS = [{"a": 1}, {"b": "x", "c": None}, "loose", 5]
PAIR_ROWS = [
    (0, "a", "1", 1),
    (1, "b", "x", None),
    (1, "c", None, None),
    (2, None, "loose", None),
    (3, None, "5", 5),
]


def _pair_dicts() -> list[dict[str, Any]]:
    return [dict(zip(("position", "key", "value", "number"), row, strict=True)) for row in PAIR_ROWS]


LISTS: dict[str, tuple[str, dict[str, Any], list[dict[str, Any]]]] = {
    "end_summary": ("END", {"type": "app", "summary": PAIRS}, _pair_dicts()),
    "log_params": ("LOG", {"type": "a", "level": "INFO", "message": "m", "params": PAIRS}, _pair_dicts()),
    "search_topn": ("SEARCH", {"query": "q", "size": 1, "topn": PAIRS}, _pair_dicts()),
    "impression_visits": (
        "IMPRESSION",
        {
            "type": "view",
            "pageid": "p",
            "uri": "/",
            "visits": [{"objid": "do_1", "index": "7"}, {"objid": "do_2"}, 5],
        },
        [
            {"position": 0, "objid": "do_1", "index": 7},
            {"position": 1, "objid": "do_2", "index": None},
            {"position": 2, "objid": None, "index": None},
        ],
    ),
    "share_items": (
        "SHARE",
        {
            "dir": "In",
            "type": "File",
            "items": [{"obj": {"id": "do_1"}, "to": {"id": "t"}, "params": [{"n": 2}]}],
        },
        [{"position": 0, "obj_id": "do_1", "to_id": "t", "id": None}],
    ),
    "share_item_params": (
        "SHARE",
        {"dir": "In", "type": "File", "items": [{"id": "do_1", "params": [{"n": 2}, {"m": "x"}]}]},
        [
            {"position": 0, "param": 0, "key": "n", "number": 2},
            {"position": 0, "param": 1, "key": "m", "value": "x"},
        ],
    ),
    "interact_positions": (
        "INTERACT",
        {"type": "TOUCH", "id": "b", "extra": {"pos": [{"x": 1.5, "y": -2, "z": 1e300}]}},
        [{"position": 0, "x": 1.5, "y": -2, "z": 10**300}],
    ),
    "interact_values": (
        "INTERACT",
        {"type": "TOUCH", "id": "b", "extra": {"values": PAIRS}},
        _pair_dicts(),
    ),
    "metrics_values": (
        "METRICS",
        {"system": "s", "metrics": [{"metric": "m", "value": 3}], "anything": 1.25, "text": "no"},
        [{"key": "anything", "value": 1.25}, {"key": "m", "value": 3}],
    ),
}


@pytest.mark.parametrize("view", LISTS)
def test_a_list_has_a_row_for_each_item(view: str, sender: Sender) -> None:
    eid, edata, expected = LISTS[view]
    of_kind(sender, eid, edata)
    order = ", ".join(name for name in ("position", "param", "key") if name in names(view))
    found = rows(f"SELECT * FROM telemetry.{view} ORDER BY {order}")

    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        assert {name: row[name] for name in wanted} == pytest.approx(wanted)
        assert (row["owner"], row["source"], row["session"]) == ("YourTeam", "portal", "s1")


def names(view: str) -> set[str]:
    return {column.name for column in ALL_VIEWS[view].columns}


def test_correlations_tags_contexts_and_tools(sender: Sender) -> None:
    context = log_event()["context"] | {"cdata": [{"type": "batch", "id": "b5"}, {"id": 5}]}
    assert sender.batch(log_event(context=context, tags=["blue", "green"]))["accepted"] == 1
    sender.post(EMIT, samples.complete("emitted_event", ms=now_ms()))
    file_all()

    found = rows("SELECT type, id FROM telemetry.correlations WHERE kind = 'log' ORDER BY position")
    assert found == [{"type": "batch", "id": "b5"}, {"type": None, "id": "5"}]
    assert [
        row["tag"] for row in rows("SELECT tag FROM telemetry.tags WHERE kind = 'log' ORDER BY position")
    ] == ["blue", "green"]
    assert rows("SELECT event FROM telemetry.emitted_event_contexts WHERE event IS NOT NULL")
    assert rows("SELECT name, version FROM telemetry.emitted_event_tools WHERE name IS NOT NULL")


def test_the_orm_queries_lists(sender: Sender) -> None:
    of_kind(sender, "SHARE", LISTS["share_items"][1])
    found = (
        RELATIONS["share_items"]._default_manager.filter(obj_id="do_1").values("obj_id", "position", "params")
    )

    assert list(found) == [{"obj_id": "do_1", "position": 0, "params": [{"n": 2}]}]
    assert set(RELATIONS) == {view.name for view in lists.views()}
    for model in RELATIONS.values():
        list(model._default_manager.all())


def test_every_view_and_column_has_a_comment() -> None:
    bare = rows(
        "SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0"
        " WHERE relnamespace = 'telemetry'::regnamespace"
        " AND '' IN (coalesce(col_description(attrelid, attnum), ''),"
        " coalesce(obj_description(attrelid), ''))"
    )
    assert bare == []


def test_the_events_view_has_every_column_of_the_envelope() -> None:
    columns = {field.attname for field in Event._meta.concrete_fields} - {"id", "adaptations"}
    assert columns <= names("events")


@pytest.mark.parametrize("ms", [0, 1, 1_760_000_000_123, 2**47])
def test_id_at_is_the_lowest_id_of_its_time(ms: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    [row] = rows("SELECT telemetry.id_at(%s) AS id", at)
    assert row["id"] == first_id(at)


@pytest.mark.parametrize("view", ["events", "impression", "impression_visits", "correlations"])
@pytest.mark.parametrize(
    "condition",
    [
        "occurred_at >= '{day} 00:00+00' AND occurred_at < '{day} 23:59+00'",
        "event_id >= telemetry.id_at('{day} 00:00+00') AND event_id < telemetry.id_at('{day} 23:59+00')",
    ],
)
def test_a_query_for_one_day_reads_one_week(view: str, condition: str) -> None:
    day = datetime.now(UTC).date()
    text = plan(f"SELECT count(*) FROM telemetry.{view} WHERE {condition.format(day=day)}")
    weeks = {word[-8:] for word in text.split() if word.startswith("events_") and word[-8:].isdigit()}

    assert weeks == {f"{day - timedelta(days=day.weekday()):%Y%m%d}"}, text


def test_partitions_without_a_time_constraint_get_one() -> None:
    declared = "SELECT conname FROM pg_constraint WHERE conname LIKE 'events_event_%%_times' ORDER BY 1"
    before = rows(declared)
    with connection.cursor() as cursor:
        for each in before:
            name = each["conname"]
            cursor.execute(f"ALTER TABLE {name.removesuffix('_times')} DROP CONSTRAINT {name}")
        cursor.execute("COMMENT ON SCHEMA telemetry IS 'older'")
    assert install() == []
    assert rows(declared) == before != []


def test_installing_again_replaces_only_outdated_views() -> None:
    assert install() == []
    with connection.cursor() as cursor:
        cursor.execute("DROP VIEW telemetry.tags; CREATE VIEW telemetry.tags AS SELECT 1 AS one")
        cursor.execute("CREATE VIEW telemetry.gone AS SELECT 1 AS one")
        cursor.execute("COMMENT ON SCHEMA telemetry IS 'older'")
    assert install() == []
    assert rows("SELECT tag FROM telemetry.tags") == []
    assert rows("SELECT to_regclass('telemetry.gone') AS gone") == [{"gone": None}]


def test_a_view_with_dependents_is_kept_and_reported() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP VIEW telemetry.tags; CREATE VIEW telemetry.tags AS SELECT 1 AS one")
        cursor.execute("CREATE VIEW public.of_an_analyst AS SELECT one FROM telemetry.tags")
        cursor.execute("COMMENT ON SCHEMA telemetry IS 'older'")
    assert install() == ["tags"]
    assert rows("SELECT one FROM public.of_an_analyst") == [{"one": 1}]
