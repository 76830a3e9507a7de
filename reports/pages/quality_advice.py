"""Explanations of quality warnings, and advice about what to change in the sender."""

from typing import NamedTuple

from events.kinds import KINDS


class Meaning(NamedTuple):
    """A code of warnings in words."""

    fault: str  # goes on from the field
    advice: str  # `{expected}` is what the field's check says


MEANINGS = {
    "missing": Meaning("is missing", "Send it."),
    "wrong_type": Meaning("is of another type", "Send the type that the reference of the format has."),
    "differs": Meaning("differs from what the key says", "Leave the field out, or use the right key."),
    "over_quota": Meaning("came beyond the quota", "Raise the owner's quota, or send less."),
    "not_parsed": Meaning(
        "was kept unparsed: its request had too many different user agents",
        "Send fewer users' events in a request.",
    ),
    "out_of_range": Meaning("has a value outside its range", "Send {expected}."),
    "unit": Meaning("is in another unit", "Send {expected}."),
    "placeholder_session": Meaning(
        "names no session, so it is taken for absent",
        "Set the session id before the first event is sent, or leave the field out.",
    ),
    "placeholder_device": Meaning(
        "names no device, so it is taken for absent",
        "Make an id on the first start and store it, or leave the field out.",
    ),
    "placeholder_actor": Meaning(
        "names no actor, so it is taken for absent", "Send the user's id once it is known, else anonymous."
    ),
    "several_actors": Meaning(
        "changes within a session", "Begin a new session when somebody else logs in, and on every device."
    ),
    "reused_id": Meaning(
        "is used again at another time, so both events are stored",
        "Make a new id for each event; on a retry keep both the id and the time.",
    ),
}
_IN_RANGE = "a value that the reference of the format allows"


def fault_of(code: str) -> str:
    """Return the problem of a field, as the rest of a sentence that begins with the field."""
    return MEANINGS[code].fault if code in MEANINGS else code


def advice(kind: str, path: str, code: str) -> str:
    """Return what to change in the sender."""
    return MEANINGS[code].advice.format(expected=_expected(kind, path)) if code in MEANINGS else ""


def _expected(kind: str, path: str) -> str:
    """Return the expected value of a field, in the words of its check."""
    entry = KINDS.get(kind)
    if entry is None:
        return _IN_RANGE
    if path in entry.model.expected:
        return entry.model.expected[path]
    checks = (leaf.check for leaf in entry.schema.leaves if leaf.dotted == path)
    return next((check.expected for check in checks if check), _IN_RANGE)
