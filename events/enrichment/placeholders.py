"""Placeholders: ids that mean a missing value, because a client wrote null or similar as text.

Otherwise a session "undefined" would be one endless session of everybody, and an actor "null" many people.
Such an id counts as missing, with a quality warning. The event is given back as it was sent.
"""

from typing import NamedTuple

from events.enrichment.facts import Facts
from events.wire.schema import ABSENT, Taken, Warned, at, put

# Missing values as programming languages and people write them, in lower case.
WORDS = frozenset(
    (
        *("undefined", "null", "nan", "[object object]", "[object undefined]", "[object null]"),
        *("none", "nil", "(null)", "<null>", "<nil>", "false", "true", "unknown", "n/a"),
    )
)
_BLANK = " \t\r\n"
_ZERO = "0-{}"  # the characters of 0 and of a UUID of zeros
# Most ids are ruled out by their length or first character.
_LENGTHS = frozenset(map(len, WORDS))
_FIRST = frozenset(_ZERO + _BLANK)
_LONGEST = 80


class Paths(NamedTuple):
    """Paths of a dialect's ids."""

    session: str
    device: str
    actor: str


PATHS = {
    "sunbird": Paths("context.sid", "context.did", "actor.id"),
    "availity": Paths("sessionId", "", "telemetryBody.entries.userId"),
    # The columns of the kind keep the sent value, because those of the envelope are computed from them.
    "buildless": Paths("scope", "", "event.user"),
}


def is_placeholder(text: str) -> bool:
    """True if an id is a placeholder."""
    if len(text) not in _LENGTHS and text[:1] not in _FIRST:
        return not text
    bare = text.strip(_BLANK)
    return len(bare) <= _LONGEST and (bare.lower() in WORDS or not bare.strip(_ZERO))


def drop(taken: Taken, _: Facts) -> None:
    """Remove the ids that are placeholders."""
    envelope = taken.envelope
    session, device, actor = envelope.get("session"), envelope.get("device"), envelope.get("actor")
    if session is None:
        if taken.extra:
            _warn_of_absent(taken)
    elif is_placeholder(session):
        path = PATHS[taken.dialect].session
        _drop(taken, "session", path, session)
        taken.warnings.append(Warned(path, "placeholder_session", session))
    if device is not None and is_placeholder(device):
        path = PATHS[taken.dialect].device
        _drop(taken, "device", path, device)
        taken.warnings.append(Warned(path, "placeholder_device", device))
    if actor is not None and is_placeholder(actor):
        path = PATHS[taken.dialect].actor
        _drop(taken, "actor", path, actor)
        taken.warnings.append(Warned(path, "placeholder_actor", actor))


def _warn_of_absent(taken: Taken) -> None:
    """Warn of a session id that was treated as missing: an empty text, or JavaScript's words in a form."""
    path = PATHS[taken.dialect].session
    sent = at(taken.extra, path.split("."))
    if type(sent) is str and is_placeholder(sent) and taken.dialect != "buildless":
        taken.warnings.append(Warned(path, "placeholder_session", sent or '""'))


def _drop(taken: Taken, column: str, path: str, sent: object) -> None:
    taken.envelope[column] = None
    keys = tuple(path.split("."))
    # A value that a correction replaced is already in the remainder.
    if taken.dialect != "buildless" and at(taken.extra, keys) is ABSENT:
        taken.extra = put(taken.extra, keys, sent)
