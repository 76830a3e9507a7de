"""INTERACT: somebody does something on a page (touches, clicks, drags, searches, configures)."""

from events.kinds.base import SunbirdKind
from events.wire.checks import DAY, seconds
from events.wire.columns import Need, Number, Objects, Text
from events.wire.values import Wire


class Interact(SunbirdKind):
    """One interaction. Source: V3 INTERACT."""

    closed = frozenset({"", "target", "plugin"})

    type = Text(
        need=Need.HARD,
        help_text="Type of interaction: TOUCH, DRAG, CLICK, SCROLL and so on. Upper and lower case as sent.",
    )
    element_id = Text("id", Need.HARD, help_text="Resource (button, page, …) that the user interacted with.")
    subtype = Text(help_text="Subtype, such as PLAY or PAUSE of a LISTEN.")
    pageid = Text(help_text="Page or stage of the interaction.")
    duration = Number(check=seconds(DAY), help_text="Duration of the interaction, in seconds.")
    target_id = Text("target.id", within=True, help_text="ID of the target.")
    target_version = Text("target.ver", within=True, help_text="Version of the target.")
    target_type = Text("target.type", within=True, help_text="Type of the target.")
    target_parent_id = Text("target.parent.id", help_text="ID of the target's parent.")
    target_parent_type = Text("target.parent.type", help_text="Type of the target's parent.")
    plugin_id = Text("plugin.id", within=True, help_text="Plugin that handled the interaction.")
    plugin_version = Text("plugin.ver", within=True, help_text="Version of the plugin.")
    plugin_category = Text("plugin.category", help_text="Category of the plugin.")
    positions = Objects("extra.pos", strict=Wire, help_text="Positions {x, y, z}; a drag has two.")
    extra_values = Objects(
        "extra.values", strict=Wire, help_text="Further values, such as positions in an audio file."
    )
    extra_target_id = Text(
        "extra.tid", strict=Wire, help_text="Second resource, such as the one that something was dropped on."
    )
    extra_uri = Text("extra.uri", strict=Wire, help_text="External resource, such as a voice recording.")
