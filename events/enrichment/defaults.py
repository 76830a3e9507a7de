"""Derived columns of kinds: documented defaults of missing fields, and the severity of Availity messages.

Source of the defaults: V3 ASSESS (`pass` is No; `score` is 1 if `pass` is yes, else 0) and START
(`contentVer` is 1.0). The event is given back as it was sent.

The severity is the level of an Availity message in one spelling. Source: Availity's document: info, debug,
warn, error "typically", not an enumeration. The level itself stays as it was sent.
"""

from events.enrichment.facts import Facts
from events.wire.schema import ABSENT, Taken, at
from events.wire.values import FILLED

DEBUG, INFO, WARN, ERROR = "debug", "info", "warn", "error"
SPELLINGS = {
    **dict.fromkeys(("debug", "trace", "verbose", "fine", "silly"), DEBUG),
    **dict.fromkeys(("info", "information", "informational", "notice", "log"), INFO),
    **dict.fromkeys(("warn", "warning"), WARN),
    **dict.fromkeys(("error", "err", "fatal", "critical", "crit", "severe", "alert", "emergency"), ERROR),
}
LONGEST = max(map(len, SPELLINGS))


def severity(level: str) -> str | None:
    """Return the severity of a level; None for an unknown one."""
    level = level.strip()
    return SPELLINGS.get(level.lower()) if len(level) <= LONGEST else None


def add_severity(taken: Taken, _: Facts) -> None:
    """Fill the column from the level."""
    taken.kind["severity"] = severity(taken.kind.get("level") or "")


VERSION = "1.0"


def fill_assess(taken: Taken, _: Facts) -> None:
    """Fill the verdict and the mark of an answer."""
    kind = taken.kind
    if kind.get("passed") is None:
        _fill(taken, "passed", ("edata", "pass"), "No")
    if kind.get("score") is None:
        _fill(taken, "score", ("edata", "score"), 1.0 if kind["passed"].lower() == "yes" else 0.0)


def fill_start(taken: Taken, _: Facts) -> None:
    """Fill the version of a content that is named without one."""
    if taken.kind.get("content_id") and taken.kind.get("content_version") is None:
        _fill(taken, "content_version", ("edata", "contentVer"), VERSION)


def _fill(taken: Taken, column: str, path: tuple[str, ...], value: object) -> None:
    taken.kind[column] = value
    # A null, or a value of another type, is in the remainder and comes back from there.
    if at(taken.extra, path) is ABSENT:
        taken.adaptations.append(FILLED + ".".join(path))
