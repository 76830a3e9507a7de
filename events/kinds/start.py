"""START: somebody begins something (opens an app, a session, a player, an editor)."""

from typing import Annotated

from msgspec import Meta

from events.kinds.base import SunbirdKind
from events.wire.checks import HOUR, seconds, sizes
from events.wire.columns import Need, Number, Text, Texts

Size = Annotated[float, Meta(ge=-1)]  # in the pipeline's schema, -1 means unknown


class Start(SunbirdKind):
    """A beginning, with the device it happened on. Source: V3 START."""

    type = Text(need=Need.HARD, help_text="What begins: app, session, editor, player, workflow, assessment.")
    mode = Text(need=Need.PAGE, help_text="Mode of what begins: preview, edit or play.")
    stageid = Text(need=Need.PAGE, strict=False, help_text="Stage where playing begins.")
    content_id = Text(
        "contentId", strict=False, help_text="Content that was started. Normally sent as the object's ID."
    )
    content_version = Text(
        "contentVer",
        strict=False,
        help_text="Version of the content. 1.0 if `contentId` was sent without a version.",
    )
    loc = Text(help_text="Location of the device, in the client's words.")
    duration = Number(check=seconds(HOUR), help_text="How long starting took, in seconds.")
    pageid = Text(help_text="Page where it begins.")
    device_os = Text("dspec.os", help_text="Operating system of the device.")
    device_make = Text("dspec.make", help_text="Make and model of the device.")
    device_hardware_id = Text("dspec.id", help_text="Hardware ID of the device.")
    device_camera = Text("dspec.camera", help_text="Cameras of the device.")
    device_cpu = Text("dspec.cpu", help_text="Processor of the device.")
    device_memory = Number(
        "dspec.mem", strict=Size, check=sizes("megabytes"), help_text="Memory of the device, in megabytes."
    )
    device_internal_disk = Number(
        "dspec.idisk", strict=Size, check=sizes("gigabytes"), help_text="Built-in storage, in gigabytes."
    )
    device_external_disk = Number(
        "dspec.edisk", strict=Size, check=sizes("gigabytes"), help_text="Removable storage, in gigabytes."
    )
    device_screen = Number(
        "dspec.scrn", strict=Size, check=sizes("inches"), help_text="Diagonal of the screen, in inches."
    )
    device_sims = Number(
        "dspec.sims",
        strict=Size,
        check=sizes("a number"),
        help_text="Number of SIM cards that the device takes.",
    )
    device_capabilities = Texts("dspec.cap", help_text="Capabilities of the device, such as GPS.")
    agent = Text("uaspec.agent", help_text="Browser or other agent.")
    agent_version = Text("uaspec.ver", help_text="Version of the agent.")
    agent_system = Text("uaspec.system", help_text="System on which the agent runs.")
    agent_platform = Text("uaspec.platform", help_text="Platform on which the agent runs.")
    agent_raw = Text("uaspec.raw", help_text="User agent text, unparsed.")
