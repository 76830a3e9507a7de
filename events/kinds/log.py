"""LOG: an entry of a log (an API call, a job, an update of an app)."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Objects, Text


class Log(SunbirdKind):
    """One entry of a log. Source: V3 LOG."""

    type = Text(
        need=Need.HARD, help_text="Type of entry: system, process, api_access, api_call, job, app_update."
    )
    level = Text(
        need=Need.HARD, help_text="TRACE, DEBUG, INFO, WARN, ERROR or FATAL. Upper and lower case as sent."
    )
    message = Text(need=Need.HARD, help_text="Text of the entry.")
    pageid = Text(help_text="Page where the entry was logged.")
    params = Objects(help_text="Further values: a list of objects, usually with one key each.")
