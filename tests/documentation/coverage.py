"""Generates the page about coverage: where each field of the published formats is available.

One event per kind has all fields of its format. Each value is searched by the API's filter, by the filter and
the search of the admin's list, in the SQL views, and in an export by its path on the wire.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.db import connection
from django.test import Client

from events.access import Access
from events.event import Event
from events.fields import vocabulary
from events.fields.field import Field
from events.fields.search import by_name
from events.kinds import KINDS
from events.sql.lists import LISTS
from tests.sending import AVAILITY, EMIT, Sender, file_all, now_ms
from tests.wire import samples

MID = "abcdefghij0123456789"
TOP = """# Where each field can be found

Made by `make docs-coverage`, which sends an event of each kind with every field of its published format. Each
value is then found by the filter of the [API](api.md#queries), by the filter and by the
[search](../how-to/find-events.md) of the admin's list, in the [SQL views](sql.md), and in an export as lines
of JSON. A test fails if one of them is missing, or if this page is out of date.

Filters and searches take the path on the wire or the name of the field. Positions in lists aren't part of a
path.
"""


class Found(NamedTuple):
    """A value on the wire: its path, the name of its field, and the views and columns that have it."""

    path: str
    name: str
    columns: tuple[str, ...]


def page(coverage: dict[str, list[Found]]) -> str:
    """Return the page."""
    parts = [TOP]
    for kind, found in coverage.items():
        parts.append(f"\n## {kind}\n\n| on the wire | filter, search and field | SQL |\n|---|---|---|\n")
        parts += [
            f"| `{each.path}` | `{each.name}` | {', '.join(f'`{column}`' for column in each.columns)} |\n"
            for each in found
        ]
    return "".join(parts)


def send(sender: Sender, kind: str) -> tuple[Event, Any]:
    """File an event of a kind with all fields. Return it, and what was sent."""
    dialect = KINDS[kind].schema.dialect
    sent = _filled(samples.complete(kind, ms=now_ms(), mid=MID))
    if dialect == "availity":
        sent["owner"] = sender.key.default_owner.name
        assert sender.post(AVAILITY, sent).status_code < 300
    elif dialect == "buildless":
        assert sender.post(EMIT, sent).status_code < 300
    else:
        sender.batch(sent)
    file_all()
    return Event.objects.get(kind=kind), sent


def _filled(value: Any) -> Any:
    """Return a value without empty texts, which no filter can look for."""
    if isinstance(value, dict):
        return {key: _filled(item) for key, item in value.items()}
    return [_filled(item) for item in value] if isinstance(value, list) else value if value != "" else "some"


def coverage_of(kind: str, event: Event, sent: Any, sender: Sender, lead: Client) -> list[Found]:
    """Look for each value. Raises AssertionError with the path of what can't be found."""
    row = KINDS[kind].model._default_manager.get(pk=event.pk)
    exported = set(_paths(json.loads(_export(lead, kind))["wire"]))
    view = _view_row(kind, event)
    found, api, admin = list[Found](), {}, {}
    for path in dict.fromkeys(_paths(sent)):
        field = _field(kind, path)
        text = _text(field, event, row)
        assert text, f"{kind}: {path} is not stored in {field.name}"
        # A column's name takes precedence over another's path: Availity's `version` is that of the format.
        is_path = field in vocabulary.of_kind(kind).find(path)
        api[path if is_path else _quoted(field)] = text
        # The admin's list uses the primary keys of owners and sources.
        by_number = field.column in ("owner_id", "source_id")
        admin[field.name if by_number else _quoted(field)] = (
            str(getattr(event, field.column)) if by_number else text
        )
        assert path in exported, f"{kind}: export, {path}"
        found.append(Found(path, field.name, tuple(_columns(kind, field, view))))
    _ask_api(kind, event, sender, api)
    _ask_admin(kind, event, lead, admin)
    _search(event, sender, api)
    return found


TOGETHER = 12  # filters per request, all of which must match the event


def _ask_api(kind: str, event: Event, sender: Sender, filters: dict[str, str]) -> None:
    for some in _batches(filters):
        answer = sender.client.get(
            f"/api/v1/kinds/{kind}/?{urlencode(some)}", headers={"Authorization": f"Bearer {sender.text}"}
        )
        rows = answer.json().get("results", [])
        assert [each["id"] for each in rows] == [str(event.pk)], f"{kind}: API, {some}"


def _ask_admin(kind: str, event: Event, lead: Client, filters: dict[str, str]) -> None:
    for some in _batches(filters):
        listed = lead.get(f"/admin/events/{KINDS[kind].model._meta.model_name}/?{urlencode(some)}")
        assert str(event.pk) in (page := listed.content.decode()), f"{kind}: admin, {some}"
        assert "has no filter" not in page, f"{kind}: admin, {some}"


def _search(event: Event, sender: Sender, filters: dict[str, str]) -> None:
    """Search for each value by field name, with the search of the admin's list."""
    access = Access.of_owner(sender.key.default_owner)
    for some in _batches(filters):
        conditions = [by_name(f"{name}:{text}", access) for name, text in some.items()]
        found = all(conditions) and Event.objects.filter(*conditions, pk=event.pk).exists()
        assert found, f"{event.kind}: search, {some}"


def _batches(filters: dict[str, str]) -> Iterator[dict[str, str]]:
    items = list(filters.items())
    for begin in range(0, len(items), TOGETHER):
        yield dict(items[begin : begin + TOGETHER])


def _field(kind: str, path: str) -> Field:
    """Return the field of a path on the wire."""
    fields = [field for _, fields in vocabulary.of_kind(kind) for field in fields if path in field.wire]
    names = vocabulary.of_kind(kind)
    found = [*fields, *names.find(path), *names.find(f"extra.{path}")]
    assert found, f"{kind}: no field has {path}"
    return found[0]


def _quoted(field: Field) -> str:
    """Return the name of a field for a filter, with quotes around steps that contain a dot."""
    base = field.name.removesuffix("".join(f".{step}" for step in field.path))
    return ".".join((base, *(f'"{step}"' if "." in step else step for step in field.path)))


def _paths(value: Any, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the path of each value other than lists and objects, without positions in lists."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _paths(item, (*above, f'"{key}"' if "." in key else key))
    elif isinstance(value, list):
        for item in value:
            yield from _paths(item, above)
    elif value is not None:
        yield ".".join(above)


def _text(field: Field, event: Event, row: Any) -> str:
    """Return the stored value of a field for a filter, or an empty text."""
    if field.column in ("owner_id", "source_id"):
        value: Any = getattr(event, field.name).name
    else:
        value = field.value_in(row if field.kind else event)
    while isinstance(value, list):
        value = next((each for each in value if each not in (None, "")), None)
    if value is None or isinstance(value, dict):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _export(lead: Client, kind: str) -> str:
    response: Any = lead.get(f"/admin/events/{KINDS[kind].model._meta.model_name}/export.ndjson")
    text = b"".join(response.streaming_content) if response.streaming else response.content
    (line,) = text.decode().splitlines()
    return line


def _view_row(kind: str, event: Event) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT to_jsonb(v)::text FROM telemetry."{kind}" v WHERE event_id = %s', [event.pk])
        row: dict[str, Any] = json.loads(cursor.fetchone()[0])
        return row


def _columns(kind: str, field: Field, view: dict[str, Any]) -> Iterator[str]:
    """Yield the columns that have a field: of the kind's view, and of the list's, if it is in one."""
    base = field.name.partition(".")[0]
    renamed = f"{kind}_{base}"
    name = renamed if field.kind and renamed in view else {"id": "event_id"}.get(base, base)
    assert view.get(name) is not None, f"{kind}: SQL, {name}"
    yield f"{kind}.{name}"
    if base == "correlation" and field.path:
        yield f"correlations.{field.path[-1]}"
    if base == "tags":
        yield "tags.tag"
    for each in LISTS:
        if (each.kind, each.column) == (field.kind, base) and field.path:
            members = {member.path: member.column for member in each.members}
            path = ".".join(field.path)
            known = [column for start, column in members.items() if f"{path}.".startswith(f"{start}.")]
            yield f"{each.view}.{known[0]}" if known else each.view
