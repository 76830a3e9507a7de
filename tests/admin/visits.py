"""Events of sessions, filed and summarised, for tests."""

from typing import Any

from events.sessions.session import Session
from tests.sending import Sender, file_all, log_event, now_ms
from tests.summarising import summarise_sessions

SESSIONS = "/admin/events/session/"


def at(seconds: float, sid: str = "s1", **changes: Any) -> dict[str, Any]:
    """Return a LOG event that occurred an hour ago plus `seconds`."""
    context = {
        "channel": "c1",
        "env": "home",
        "pdata": {"id": "portal", "ver": "2.1"},
        "sid": sid,
        "did": "d1",
    }
    mid = f"{sid}:{seconds}:{changes.get('eid', 'LOG')}"
    return log_event(mid, ets=now_ms() // 60_000 * 60_000 - 3_600_000 + round(seconds * 1000)) | {
        "context": context,
        **changes,
    }


def view(seconds: float, page: str, sid: str = "s1") -> dict[str, Any]:
    """Return an IMPRESSION of a page."""
    return at(seconds, sid, eid="IMPRESSION", edata={"type": "view", "pageid": page, "uri": f"/{page}"})


def touch(seconds: float, sid: str = "s1") -> dict[str, Any]:
    """Return an INTERACT event."""
    return at(seconds, sid, eid="INTERACT", edata={"type": "TOUCH", "id": "button", "pageid": "p"})


def failure(seconds: float, sid: str = "s1") -> dict[str, Any]:
    """Return an ERROR event."""
    return at(seconds, sid, eid="ERROR", edata={"err": "E1", "errtype": "SYSTEM", "stacktrace": "x"})


def visited(sender: Sender, *events: Any) -> Session:
    """File the events, summarise them, and return the owner's newest session."""
    for begin in range(0, len(events), 500):
        sender.batch(*events[begin : begin + 500])
    file_all()
    summarise_sessions()
    found = Session.objects.filter(owner=sender.key.default_owner).first()
    assert found
    return found


def address(session: Session) -> str:
    return f"{SESSIONS}{session.pk}/change/"
