"""The vocabulary of sessions: their columns, and their state."""

from dataclasses import replace

from django.db.models import Q
from django.utils import timezone

from events.fields.field import Field
from events.fields.types import EXACT, IN, RANGE, one_of
from events.fields.vocabulary import NAMED, Vocabulary, fields_of
from events.kinds import KINDS
from events.sessions.session import Session, State, in_state


def _condition(states: tuple[str, ...]) -> Q:
    """Return the condition on sessions in one of the states, at this time."""
    now = timezone.now()
    found = in_state(State(states[0]), now)
    for state in states[1:]:
        found |= in_state(State(state), now)
    return found


_STATES = replace(one_of(State.values), operators=(EXACT, IN))
_BEGINNING = dict.fromkeys(("session", "actor", "device"), (EXACT,))
FIELDS_OF_SESSIONS = Vocabulary(
    fields_of(
        Session._meta.concrete_fields,
        indexed={"owner": (EXACT, IN), "started_at": (*RANGE, EXACT), **_BEGINNING},
        types=NAMED | {name: one_of(KINDS) for name in ("entry_kind", "exit_kind")},
    ),
    [Field("state", _STATES, "ended_at", "How far it has gone.", condition=_condition)],
    shorthands={"since": ("started_at", "gte"), "until": ("started_at", "lt")},
)
