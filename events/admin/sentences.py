"""What happened, as a sentence. Plain text: whoever shows it escapes it."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from events.event import Event
from events.wire.dialects import AVAILITY, BUILDLESS, SUNBIRD
from events.words import cut


def sentence(event: Event, detail: Any) -> str:
    """What happened, by whom, where, when. `detail` is the row of the kind's table."""
    what = SENTENCES.get(event.dialect, _plain)(event, detail)
    version = f" {cut(event.version)}" if event.version else ""
    at = event.occurred_at.astimezone(UTC)
    where = f"in {cut(event.source.name)}{version} (owner {cut(event.owner.name)})"
    return f"{what} {where}, {at.day} {at:%b %Y, %H:%M:%S} UTC."


def _plain(event: Event, _: Any) -> str:
    return f"{event.kind.upper()}{_by(event.actor)}"


def _sunbird(event: Event, detail: Any) -> str:
    """INTERACT (TOUCH) on play-button by User u1."""
    kind = getattr(detail, "type", None)
    on = getattr(detail, "element_id", None) or getattr(detail, "pageid", None) or event.object_id
    actor = " ".join(filter(None, [event.actor_type, event.actor]))
    return (
        event.kind.upper()
        + (f" ({cut(kind)})" if isinstance(kind, str) and kind else "")
        + (f" on {cut(on)}" if isinstance(on, str) and on else "")
        + _by(actor)
    )


def _availity(event: Event, detail: Any) -> str:
    """“click” on “Submit” (category “form”) by aka123."""
    action = getattr(detail, "action", None) or "Action"
    label = getattr(detail, "label", None)
    return f"“{cut(action)}”" + (f" on “{cut(label)}”" if label else "") + _by(event.actor)


def _buildless(event: Event, detail: Any) -> str:
    """Event “build.finished” of api::build by user."""
    contexts = getattr(detail, "context", None)
    about = contexts[0] if isinstance(contexts, list) and contexts and isinstance(contexts[0], dict) else {}
    name, resource = about.get("event"), about.get("resource")
    return (
        ("Event" if not isinstance(name, str) else f"Event “{cut(name)}”")
        + (f" of {cut(resource)}" if isinstance(resource, str) and resource else "")
        + _by(event.actor)
    )


def _by(actor: str | None) -> str:
    return f" by {cut(actor)}" if actor else ""


SENTENCES: dict[str, Callable[[Event, Any], str]] = {
    AVAILITY.name: _availity,
    SUNBIRD.name: _sunbird,
    BUILDLESS.name: _buildless,
}
