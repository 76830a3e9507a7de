"""The page of an event: its sentence, where it leads, its fields in groups, what was sent."""

from collections.abc import Iterable
from urllib.parse import urlencode

from django.db import models
from django.urls import reverse
from django.utils import timezone

from events.admin.facts import Document, Group, Link, Page, fact, group
from events.admin.json_text import coloured, laid_out
from events.admin.sentences import sentence
from events.admin.session_links import links_of
from events.envelope import AGENT, PLACE
from events.event import Event
from events.kinds import KINDS
from events.words import cut

# What the page of an event asks, and the envelope's fields that answer. A field that is named nowhere here
# comes last, so that none is ever hidden.
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


def event_view(event: Event, detail: models.Model | None) -> Page:
    """What there is to say of an event; `detail` is its row of the kind's own table."""
    return Page(
        sentence=sentence(event, detail),
        links=(*links_of(event, timezone.now()), *others_of(event)),
        groups=tuple(_groups(event, detail)),
        documents=tuple(_documents(event, detail)),
    )


def others_of(event: Event) -> Iterable[Link]:
    """To other events of who or what sent this one."""
    listed = reverse("admin:events_event_changelist")
    for column in ("actor", "device"):
        name = getattr(event, column)
        if name:
            yield Link(f"All events of {column} {cut(name, 32)}", f"{listed}?{urlencode({column: name})}")


def _groups(event: Event, detail: models.Model | None) -> list[Group]:
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
        group("How it came", event, CLIENT),
        Group("Further", tuple(each for each in others if each is not None)),
        group("Kept beside the columns", event, ("extra",)),
    ]


def _documents(event: Event, detail: models.Model | None) -> list[Document]:
    if detail is None:
        note = "The row of the kind is missing, so the event can't be rebuilt: run manage.py verify."
        return [Document("As sent", note, "")]
    note = "Rebuilt from the columns above: the same JSON values that the sender wrote."
    return [Document("As sent (JSON)", note, coloured(laid_out(event.as_wire(detail))))]
