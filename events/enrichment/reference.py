"""Corrections of Sunbird's reference pipeline: federated actors, dial codes.

Source: `sunbird-core-dataproducts` and the pipeline's denormaliser: an actor id that starts `f:` is cut to
what follows its last colon; the object id of a dial code is in upper case. What was sent is kept in `extra`,
so the way back gives it.
"""

from events.enrichment.facts import Facts
from events.wire.schema import Taken, put

FEDERATED = "f:"
DIAL_CODES = ("dialcode", "qr")


def federated_id(actor: str) -> str:
    """Return the id within its provider. An id with nothing after the last colon stays complete."""
    return actor.rpartition(":")[2] or actor


def correct(taken: Taken, _: Facts) -> None:
    """Correct actor and object id if the rules require it."""
    envelope = taken.envelope
    actor = envelope.get("actor")
    if actor is not None and actor.startswith(FEDERATED):
        _replace(taken, "actor", ("actor", "id"), federated_id(actor))
    kind = envelope.get("object_type")
    if kind is not None and len(kind) <= 8 and kind.lower() in DIAL_CODES:
        found = envelope.get("object_id")
        if found is not None:
            _replace(taken, "object_id", ("object", "id"), found.upper())


def _replace(taken: Taken, column: str, path: tuple[str, ...], value: str) -> None:
    sent = taken.envelope[column]
    if value != sent:
        taken.envelope[column] = value
        taken.extra = put(taken.extra, path, sent)
