"""AUDIT: an object changes (a property, its place in a life cycle)."""

from events.kinds.base import SunbirdKind
from events.wire.checks import at_least
from events.wire.columns import Need, Number, Text, Texts


class Audit(SunbirdKind):
    """One change of the envelope's object. Source: V3 AUDIT."""

    props = Texts(need=Need.PAGE, help_text="Names of the properties that changed.")
    state = Text(help_text="State of the object after the change.")
    previous_state = Text("prevstate", help_text="State of the object before the change.")
    type = Text(help_text="Kind of change.")
    # The previous state may have lasted for years, so the unit can't be told from the duration.
    duration = Number(
        check=at_least(0, "seconds, 0 or more"),
        help_text="Time that the object was in its previous state, in seconds.",
    )
