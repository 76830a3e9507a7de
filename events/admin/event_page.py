"""The page of an event: a sentence, links, fields in groups, and the wire form; and its line in lists."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F, JSONField, Model, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, Left
from django.urls import reverse
from django.utils import timezone

from events.admin.display import Document, Group, Link, Page, fact, group, highlighted, indented
from events.event import AGENT, PLACE, Event
from events.kinds import KINDS
from events.kinds.base import Kind
from events.lib.formatting import duration_text, shorten
from events.sessions.session import Session
from events.store.details import as_wire
from events.wire.dialects import AVAILITY, BUILDLESS, SUNBIRD


def event_url(event: UUID) -> str:
    """Return the URL of an event's page."""
    return reverse("admin:events_event_change", args=[event])


def neighbours(session: Session, event: Event) -> Iterable[Link]:
    """Yield links to the events before and after an event in its session."""
    events = session.timeline().values_list("pk", flat=True)
    previous = events.filter(pk__lt=event.pk).order_by("-pk").first()
    following = events.filter(pk__gt=event.pk).first()
    if previous:
        yield Link("Previous event", event_url(previous))
    if following:
        yield Link("Next event", event_url(following))


def links_of(event: Event, now: datetime) -> Iterable[Link]:
    """Yield links from an event to its session and to its neighbours."""
    session = Session.objects.of_event(event).first()
    if session is not None:
        name = shorten(str(session), 32)
        yield Link(f"Session: {name} · {session.state_at(now).value}", session_url(session.pk))
        yield from neighbours(session, event)


def session_url(session: UUID) -> str:
    """Return the URL of a session's page."""
    return reverse("admin:events_session_change", args=[session])


def event_sentence(event: Event, detail: object) -> str:
    """Return a sentence: what happened, by whom, where and when. Plain text, to be escaped by pages."""
    what = SENTENCES.get(event.dialect, _plain)(event, detail)
    version = f" {shorten(event.version)}" if event.version else ""
    at = event.occurred_at.astimezone(UTC)
    where = f"in {shorten(event.source.name)}{version} (owner {shorten(event.owner.name)})"
    return f"{what} {where}, {at.day} {at:%b %Y, %H:%M:%S} UTC."


def _plain(event: Event, _: object) -> str:
    return f"{event.kind.upper()}{_by(event.actor)}"


def _sunbird(event: Event, detail: object) -> str:
    """Return, for example, INTERACT (TOUCH) on play-button by User u1."""
    kind = getattr(detail, "type", None)
    on = getattr(detail, "element_id", None) or getattr(detail, "pageid", None) or event.object_id
    actor = " ".join(filter(None, [event.actor_type, event.actor]))
    return (
        event.kind.upper()
        + (f" ({shorten(kind)})" if isinstance(kind, str) and kind else "")
        + (f" on {shorten(on)}" if isinstance(on, str) and on else "")
        + _by(actor)
    )


def _availity(event: Event, detail: object) -> str:
    """Return, for example, “click” on “Submit” by aka123."""
    action = getattr(detail, "action", None) or "Action"
    label = getattr(detail, "label", None)
    return f"“{shorten(action)}”" + (f" on “{shorten(label)}”" if label else "") + _by(event.actor)


def _buildless(event: Event, detail: object) -> str:
    """Return, for example, Event “build.finished” of api::build by user."""
    contexts = getattr(detail, "context", None)
    about = contexts[0] if isinstance(contexts, list) and contexts and isinstance(contexts[0], dict) else {}
    name, resource = about.get("event"), about.get("resource")
    return (
        ("Event" if not isinstance(name, str) else f"Event “{shorten(name)}”")
        + (f" of {shorten(resource)}" if isinstance(resource, str) and resource else "")
        + _by(event.actor)
    )


def _by(actor: str | None) -> str:
    return f" by {shorten(actor)}" if actor else ""


SENTENCES: dict[str, Callable[[Event, object], str]] = {
    AVAILITY.name: _availity,
    SUNBIRD.name: _sunbird,
    BUILDLESS.name: _buildless,
}

READ = 200  # characters of a column, since a stack trace may have megabytes
PARTS = 3  # columns that a line is made of, at most


@dataclass(frozen=True, slots=True)
class LineFormat:
    """The columns from which a kind's line in a list is built. A missing value is an empty text."""

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


def _summary(what: str, spent: str, views: str) -> str:
    return ", ".join(
        filter(None, (what, spent and duration_text(float(spent)), views and f"{views} page views"))
    )


def _clicked(action: str, label: str, category: str) -> str:
    return " ".join(filter(None, (action, label and f"“{label}”", category and f"in {category}")))


def _emitted(name: str, resource: str) -> str:
    return " of ".join(filter(None, (name, resource)))


def _on(how: str, what: str) -> str:
    return " on ".join(filter(None, (how, what)))


LINES = {
    "assess": LineFormat(("item_title", "item_id", "passed"), _answered),
    "audit": LineFormat(("type", "previous_state", "state"), _changed),
    "emitted_event": LineFormat(("context__0__event", "context__0__resource"), _emitted),
    "end": LineFormat(("type", "pageid"), lambda what, page: _on(f"ended {what}", page)),
    "error": LineFormat(("err", "stacktrace"), _failed),
    "exdata": LineFormat(("type",), str),
    "feedback": LineFormat(("rating", "comments", "comment_text"), _rated),
    "impression": LineFormat(("pageid", "uri"), lambda page, uri: f"viewed {page or uri}"),
    "interact": LineFormat(("type", "element_id", "pageid"), _interacted),
    "interrupt": LineFormat(("type", "pageid"), _on),
    "log": LineFormat(("level", "message"), lambda level, message: ": ".join(filter(None, (level, message)))),
    "metrics": LineFormat(("system", "subsystem"), lambda *parts: " / ".join(filter(None, parts))),
    "response": LineFormat(("type", "target_id"), _on),
    "search": LineFormat(("query", "size"), _searched),
    "share": LineFormat(("direction", "type"), _shared),
    "start": LineFormat(("type", "pageid"), lambda what, page: _on(f"started {what}", page)),
    "summary": LineFormat(("type", "timespent", "pageviews"), _summary),
    "ui_action": LineFormat(("action", "label", "category"), _clicked),
}


def event_lines(events: Iterable[Event]) -> dict[UUID, str]:
    """Return a line for each event by id, with one statement. Kinds without a line are left out."""
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
    """Build the query of a kind's columns as texts, padded to the same number for each kind."""
    model = KINDS[kind].model
    columns = LINES[kind].columns
    texts = [_text(model, name) for name in columns]
    empty = [Value("", TextField())] * (PARTS - len(columns))
    parts = {f"part_{place}": part for place, part in enumerate((*texts, *empty))}
    rows = model._default_manager.filter(pk__in=ids).annotate(of_kind=Value(kind, TextField()), **parts)
    return rows.order_by().values_list("pk", "of_kind", *parts)


def _text(model: type[Model], name: str) -> Combinable:
    field = model._meta.get_field(name.partition("__")[0])
    text = KT(name) if isinstance(field, JSONField) else Cast(F(name), TextField())
    return Coalesce(Left(text, READ), Value(""), output_field=TextField())


# The questions that an event's page answers, and the fields of the envelope for each. Fields that aren't
# listed here come last, so that none is hidden.
WHO = ("owner", "actor", "actor_email_hash", "actor_type", "device", "session", "address_hash")
WHERE = (
    "source",
    "component",
    "version",
    "platform",
    "channel",
    "environment",
    *(f"rollup_l{level}" for level in range(1, 5)),
)
ABOUT = (
    "object_id",
    "object_type",
    "object_version",
    *(f"object_rollup_l{level}" for level in range(1, 5)),
    "correlation",
    "tags",
)
TIMES = ("occurred_at", "received_at", "ingested_at", "clock_skew_ms", "time_hash")
CLIENT = (
    "id",
    "client_event_id",
    "dialect",
    "format_version",
    "billed_bytes",
    "wire_bytes",
    "over_quota",
    "adaptations",
)
ELSEWHERE = ("kind", "extra")


def event_view(event: Event, detail: Kind | None) -> Page:
    """Build the page of an event; `detail` is its row of the kind's table."""
    return Page(
        sentence=event_sentence(event, detail),
        links=(*links_of(event, timezone.now()), *others_of(event)),
        groups=tuple(_groups(event, detail)),
        documents=tuple(_documents(event, detail)),
    )


def others_of(event: Event) -> Iterable[Link]:
    """Yield links to other events of the same actor or device."""
    listed = reverse("admin:events_event_changelist")
    for column in ("actor", "device"):
        name = getattr(event, column)
        if name:
            yield Link(f"All events of {column} {shorten(name, 32)}", f"{listed}?{urlencode({column: name})}")


def _groups(event: Event, detail: Kind | None) -> list[Group]:
    model = KINDS[event.kind].model
    columns = [column.name for column in (*model.columns(), *model.computed())]
    what = group("What", event, ("kind",)).facts
    if detail is not None:
        what += group("What", detail, columns).facts
    named = {*WHO, *WHERE, *PLACE, *AGENT, *ABOUT, *TIMES, *CLIENT, *ELSEWHERE}
    others = (fact(event, field) for field in Event._meta.concrete_fields if field.name not in named)
    return [
        group("Who", event, WHO),
        group("Where", event, WHERE),
        group("Place", event, PLACE),
        group("Browser and system", event, AGENT),
        Group("What", what),
        group("About", event, ABOUT),
        group("Times", event, TIMES),
        group("Receipt and size", event, CLIENT),
        Group("Other fields", tuple(each for each in others if each is not None)),
        group("Fields without a column", event, ("extra",)),
    ]


def _documents(event: Event, detail: Kind | None) -> list[Document]:
    if detail is None:
        note = "The row in the table of its kind is missing, so it can't be rebuilt. Run manage.py verify."
        return [Document("As sent", note, "")]
    note = "Rebuilt from the columns above: the same JSON values that the sender wrote."
    return [Document("As sent (JSON)", note, highlighted(indented(as_wire(event, detail))))]
