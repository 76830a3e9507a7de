"""LOG: an entry of a log (an API call, a job, an update of an app)."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Objects, Text


class Log(SunbirdKind):
    """One entry of a log. Source: V3 LOG."""

    type = Text(
        need=Need.HARD, help_text="What is logged: system, process, api_access, api_call, job, app_update."
    )
    level = Text(
        need=Need.HARD, help_text="TRACE, DEBUG, INFO, WARN, ERROR or FATAL, as sent, in its own case."
    )
    message = Text(need=Need.HARD, help_text="The entry itself.")
    pageid = Text(help_text="Page where it was logged.")
    params = Objects(help_text="Further values: a list of objects, of one key each as a rule.")
