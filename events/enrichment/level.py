"""Severity: the level of an Availity message in one spelling.

Source: Availity's document: info, debug, warn, error "typically", not an enumeration. The level itself stays
as it was sent.
"""

from events.enrichment.facts import Facts
from events.wire.schema import Taken

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


def add(taken: Taken, _: Facts) -> None:
    """Fill the column from the level."""
    taken.kind["severity"] = severity(taken.kind.get("level") or "")
