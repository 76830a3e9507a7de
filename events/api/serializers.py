"""Events as JSON."""

from typing import Any

from rest_framework import serializers

from events.event import Event
from events.kinds import KINDS

# Columns of the envelope that enrichment fills.
ENRICHED = (
    "actor_email_hash",
    "address_hash",
    "clock_skew_ms",
    "time_hash",
    "country",
    "region",
    "locality",
    "latitude",
    "longitude",
    "geohash",
    "timezone",
    "dma",
    "edge",
    "browser",
    "browser_version",
    "os_name",
    "os_family",
    "os_version",
    "device_type",
    "is_bot",
    "user_agent",
)


class EventSerializer(serializers.ModelSerializer[Event]):
    """The envelope of an event."""

    owner = serializers.CharField(source="owner.name")
    # The name of a field of events, and of an attribute of fields that typing has in mind.
    source = serializers.CharField(source="source.name")  # type: ignore[assignment]

    class Meta:
        model = Event
        fields: tuple[str, ...] = (
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
    """An event with what enrichment found, its kind's columns and its wire form."""

    class Meta(EventSerializer.Meta):
        fields = (*EventSerializer.Meta.fields, *ENRICHED)

    def to_representation(self, event: Event) -> dict[str, Any]:
        """The envelope, then `fields` of the kind, then `wire`."""
        detail = event.detail
        model = KINDS[event.kind].model
        columns = (*model.columns(), *model.computed()) if detail is not None else ()
        fields = {column.attname: getattr(detail, column.attname) for column in columns}
        return super().to_representation(event) | {"fields": fields, "wire": event.as_wire(detail)}
