"""E-mail addresses as hashes:

SHA-256 of the address in lower case, in addition to the address or instead of it.

Source: Buildless's `EventDetail.user.email`, "SHA-256 of the address". With `EMAIL_ADDRESSES=replace`, the
columns hold the hash, and the rebuilt event lacks these fields.
"""

import re
from hashlib import sha256
from typing import NamedTuple, TypeGuard

from django.conf import settings

from events.enrichment.facts import Facts
from events.wire.schema import Taken
from events.wire.values import ESCAPED, HASHED, Wire, unescape

REPLACE = "replace"
CHOICES = ("keep", REPLACE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\Z")


class Place(NamedTuple):
    """A column that may hold an address."""

    column: str
    path: str
    hashed: str = ""  # the column of its hash


ACTOR_HASH = "actor_email_hash"
# For the envelope: the path of the actor in each dialect ("": filled from a column of the kind).
ACTORS = {"sunbird": "actor.id", "availity": "telemetryBody.entries.userId", "buildless": ""}
# For kinds, by dialect, so that a dialect without such columns isn't slowed down.
PLACES = {
    "availity": (Place("contact", "contact", "contact_hash"),),
    "buildless": (
        Place("user", "event.user"),
        Place("user_id", "event.detail.user.uid"),
        Place("username", "event.detail.user.username"),
    ),
}


def email_hash(address: str) -> str:
    """Return SHA-256 of an address in lower case, in hexadecimal."""
    return sha256(address.strip().lower().encode("utf-8", "surrogatepass")).hexdigest()


def add(taken: Taken, _: Facts) -> None:
    """Hash the addresses in the columns that may hold one."""
    actor = taken.envelope.get("actor")
    if is_address(actor):
        hashed = taken.envelope[ACTOR_HASH] = _hash(taken, actor)
        if settings.EMAIL_ADDRESSES == REPLACE:
            taken.envelope["actor"] = hashed
            if path := ACTORS[taken.dialect]:
                _withhold(taken, path)
    for place in PLACES.get(taken.dialect, ()):
        text = taken.kind.get(place.column)
        if is_address(text):
            _add(taken, place, _hash(taken, text))
        if taken.extra and settings.EMAIL_ADDRESSES == REPLACE and is_address(at(taken.extra, place.path)):
            # The client's value, if the column holds another one.
            _withhold(taken, place.path)


def _add(taken: Taken, place: Place, hashed: str) -> None:
    if place.hashed:
        taken.kind[place.hashed] = hashed
    if settings.EMAIL_ADDRESSES == REPLACE:
        taken.kind[place.column] = hashed
        _withhold(taken, place.path)


def is_address(value: object) -> TypeGuard[str]:
    """True if a wire value is an e-mail address."""
    return type(value) is str and "@" in value and _ADDRESS.match(value) is not None


def _hash(taken: Taken, address: str) -> str:
    return email_hash(unescape(address) if ESCAPED in taken.adaptations else address)


def _withhold(taken: Taken, path: str) -> None:
    """Mark the field as withheld, and remove it from the remainder."""
    *above, last = path.split(".")
    found = at(taken.extra, ".".join(above)) if above else taken.extra
    if type(found) is dict:
        found.pop(last, None)
    taken.adaptations.append(HASHED + path)


def at(value: object, path: str) -> Wire:
    """Return the JSON value at a dotted path, or None."""
    for key in path.split("."):
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value
