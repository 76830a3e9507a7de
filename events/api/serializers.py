"""Events as JSON."""

from typing import Any

from rest_framework import serializers

from events.event import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    """The envelope of an event."""

    owner = serializers.CharField(source="owner.name")
    # The name of a field of events, and of an attribute of fields that typing has in mind.
    source = serializers.CharField(source="source.name")  # type: ignore[assignment]

    class Meta:
        model = Event
        fields = (
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


class EventDetailSerializer(EventSerializer):
    """An event with its kind's columns and its wire form."""

    def to_representation(self, event: Event) -> dict[str, Any]:
        """The envelope, then `fields` of the kind, then `wire`."""
        detail = event.detail
        columns = type(detail).columns() if detail is not None else []  # type: ignore[attr-defined]
        fields = {column.attname: getattr(detail, column.attname) for column in columns}
        return super().to_representation(event) | {"fields": fields, "wire": event.as_wire(detail)}
