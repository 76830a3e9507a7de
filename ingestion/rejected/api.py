"""Rejected events and replays in the API."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access, KeyUser
from events.accounts import audit
from events.api.endpoint import Endpoint, Selectable
from events.api.filters import FieldFilters
from events.api.pagination import SearchedPagination
from events.changes.change import What
from events.feed.followed import FOLLOWED, Followed
from events.fields import event_query
from events.fields.conditions import Conditions
from events.fields.types import EXACT, IN, RANGE
from events.fields.vocabulary import Vocabulary, fields_of
from events.kinds import KINDS
from events.lib import times
from events.lib.paging import NEWEST_FIRST, EventQuery, WindowEnd
from events.ownership.api_key import ApiKey
from events.wire.dialects import DIALECTS
from ingestion.rejected import replay_jobs, replaying
from ingestion.rejected.event import RejectedEvent, Selection
from ingestion.rejected.replay_jobs import ReplayJob
from ingestion.rejected.replaying import Replayed


class RejectedSerializer(Selectable, serializers.ModelSerializer[RejectedEvent]):
    """Why an event was refused, without its bytes."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")
    source = serializers.CharField(  # type: ignore[assignment]  # as in events.api
        source="source.name", read_only=True, help_text="Name of the application that sent it."
    )

    class Meta:
        model = RejectedEvent
        fields = (
            "id",
            "code",
            "path",
            "message",
            "client_event_id",
            "dialect",
            "kind",
            "owner",
            "source",
            "received_at",
            "last_received_at",
            "seen",
            "encoding",
            "strict",
        )
        read_only_fields = fields


FIELDS_OF_REJECTED = Vocabulary(
    fields_of(
        [each for each in RejectedEvent._meta.concrete_fields if each.name in RejectedSerializer.Meta.fields],
        indexed={"owner": (EXACT, IN), "id": (EXACT, IN, *RANGE)},
    ),
    shorthands={"received_after": ("received_at", "gte"), "received_before": ("received_at", "lt")},
)


class RejectedPagination(SearchedPagination):
    """Newest first."""

    orders = {"-id": NEWEST_FIRST}

    def time_of(self, edge: WindowEnd) -> datetime | None:
        """Return when the event at the end of a window was first received."""
        return RejectedEvent.objects.filter(pk=edge.pk).values_list("received_at", flat=True).first()


MAX_IDS = 1_000


class ReplaySerializer(serializers.ModelSerializer[ReplayJob]):
    """The progress of a replay."""

    class Meta:
        model = ReplayJob
        fields = (
            "id",
            "state",
            "sentence",
            "total",
            "done",
            "stored",
            "duplicates",
            "rejected",
            "skipped",
            "created_at",
            "finished_at",
        )


class TimeField(serializers.DateTimeField):
    """A time as in ISO 8601."""

    def to_internal_value(self, value: object) -> datetime:
        """Return the time. Raises ValidationError with what to write instead."""
        try:
            return times.parse_time(str(value))
        except ValueError as error:
            raise serializers.ValidationError(f"{error}.") from error


class ReplayRequestSerializer(serializers.Serializer[dict[str, Any]]):
    """Which rejected events are to be replayed: all members must hold."""

    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=MAX_IDS, required=False
    )
    owner = serializers.CharField(max_length=100, required=False, help_text="Name of the owner, in any case.")
    # The name of a field, and of an attribute of fields that typing has in mind.
    source = serializers.CharField(max_length=100, required=False, help_text="Name of the source.")  # type: ignore[assignment]
    code = serializers.CharField(max_length=100, required=False)
    kind = serializers.ChoiceField(choices=["", *KINDS], required=False, help_text="Empty if it is unknown.")
    dialect = serializers.ChoiceField(choices=list(DIALECTS), required=False)
    received_after = TimeField(required=False, help_text="First received at this time or later.")
    received_before = TimeField(required=False, help_text="First received before this time.")
    all = serializers.BooleanField(required=False, help_text="Must be true if no other criterion is given.")

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        """Refuse unknown members and an empty selection: a typo must not replay everything."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."))
        if not {name for name in attrs if name != "all"} and not attrs.get("all"):
            raise serializers.ValidationError('Select events, or send {"all": true}.')
        return attrs


class ReplayOutcomeSerializer(serializers.Serializer[dict[str, object]]):
    """What became of one rejected event: outcome is stored, duplicate, rejected, several or busy."""

    outcome = serializers.CharField()
    stored = serializers.IntegerField()
    duplicates = serializers.IntegerField()
    rejected = serializers.IntegerField()
    code = serializers.CharField()
    path = serializers.CharField()
    message = serializers.CharField()


class ReplayActions:
    """Mixed into the view of rejected events."""

    @extend_schema(operation_id="replay_rejected_event", request=None, responses=ReplayOutcomeSerializer)
    @action(detail=True, methods=["post"], url_path="replay", serializer_class=ReplayOutcomeSerializer)
    def replay(self, request: Request, **_: object) -> Response:
        """Validate a rejected event again, and file it if it is accepted now."""
        _key_of(request)
        row = self.get_object()  # type: ignore[attr-defined]  # of the view that this is mixed into
        with transaction.atomic():
            done = replaying.replay([row.pk], Access(request.user).writable)
            outcome = _outcome(done)
            if done.rows:
                after = {"outcome": outcome["outcome"]}
                audit.record(audit.actor_of(request), "rejected.replayed", row, owner=row.owner, after=after)
        return Response(outcome)

    @extend_schema(operation_id="replay_rejected_events", responses={202: ReplaySerializer})
    @action(detail=False, methods=["post"], url_path="replay", serializer_class=ReplayRequestSerializer)
    def replay_matching(self, request: Request) -> Response:
        """Request a replay of all matching events, which runs in the background."""
        key = _key_of(request)
        wanted = ReplayRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        said = wanted.validated_data
        names = [[said[name]] if name in said else [] for name in ("owner", "source")]
        selection = _selection(KeyUser(key), said)
        with transaction.atomic():
            job = replay_jobs.ask(
                selection, by=str(key), sentence=selection.sentence(*names), now=timezone.now(), key=key
            )
            audit.record(audit.actor_of(request), "rejected.replay_asked", job, after={"meant": job.total})
        headers = {"Location": reverse("rejected-replay-job", args=[job.pk])}
        return Response(ReplaySerializer(job).data, status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(operation_id="get_replay")
    @action(
        detail=False,
        methods=["get"],
        url_path="replay/<int:job>",
        url_name="replay-job",
        serializer_class=ReplaySerializer,
        vocabulary=None,
        filter_backends=(),
        pagination_class=None,
    )
    def replay_job(self, request: Request, job: int) -> Response:
        """Return the progress of a replay that this key requested."""
        found = ReplayJob.objects.filter(pk=job, key=_key_of(request)).first() if job < 2**63 else None
        if found is None:
            raise NotFound
        return Response(ReplaySerializer(found).data)


class RejectedViewSet(ReplayActions, Endpoint, viewsets.ReadOnlyModelViewSet[RejectedEvent]):
    """Rejected events of the owners that the reader may see. A secret key can replay them."""

    queryset = RejectedEvent.objects.none()  # for the description: the real one is the reader's
    serializer_class = RejectedSerializer
    filter_backends = (FieldFilters,)
    vocabulary = FIELDS_OF_REJECTED
    rows = "rejected_events"
    pagination_class = RejectedPagination

    def get_queryset(self) -> QuerySet[RejectedEvent]:
        """Return the rejected events that the reader may see."""
        rejected = RejectedEvent.objects.for_owners(Access(self.request.user).visible_owners)
        return rejected.prefetch_related("owner", "source").defer("body")

    def matching(self, rejected: Any, conditions: Conditions) -> EventQuery:
        """Return the query of the rejected events that meet the conditions."""
        return event_query.of_rows(rejected, conditions, Access(self.request.user), NEWEST_FIRST)


FOLLOWED["rejected"] = Followed(
    What.REJECTED,
    lambda: RejectedEvent.objects.defer("body"),
    RejectedSerializer,
    lambda: FIELDS_OF_REJECTED,
    is_numbered=True,
)


def _key_of(request: Request) -> ApiKey:
    """Return the secret key of a request. People replay in the admin."""
    if not isinstance(request.user, KeyUser):
        raise PermissionDenied("Replays need a secret key. People start them in the admin.")
    if not request.user.key.may_write:
        raise PermissionDenied("Replays file events: this API key has no write permission.")
    return request.user.key


def _selection(reader: KeyUser, said: dict[str, Any]) -> Selection:
    """Return the requested selection. A name that the reader doesn't know selects nothing."""
    since, until = said.get("received_after"), said.get("received_before")
    return Selection(
        ids=tuple(said["ids"]) if "ids" in said else None,
        owners=tuple(Access(reader).owners_named(said["owner"])) if "owner" in said else None,
        sources=tuple(Access(reader).sources_named(said["source"])) if "source" in said else None,
        code=said.get("code"),
        kind=said.get("kind"),
        dialect=said.get("dialect"),
        since=since.isoformat() if since else None,
        until=until.isoformat() if until else None,
    )


def _outcome(done: Replayed) -> dict[str, object]:
    """Return the outcome of one event: `several` for a whole request, `busy` if somebody else replays it."""
    events = done.stored + done.duplicates + done.rejected
    names = (("stored", done.stored), ("duplicate", done.duplicates), ("rejected", done.rejected))
    single = next((name for name, count in names if count), "busy")
    fault = done.fault
    return {
        "outcome": "several" if events > 1 else single,
        "stored": done.stored,
        "duplicates": done.duplicates,
        "rejected": done.rejected,
        "code": fault.code if fault else "",
        "path": fault.path if fault else "",
        "message": fault.message if fault else "",
    }
