"""One line in words for each event of a list, made from the columns of its kind."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Field, JSONField, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Left

from events.event import Event
from events.kinds import KINDS
from events.words import lasting

READ = 200  # characters of a column: a stack trace has megabytes
PARTS = 3  # columns that a line is made of, at most


@dataclass(frozen=True, slots=True)
class Line:
    """The columns of a kind that its line is made of, and how; a column without a value is an empty text."""

    columns: tuple[str, ...]
    words: Callable[..., str]


def _answered(title: str, item: str, passed: str) -> str:
    return f"answered {title or item}" + (f", passed: {passed}" if passed else "")


def _changed(change: str, before: str, after: str) -> str:
    states = f"{before or '(none)'} → {after or '(none)'}" if before or after else ""
    return ": ".join(filter(None, (change, states)))


def _failed(code: str, trace: str) -> str:
    line = next(iter(trace.strip().splitlines()), "")
    return line if line.startswith(code) else ": ".join(filter(None, (code, line)))


def _rated(rating: str, comment: str, chosen: str) -> str:
    said = comment or chosen
    return ", ".join(filter(None, (rating and f"rated {rating}", said and f"“{said}”")))


def _interacted(how: str, what: str, page: str) -> str:
    return _on(how, what) + (f", page {page}" if page and page != what else "")


def _searched(query: str, size: str) -> str:
    return f"searched “{query}”" + (f", {size} results" if size else "")


def _shared(direction: str, form: str) -> str:
    return " as ".join(filter(None, (direction, form)))


def _summed(what: str, spent: str, views: str) -> str:
    return ", ".join(filter(None, (what, spent and lasting(float(spent)), views and f"{views} page views")))


def _clicked(action: str, label: str, category: str) -> str:
    return " ".join(filter(None, (action, label and f"“{label}”", category and f"in {category}")))


def _emitted(name: str, resource: str) -> str:
    return " of ".join(filter(None, (name, resource)))


def _on(how: str, what: str) -> str:
    return " on ".join(filter(None, (how, what)))


LINES = {
    "assess": Line(("item_title", "item_id", "passed"), _answered),
    "audit": Line(("type", "previous_state", "state"), _changed),
    "emitted_event": Line(("context__0__event", "context__0__resource"), _emitted),
    "end": Line(("type", "pageid"), lambda what, page: _on(f"ended {what}", page)),
    "error": Line(("err", "stacktrace"), _failed),
    "exdata": Line(("type",), str),
    "feedback": Line(("rating", "comments", "comment_text"), _rated),
    "impression": Line(("pageid", "uri"), lambda page, uri: f"viewed {page or uri}"),
    "interact": Line(("type", "element_id", "pageid"), _interacted),
    "interrupt": Line(("type", "pageid"), _on),
    "log": Line(("level", "message"), lambda level, message: ": ".join(filter(None, (level, message)))),
    "metrics": Line(("system", "subsystem"), lambda *parts: " / ".join(filter(None, parts))),
    "response": Line(("type", "target_id"), _on),
    "search": Line(("query", "size"), _searched),
    "share": Line(("direction", "type"), _shared),
    "start": Line(("type", "pageid"), lambda what, page: _on(f"started {what}", page)),
    "summary": Line(("type", "timespent", "pageviews"), _summed),
    "ui_action": Line(("action", "label", "category"), _clicked),
}


def lines_of(events: Iterable[Event]) -> dict[UUID, str]:
    """Return the lines of events by their ids, by one statement; kinds without a line are left out."""
    by_kind: dict[str, list[UUID]] = {}
    for event in events:
        by_kind.setdefault(event.kind, []).append(event.pk)
    queries = [_parts(kind, ids) for kind, ids in by_kind.items() if kind in LINES]
    if not queries:
        return {}
    first, *others = queries
    found = {}
    for pk, kind, *parts in first.union(*others, all=True):
        line = LINES[kind]
        found[pk] = line.words(*parts[: len(line.columns)])
    return found


def _parts(kind: str, ids: list[UUID]) -> Any:
    """The query of a kind's columns as texts, as many for each kind."""
    model = KINDS[kind].model
    columns = LINES[kind].columns
    texts = [_text(model, name) for name in columns]
    empty = [Value("", TextField())] * (PARTS - len(columns))
    parts = {f"part_{place}": part for place, part in enumerate((*texts, *empty))}
    rows = model._default_manager.filter(pk__in=ids).annotate(of_kind=Value(kind, TextField()), **parts)
    return rows.order_by().values_list("pk", "of_kind", *parts)


def _text(model: Any, name: str) -> Combinable:
    field: Field[Any, Any] = model._meta.get_field(name.partition("__")[0])
    text = KT(name) if isinstance(field, JSONField) else Cast(F(name), TextField())
    return Coalesce(Left(text, READ), Value(""), output_field=TextField())
