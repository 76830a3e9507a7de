"""ERROR: the user runs into an error."""

from events.kinds.base import SunbirdKind
from events.wire.columns import Need, Text


class Error(SunbirdKind):
    """One error. Source: V3 ERROR; `object` is the pipeline's."""

    closed = frozenset({"", "object", "plugin"})

    err = Text(need=Need.HARD, help_text="Code of the error.")
    errtype = Text(need=Need.HARD, help_text="Class of the error: SYSTEM, MOBILEAPP or CONTENT.")
    stacktrace = Text(need=Need.HARD, help_text="Details of the error, usually its stack trace.")
    pageid = Text(help_text="Page where it happened.")
    trace_id = Text("traceid", strict=False, help_text="ID of the failed request in the server's logs.")
    # The envelope also has an object: what the event is about. The error happened in this one.
    inline_object_id = Text(
        "object.id", within=True, help_text="ID of the object in which the error happened."
    )
    inline_object_type = Text("object.type", within=True, help_text="Type of that object.")
    inline_object_version = Text("object.ver", within=True, help_text="Version of that object.")
    inline_object_subtype = Text("object.subtype", help_text="Subtype of that object.")
    inline_object_name = Text("object.name", help_text="Name of that object.")
    inline_object_code = Text("object.code", help_text="Code of that object.")
    inline_object_parent_id = Text("object.parent.id", help_text="ID of that object's parent.")
    inline_object_parent_type = Text("object.parent.type", help_text="Type of that object's parent.")
    plugin_id = Text("plugin.id", within=True, help_text="Plugin in which the error happened.")
    plugin_version = Text("plugin.ver", within=True, help_text="Version of the plugin.")
    plugin_category = Text("plugin.category", help_text="Category of the plugin.")
