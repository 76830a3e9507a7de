"""HEARTBEAT: a process says that it is running."""

from events.kinds.base import SunbirdKind


class Heartbeat(SunbirdKind):
    """A sign of life; what it carries, nobody fixed: it stays in `extra`. Source: V3 HEARTBEAT."""

    closed = frozenset()
