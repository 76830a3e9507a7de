"""END: somebody is done with what a START began."""

from events.kinds.base import SunbirdKind
from events.wire.checks import DAY, seconds
from events.wire.columns import Need, Number, Objects, Text


class End(SunbirdKind):
    """An end. Source: V3 END."""

    type = Text(need=Need.HARD, help_text="What ends: app, session, editor, player, workflow, assessment.")
    duration = Number(need=Need.PAGE, check=seconds(7 * DAY), help_text="Time from start to end, in seconds.")
    content_id = Text(
        "contentId",
        Need.PAGE,
        strict=False,
        unless="object_id",
        help_text="Content that was started. Normally sent as the object's ID.",
    )
    mode = Text(help_text="Mode of what ends: preview, edit or play.")
    pageid = Text(help_text="Page or stage where it ends.")
    summary = Objects(
        help_text="What was done between start and end: a list of objects, usually with one key each."
    )
