"""Events as JSON."""

from functools import cache
from typing import Any

from rest_framework import serializers

from events.api.endpoint import AnySerializer, Selectable
from events.event import ENRICHED, Event
from events.kinds import KINDS
from events.store.details import as_wire, detail_of

# Columns of the envelope that lists show.
LISTED = (
    "id",
    "dialect",
    "kind",
    "owner",
    "source",
    "session",
    "actor",
    "device",
    "client_event_id",
    "occurred_at",
    "received_at",
    "ingested_at",
)


class EventSerializer(Selectable, serializers.ModelSerializer[Event]):
    """The envelope of an event."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")
    # The name is a field of events, and in the type stubs an attribute of fields.
    source = serializers.CharField(  # type: ignore[assignment]
        source="source.name", read_only=True, help_text="Name of the application that sent it."
    )

    class Meta:
        model = Event
        fields: tuple[str, ...] = LISTED
        read_only_fields: tuple[str, ...] = LISTED


class EventDetailSerializer(EventSerializer):
    """An event with what enrichment found, its kind's columns and its wire form."""

    # Not a SerializerMethodField, because `get_fields` is a method of the serializer.
    fields = serializers.SerializerMethodField(  # type: ignore[assignment]  # DRF takes it out of the class
        method_name="columns_of", help_text="The kind's own columns."
    )
    wire = serializers.SerializerMethodField(method_name="wire_of", help_text="The event as it was sent.")

    class Meta(EventSerializer.Meta):
        fields = (*LISTED, *ENRICHED, "fields", "wire")
        read_only_fields = fields

    def columns_of(self, event: Event) -> dict[str, Any]:
        """Return the kind's own columns."""
        detail = self._detail(event)
        return columns_serializer(event.kind)(detail).data if detail else {}

    def wire_of(self, event: Event) -> dict[str, Any]:
        """Return the event as its sender wrote it."""
        return as_wire(event, self._detail(event))

    def _detail(self, event: Event) -> Any:
        """Return the row of the kind's table, read once."""
        if "row_of_kind" not in event.__dict__:
            event.__dict__["row_of_kind"] = detail_of(event)
        return event.__dict__["row_of_kind"]


def own_columns(kind: str) -> tuple[str, ...]:
    """Return the names of the kind's own columns, derived ones last."""
    model = KINDS[kind].model
    return tuple(column.attname for column in (*model.columns(), *model.computed()))


@cache
def columns_serializer(kind: str) -> AnySerializer:
    """Build the serializer of the kind's own columns."""
    model, names = KINDS[kind].model, own_columns(kind)
    meta = type("Meta", (), {"model": model, "fields": names, "read_only_fields": names})
    members = {"Meta": meta, "__doc__": model.__doc__}
    return type(f"{model.__name__}Columns", (serializers.ModelSerializer,), members)


@cache
def kind_serializer(kind: str) -> AnySerializer:
    """Build the serializer of an event of the kind: its envelope and the kind's own columns."""
    columns = columns_serializer(kind)
    names = (*LISTED, *own_columns(kind))
    meta = type("Meta", (columns.Meta,), {"fields": names, "read_only_fields": names})  # type: ignore[attr-defined]
    envelope = {name: _by_way_of_the_kind(field) for name, field in EventSerializer().fields.items()}
    return type(f"{KINDS[kind].model.__name__}Event", (Selectable, columns), {**envelope, "Meta": meta})


def _by_way_of_the_kind(field: Any) -> Any:
    return type(field)(*field._args, **{**field._kwargs, "source": f"event.{field.source}"})
