"""UiAction: somebody acts on an element of a web page that reports to Availity's telemetry."""

from collections.abc import Mapping
from typing import Annotated

from django.db import models

from events.kinds.base import AvailityKind
from events.ownership.owner import fault_of as name_fault_of
from events.wire.columns import FilledText, LooseText, Need, Text
from events.wire.validators import Fault, written_as
from events.wire.values import Wire

EMail = Annotated[str, written_as(r"^[^@\s]+@[^@\s]+\Z", "an e-mail address")]
# Names of version 1: the document's text, its number, and what the browser client sends.
VERSIONS = ("1", "v1", 1)


def unknown_version(event: Mapping[str, Wire]) -> Fault | None:
    """Return the fault of a message for an unknown version of the API."""
    if event["version"] in VERSIONS:
        return None
    return Fault(
        "unknown_version",
        "version",
        f"version {str(event['version'])[:40]!r} is not known; these are: '1' (also written 1 or 'v1').",
    )


def bad_owner_name(event: Mapping[str, Wire]) -> Fault | None:
    """Return the fault of a message with an invalid owner name. An empty one means no owner."""
    name = event.get("owner")
    fault = name_fault_of(name) if isinstance(name, str) and name.strip() else None
    return Fault("bad_name", "owner", f"owner {fault}.") if fault else None


class UiAction(AvailityKind):
    """An action on a page. Source: Availity's document of its telemetry end point and its browser client."""

    # Fields that the browser client guarantees. The document requires more, which most clients don't send.
    hard_by_encoding = {"form": frozenset({"source_system", "contact", "version", "telemetryBody.level"})}
    rules = (unknown_version, bad_owner_name)

    customer_id = FilledText(
        "customerId", Need.HARD, help_text="Availity's ID of the customer; 0000 for none."
    )
    contact = Text(
        need=Need.HARD, held=EMail, help_text="E-mail address of the team to ask about the message."
    )
    api_version = LooseText("version", Need.HARD, help_text="Version of the API that the message follows.")
    level = FilledText(
        "telemetryBody.level",
        Need.HARD,
        help_text="Level of the message, usually info, debug, warn or error.",
    )
    action = FilledText(
        "telemetryBody.entries.action",
        Need.HARD,
        help_text="What the user did: click, hover, blur, focus, load.",
    )
    label = FilledText(
        "telemetryBody.entries.label", Need.HARD, help_text="Text of the element that the user acted on."
    )
    resulting_event = FilledText(
        "telemetryBody.entries.event",
        Need.HARD,
        help_text="Resulting event: submit, reset, redirect, api, page.",
    )
    category = FilledText("telemetryBody.entries.category", Need.HARD, help_text="Section of the page.")
    payer_id = Text("payerId", help_text="Payer chosen in the workflow.")
    url = Text("telemetryBody.entries.url", help_text="Address of the page.")
    # The document's example and the client's autotracker use different names for it.
    element_id = Text(
        "telemetryBody.entries.elementId",
        help_text="ID of the element, under the name that the documentation uses.",
    )
    tracked_element_id = Text(
        "telemetryBody.entries.elemId",
        help_text="ID of the element, under the name that the autotracker uses.",
    )
    severity = models.TextField(null=True, help_text="Normalized level: debug, info, warn or error.")
    contact_hash = models.TextField(
        null=True, help_text="SHA-256 of the contact's e-mail address in lower case."
    )
