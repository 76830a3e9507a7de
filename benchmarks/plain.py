"""The plain way, as reference of batch ingest: DRF serializers and `bulk_create`, a transaction a request.

It writes the same rows into the same tables, and does less: no inbox, no verdict for each event (one that is
bad refuses its batch), no counters, no touched sessions, no remainder of unknown keys. Names and types of the
columns it takes from the kinds. Serializers are made once, not for each event, which is kinder than usual.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db import models, transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events.access import KeyUser
from events.event import Event
from events.identity import event_number, moment
from events.kinds import KINDS
from events.kinds.base import SunbirdKind
from events.ownership.api_key import ApiKey, parts_of
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.wire.columns import Need

PATH = "/plain"
Wire = dict[str, Any]
Fields = dict[str, Any]


def text(*, required: bool = False) -> serializers.CharField:
    """A field of text."""
    return serializers.CharField(
        required=required, allow_null=not required, allow_blank=True, trim_whitespace=False
    )


class Actor(serializers.Serializer[Any]):
    """`actor`."""

    id = text(required=True)
    type = text(required=True)


class Producer(serializers.Serializer[Any]):
    """`context.pdata`."""

    id = text(required=True)
    pid = text()
    ver = text()
    platform = text()


class Rollup(serializers.Serializer[Any]):
    """A hierarchy."""

    l1 = text()
    l2 = text()
    l3 = text()
    l4 = text()


class Context(serializers.Serializer[Any]):
    """`context`. Its own name for `channel` and the others is that of the wire."""

    channel = text(required=True)
    env = text(required=True)
    pdata = Producer()
    sid = text()
    did = text()
    cdata = serializers.JSONField(required=False)
    rollup = Rollup(required=False)


class Thing(serializers.Serializer[Any]):
    """`object`."""

    id = text()
    type = text()
    ver = text()
    rollup = Rollup(required=False)


def _field(column: Any) -> serializers.Field[Any, Any, Any, Any]:
    required = column.need is Need.HARD
    optional: Any = {"required": required, "allow_null": not required}
    if isinstance(column, models.TextField):
        return text(required=required)
    if isinstance(column, models.FloatField):
        return serializers.FloatField(**optional)
    if isinstance(column, models.BooleanField):
        return serializers.BooleanField(**optional)
    return serializers.JSONField(**optional)


def _serializer(name: str, columns: Mapping[tuple[str, ...], Any]) -> type[serializers.Serializer[Any]]:
    """A serializer of the columns at their paths, nested as they are on the wire."""
    below: dict[str, dict[tuple[str, ...], Any]] = defaultdict(dict)
    fields: Fields = {}
    for path, column in columns.items():
        if len(path) == 1:
            fields[path[0]] = _field(column)
        else:
            below[path[0]][path[1:]] = column
    for key, inner in below.items():
        if key not in fields:
            fields[key] = _serializer(f"{name}_{key}", inner)(required=False)
    return type(name, (serializers.Serializer,), fields)


class Detail:
    """How a kind's `edata` becomes a row."""

    def __init__(self, model: type[SunbirdKind]) -> None:
        self.model = model
        self.paths = {column.attname: tuple(column.path.split(".")) for column in model.columns()}
        self.serializer = _serializer(
            model.__name__, {tuple(column.path.split(".")): column for column in model.columns()}
        )()

    def row(self, pk: str, edata: Wire) -> SunbirdKind:
        """The row of valid `edata`."""
        return self.model(event_id=pk, **{name: _at(edata, path) for name, path in self.paths.items()})


DETAILS = {
    name.upper(): Detail(entry.model) for name, entry in KINDS.items() if issubclass(entry.model, SunbirdKind)
}


class EventSerializer(serializers.Serializer[Any]):
    """A V3 event."""

    eid = serializers.ChoiceField(choices=sorted(DETAILS))
    ets = serializers.IntegerField(min_value=0)
    ver = text(required=True)
    mid = serializers.CharField(max_length=512)
    actor = Actor()
    context = Context()  # type: ignore[assignment]  # a name of the wire and of DRF
    object = Thing(required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    edata = serializers.DictField()

    def validate(self, attrs: Wire) -> Wire:
        """Hold `edata` to its kind."""
        attrs["edata"] = DETAILS[attrs["eid"]].serializer.run_validation(attrs["edata"])
        return attrs


class BatchSerializer(serializers.Serializer[Any]):
    """A batch of V3 events."""

    events = EventSerializer(many=True)


class PlainAuthentication(BaseAuthentication):
    """An API key in its header, looked up at each request."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey]:
        """The key. Raises AuthenticationFailed."""
        whole = request.META.get("HTTP_X_API_KEY", "")
        parts = parts_of(whole)
        usable = ApiKey.objects.usable().select_related("default_owner")
        key = usable.filter(prefix=parts.prefix).first() if parts else None
        if key is None or not key.matches(whole):
            raise AuthenticationFailed("The API key is not known.")
        return KeyUser(key), key


class PlainView(APIView):
    """Takes a batch: valid as a whole, stored before the answer."""

    authentication_classes = (PlainAuthentication,)
    permission_classes = (IsAuthenticated,)

    def post(self, request: Request) -> Response:
        """Validate, store, answer how many."""
        sent: Wire = request.data  # type: ignore[assignment]  # an object, or validation says so
        batch = BatchSerializer(data=sent)
        batch.is_valid(raise_exception=True)
        assert isinstance(request.auth, ApiKey)
        _store(batch.validated_data["events"], sent["events"], request.auth.default_owner)
        return Response({"accepted": len(sent["events"])})


def _store(events: list[Wire], sent: list[Wire], owner: Owner) -> None:
    """Envelope and kind rows by `bulk_create`; what is there already is left alone."""
    now = timezone.now()
    sources: dict[str, Source] = {}
    envelopes, details = [], defaultdict(list)
    with transaction.atomic():
        for event, original in zip(events, sent, strict=True):
            name = event["context"]["pdata"]["id"]
            if name not in sources:
                sources[name], _ = Source.objects.get_or_create(
                    organization_id=owner.organization_id, name=name
                )
            pk = f"{event_number(event['ets'], owner.key, event['mid']):032x}"
            size = len(json.dumps(original, separators=(",", ":")))
            envelopes.append(
                Event(
                    id=pk,
                    owner=owner,
                    source=sources[name],
                    received_at=now,
                    ingested_at=now,
                    billed_bytes=size,
                    wire_bytes=size,
                    **_columns(event),
                )
            )
            detail = DETAILS[event["eid"]]
            details[detail.model].append(detail.row(pk, event["edata"]))
        Event.objects.bulk_create(envelopes, ignore_conflicts=True)
        for model, rows in details.items():
            model._default_manager.bulk_create(rows, ignore_conflicts=True)


def _columns(event: Wire) -> Wire:
    context, about = event["context"], event.get("object") or {}
    return {
        "dialect": "sunbird",
        "kind": event["eid"].lower(),
        "session": context.get("sid"),
        "actor": event["actor"]["id"],
        "device": context.get("did"),
        "client_event_id": event["mid"],
        "occurred_at": moment(event["ets"]),
        "actor_type": event["actor"]["type"],
        "channel": context["channel"],
        "environment": context["env"],
        "component": context["pdata"].get("pid"),
        "version": context["pdata"].get("ver"),
        "platform": context["pdata"].get("platform"),
        "object_id": about.get("id"),
        "object_type": about.get("type"),
        "object_version": about.get("ver"),
        **{f"rollup_{level}": value for level, value in (context.get("rollup") or {}).items()},
        **{f"object_rollup_{level}": value for level, value in (about.get("rollup") or {}).items()},
        "correlation": context.get("cdata"),
        "tags": event.get("tags"),
        "format_version": event["ver"],
    }


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value
