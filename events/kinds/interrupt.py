"""INTERRUPT: something breaks in on the user (a call, a locked screen, the app sent to the background)."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Text


class Interrupt(SunbirdKind):
    """One interruption. Source: V3 INTERRUPT."""

    type = Text(need=Need.HARD, help_text="Cause of the interruption, such as BACKGROUND or CALL.")
    pageid = Text(help_text="Page or stage that was interrupted.")
    interrupting_id = Text("eventid", strict=False, help_text="The client's ID of the interruption.")
