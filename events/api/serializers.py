"""Events as JSON: the members that lists have by default, and any others that `fields` selects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from events.api.endpoint import FIELDS, AnySerializer, Selectable
from events.changes.change import What
from events.event import Event
from events.feed.followed import FOLLOWED, Followed
from events.fields import vocabulary
from events.fields.field import Field
from events.fields.sql import on_envelopes
from events.kinds import KINDS
from events.store.details import as_wire, detail_of, details_of

# Columns of the envelope that lists show unless others are selected.
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
ENVELOPE = (*LISTED, *(each.name for each in Event._meta.concrete_fields if each.name not in LISTED))
WIRE = "wire"
_DETAIL = "row_of_kind"  # attribute of an event that its row of the kind's table is kept in


@dataclass(frozen=True)
class Selection:
    """The members that a request selects, and what they are read from."""

    names: frozenset[str] | None  # None: those that are shown by default
    vocabulary: vocabulary.Vocabulary

    @cached_property
    def fields(self) -> dict[str, tuple[Field, ...]]:
        """The fields of each name."""
        return {name: self.vocabulary.find(name) for name in sorted(self.names or ())}

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The columns of the envelope to read; None for all."""
        if self.names is not None and WIRE in self.names:
            return None
        further = {field.column for fields in self.fields.values() for field in fields if not field.kind}
        return tuple(dict.fromkeys((*LISTED, *sorted(further))))

    @property
    def needs_details(self) -> bool:
        """True if rows of the kinds' tables are read."""
        of_kinds = any(field.kind for fields in self.fields.values() for field in fields)
        return of_kinds or (self.names is not None and WIRE in self.names)

    def only(self, events: Any) -> Any:
        """Return events with the columns that are read."""
        return events if self.columns is None else events.only(*self.columns)

    def load_details(self, events: Iterable[Event]) -> None:
        """Read the rows of the kinds' tables, a statement for each kind."""
        if self.needs_details:
            events = list(events)
            found = details_of(events)
            for event in events:
                event.__dict__[_DETAIL] = found.get(event.pk)


def selection_of(view: Any, names: vocabulary.Vocabulary | None = None) -> Selection:
    """Return what the request of a view selects."""
    chosen = view.get_serializer_context()[FIELDS]
    return Selection(chosen, names or vocabulary.of_events())


def detail_in(event: Event) -> Any:
    """Return the row of the kind's table of an event, read once."""
    if _DETAIL not in event.__dict__:
        event.__dict__[_DETAIL] = detail_of(event)
    return event.__dict__[_DETAIL]


class _Member(serializers.Field[Any, Any, Any, Any]):
    """A member of an event that a serializer doesn't declare. `fields` are those that its name means."""

    def __init__(self, fields: tuple[Field, ...], **kwargs: Any) -> None:
        self.of_names = fields
        super().__init__(source="*", read_only=True, **kwargs)

    def to_representation(self, value: Any) -> Any:
        """Return the value of the first field that the event has a value in."""
        is_event = isinstance(value, Event)
        event: Event = value if is_event else value.event
        for field in self.of_names:
            row: Any = event
            if field.kind:
                if field.kind != event.kind:
                    continue
                row = detail_in(event) if is_event else value
            found = None if row is None else field.value_in(row)
            if found is not None and not field.path:
                found = _representations(field.kind)[field.name].to_representation(found)
            if found not in (None, []):
                return found
        return None


@extend_schema_field(OpenApiTypes.OBJECT)
class _Wire(serializers.Field[Any, Any, Any, Any]):
    """The event as its sender wrote it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "source": "*", "read_only": True})

    def to_representation(self, value: Any) -> Any:
        """Return the event as it was sent."""
        if isinstance(value, Event):
            return as_wire(value, detail_in(value))
        return as_wire(value.event, value)


class Members(Selectable):
    """Selects members of events: those declared, and all others that the vocabulary has."""

    shown: ClassVar[tuple[str, ...]] = ()  # unless others are selected
    of_kind: ClassVar[str] = ""

    @classmethod
    def vocabulary(cls) -> vocabulary.Vocabulary:
        """Return the vocabulary of the names."""
        return vocabulary.of_kind(cls.of_kind) if cls.of_kind else vocabulary.of_events()

    @classmethod
    def unselectable(cls, names: frozenset[str]) -> list[str]:
        """Return the names that neither are declared nor mean a field."""
        return [name for name in super().unselectable(names) if not cls.vocabulary().find(name)]

    def wants(self, name: str) -> bool:
        """True if a declared member is selected. The description has all of them."""
        chosen = self.context.get(FIELDS)
        if chosen is None:
            return name in self.shown or getattr(self.context.get("view"), "swagger_fake_view", False)
        return name in chosen

    def get_field_names(self, declared_fields: Any, info: Any) -> list[str]:
        """Return the declared members that are selected, so that no others are built."""
        names = super().get_field_names(declared_fields, info)  # type: ignore[misc]  # of the class mixed into
        return [name for name in names if self.wants(name)]

    def get_fields(self) -> dict[str, Any]:
        """Return the selected members."""
        further = sorted((self.context.get(FIELDS) or frozenset()).difference(self.selectable()))
        return super().get_fields() | {name: _Member(self.vocabulary().find(name)) for name in further}


class EventSerializer(Members, serializers.ModelSerializer[Event]):
    """The envelope of an event."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")
    # The name is a field of events, and in the type stubs an attribute of fields.
    source = serializers.CharField(  # type: ignore[assignment]
        source="source.name", read_only=True, help_text="Name of the application that sent it."
    )
    wire = _Wire(help_text="The event as its sender wrote it.")

    shown: ClassVar[tuple[str, ...]] = LISTED

    class Meta:
        model = Event
        fields: tuple[str, ...] = (*ENVELOPE, WIRE)
        read_only_fields: tuple[str, ...] = fields


FOLLOWED["events"] = Followed(
    What.EVENTS, Event.objects.all, EventSerializer, vocabulary.of_events, narrow=on_envelopes
)


class EventDetailSerializer(EventSerializer):
    """An event with its kind's columns and its wire form."""

    # Not a SerializerMethodField, because `get_fields` is a method of the serializer.
    fields = serializers.SerializerMethodField(  # type: ignore[assignment]  # DRF takes it out of the class
        method_name="columns_of", help_text="The kind's own columns."
    )

    shown = (*ENVELOPE, "fields", WIRE)

    class Meta(EventSerializer.Meta):
        fields = (*ENVELOPE, "fields", WIRE)
        read_only_fields = fields

    def columns_of(self, event: Event) -> dict[str, Any]:
        """Return the kind's own columns."""
        detail = detail_in(event)
        return columns_serializer(event.kind)(detail).data if detail else {}


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
def _representations(kind: str) -> Mapping[str, Any]:
    """Return the fields that represent the columns of a kind, or those of the envelope."""
    serializer: Any = columns_serializer(kind)() if kind else EventDetailSerializer()
    context = {FIELDS: frozenset(own_columns(kind) if kind else ENVELOPE)}
    serializer._context = context
    found: Mapping[str, Any] = serializer.fields
    return found


@cache
def kind_serializer(kind: str) -> AnySerializer:
    """Build the serializer of an event of the kind: its envelope and the kind's own columns."""
    columns = columns_serializer(kind)
    shown = (*LISTED, *own_columns(kind))
    names = (*shown, WIRE)
    meta = type("Meta", (columns.Meta,), {"fields": names, "read_only_fields": names})  # type: ignore[attr-defined]
    declared = EventSerializer(context={FIELDS: frozenset(LISTED)}).fields
    envelope: dict[str, Any] = {name: _by_way_of_the_kind(field) for name, field in declared.items()}
    members = {"shown": shown, "of_kind": kind, "Meta": meta, WIRE: _Wire(help_text=_WIRE_HELP)}
    return type(f"{KINDS[kind].model.__name__}Event", (Members, columns), {**envelope, **members})


_WIRE_HELP = "The event as its sender wrote it; only where it is selected."


def _by_way_of_the_kind(field: Any) -> Any:
    return type(field)(*field._args, **{**field._kwargs, "source": f"event.{field.source}"})
