"""Sessions: the summaries of visits, as rows: the session, its pages, environments and counts of events.

The rows are a function of the stored events alone, so computing all of them again changes nothing.
"""

from datetime import datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Left

from events.event import INDEXED, Event
from events.identity import MILLISECOND
from events.ownership.owner import Owner
from events.ownership.source import Source
from events.sessions.keys import session_id
from events.store.pending import key_of
from events.wire.schema import Warned

# Paths of the actor and of the event's id, by dialect.
PATHS = {
    "sunbird": ("actor.id", "mid"),
    "availity": ("telemetryBody.entries.userId", "Idempotency-Key"),
    "buildless": ("event.user", "event.id"),
}


def warning_path(dialect: str, code: str) -> str:
    """Return the field that a warning of a session is about."""
    actor, event_id = PATHS[dialect]
    return actor if code == "several_actors" else event_id


def warnings_of(dialect: str, actors: int, reused_ids: int) -> list[Warned]:
    """Return the warnings of a session with this number of actors and of events under reused ids."""
    actor, event_id = PATHS[dialect]
    found = []
    if actors > 1:
        found.append(Warned(actor, "several_actors", f"{actors:,} actors"))
    if reused_ids:
        found.append(Warned(event_id, "reused_id", f"{reused_ids:,} event{'' if reused_ids == 1 else 's'}"))
    return found


INACTIVITY = timedelta(minutes=30)
WARNED = models.Q(actors__gt=1) | models.Q(reused_ids__gt=0)  # sessions with a quality warning


class State(models.TextChoices):
    """The state of a session: a function of its last event and the time, so it isn't stored."""

    OPEN = "open", "Open: events in the last 30 minutes"
    IDLE = "idle", "Idle: no event for 30 minutes"
    FINAL = "final", "Final: no more events are expected"


def _bounds(now: datetime) -> tuple[datetime, datetime]:
    """Return two times: sessions that ended after the first are open, those up to the second are final."""
    return now - INACTIVITY, now - timedelta(hours=settings.SESSION_FINAL_HOURS)


def in_state(state: State, now: datetime) -> models.Q:
    """Return the condition on sessions in a state."""
    active, ended = _bounds(now)
    return {
        State.OPEN: models.Q(ended_at__gt=active),
        State.IDLE: models.Q(ended_at__lte=active, ended_at__gt=ended),
        State.FINAL: models.Q(ended_at__lte=min(active, ended)),
    }[state]


class SessionQuerySet(models.QuerySet["Session"]):
    """Filters of sessions."""

    def for_owners(self, owners: models.QuerySet[Owner]) -> Self:
        """Return sessions of the owners, by a list of keys: with a subquery the planner skips the index."""
        return self.filter(owner_id__in=list(owners.values_list("pk", flat=True)))

    def with_text(self, column: str, text: str) -> Self:
        """Return sessions whose text `column` equals `text`, by the index on its first characters."""
        return self.alias(**{f"{column}_start": Left(column, INDEXED)}).filter(
            **{f"{column}_start": text[:INDEXED], column: text}
        )

    def in_state(self, state: State, now: datetime) -> Self:
        """Return sessions in a state."""
        return self.filter(in_state(state, now))

    def of_event(self, event: Event) -> Self:
        """Return the session of an event (with its owner and source): none before it is summarised."""
        key = key_of(event)
        if key is None:
            return self.none()
        if key.session is not None:
            return self.filter(pk=session_id(event.owner.key, event.source.name, key))
        assert key.device is not None, "a key has one of both"
        return self.with_text("device", key.device).filter(
            owner_id=key.owner_id,
            source_id=key.source_id,
            session=None,
            channel=key.channel,
            started_at__lte=event.occurred_at,
            ended_at__gte=event.occurred_at,
        )


class Session(models.Model):
    """One row per session of an owner with a source."""

    id = models.UUIDField(primary_key=True, help_text="Computed from the session's key, so it never changes.")
    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    session = models.TextField(
        null=True, help_text="Session ID as sent. Empty if the session was delimited by inactivity."
    )
    dialect = models.TextField(help_text="Wire format of its first event.")
    type = models.TextField(help_text="Type of its first START, in lower case, or app without one.")
    mode = models.TextField(null=True, help_text="Mode of its first START.")
    started_at = models.DateTimeField(help_text="When its first event occurred.")
    ended_at = models.DateTimeField(help_text="When its last event occurred.")
    time_spent = models.DecimalField(
        max_digits=16, decimal_places=2, help_text="Seconds, without gaps of more than ten minutes."
    )
    events = models.BigIntegerField(help_text="Number of events.")
    page_views = models.BigIntegerField()
    interactions = models.BigIntegerField()
    errors = models.BigIntegerField()
    first_page = models.TextField(null=True)
    last_page = models.TextField(null=True)
    entry_kind = models.TextField(help_text="Kind of its first event.")
    entry_event = models.UUIDField(help_text="Its first event.")
    exit_kind = models.TextField(help_text="Kind of its last event.")
    exit_event = models.UUIDField(help_text="Its last event.")
    device = models.TextField(null=True, help_text="The first that an event names.")
    channel = models.TextField(null=True, help_text="The first that an event names.")
    actor = models.TextField(null=True, help_text="The first that an event names.")
    actor_type = models.TextField(null=True, help_text="Kind of that actor.")
    # The database has the same defaults, since the previous release may still write without these columns.
    actors = models.BigIntegerField(
        default=0, db_default=0, help_text="Number of different actors, without anonymous ones, up to 100."
    )
    reused_ids = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="Events with the ID of an earlier event of the session, at another time.",
    )
    version = models.TextField(
        null=True, help_text="Version of the source, from the first event that names one."
    )
    country = models.TextField(null=True, help_text="From the first event with a country.")
    environment = models.TextField(null=True, help_text="From its first event.")
    object_id = models.TextField(null=True, help_text="Object that its first event is about.")
    object_type = models.TextField(null=True)
    object_version = models.TextField(null=True)
    device_type = models.TextField(null=True, help_text="Type of the device of its first event.")
    os_name = models.TextField(null=True, help_text="Operating system of its first event.")
    is_bot = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Whether all of its events with a known user agent came from bots.",
    )

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index("owner", "started_at", "id", name="session_owner"),
            models.Index("started_at", "id", name="session_started"),
            models.Index(fields=["owner", "started_at"], condition=WARNED, name="session_warned"),
            *(
                models.Index(
                    Left(column, INDEXED),
                    "started_at",
                    "id",
                    condition=models.Q(**{f"{column}__isnull": False}),
                    name=f"session_{column}",
                )
                for column in ("session", "device", "actor")
            ),
        ]

    def __str__(self) -> str:
        return self.session or self.device or str(self.pk)

    def state_at(self, now: datetime) -> State:
        """Return its state at a time."""
        active, ended = _bounds(now)
        if self.ended_at > active:
            return State.OPEN
        return State.IDLE if self.ended_at > ended else State.FINAL

    def timeline(self) -> models.QuerySet[Event]:
        """Return its events, first to last, by an index and a range of ids."""
        events = Event.objects.filter(owner_id=self.owner_id, source_id=self.source_id)
        events = events.occurred_since(self.started_at).occurred_before(self.ended_at + MILLISECOND)
        if self.session is not None:
            events = events.with_text("session", self.session)
        else:
            assert self.device is not None, "a session has an id or a device"
            events = events.with_text("device", self.device).filter(session=None, channel=self.channel)
        return events.order_by("id")

    def warnings(self) -> list[Warned]:
        """Return its quality warnings."""
        return warnings_of(self.dialect, self.actors, self.reused_ids)


class _Part(models.Model):
    """A part of a session. Its key is the session with a name or position in it."""

    position = models.IntegerField(help_text="In the order of first visits.")
    time_spent = models.DecimalField(max_digits=16, decimal_places=2, help_text="Seconds.")
    visits = models.BigIntegerField()

    class Meta:
        abstract = True


def _session(related_name: str) -> Any:
    return models.ForeignKey(
        Session, on_delete=models.CASCADE, related_name=related_name, db_constraint=False, db_index=False
    )


class SessionPage(_Part):
    """One row per page of a session in one environment."""

    pk = models.CompositePrimaryKey("session_id", "position")
    session = _session("pages")
    page = models.TextField(help_text="ID of the page.")
    type = models.TextField(null=True, help_text="From its first visit.")
    environment = models.TextField(null=True)

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.page


class SessionEnv(_Part):
    """One row per environment of a session: the sum of its pages there."""

    pk = models.CompositePrimaryKey("session_id", "position")
    session = _session("environments")
    environment = models.TextField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.environment


class SessionEventCount(models.Model):
    """One row per kind of event of a session, with its count."""

    pk = models.CompositePrimaryKey("session_id", "kind")
    session = _session("event_counts")
    kind = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        ordering = ["kind"]

    def __str__(self) -> str:
        return f"{self.count} {self.kind}"


class SessionRedirect(models.Model):
    """The new id of a session whose id a late event changed. It always leads to an existing session."""

    old = models.UUIDField(primary_key=True, help_text="Former ID of the session.")
    current = models.UUIDField(
        db_index=True, help_text="ID of the session that now contains its first event."
    )

    def __str__(self) -> str:
        return f"{self.old} → {self.current}"


class LargeSession(models.Model):
    """A session key with so many events that it is computed alone, and deferred in between."""

    id = models.UUIDField(primary_key=True, help_text="Hash of the key.")
    owner = models.ForeignKey(
        Owner, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    source = models.ForeignKey(
        Source, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    session = models.TextField(null=True)
    device = models.TextField(null=True)
    channel = models.TextField(null=True)
    rests_until = models.DateTimeField(help_text="Time before which it isn't computed again.")

    def __str__(self) -> str:
        return self.session or self.device or ""
