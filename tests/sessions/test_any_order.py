"""Sessions are the same for any order and grouping of events, with summarising and crashes in between."""

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from events.sessions import summarising, writing
from events.sessions.session import Session, SessionRedirect
from events.store.pending import TouchedSession
from ingestion.filing.drain import drain
from tests.sending import MakeSender, Sender, differences, emitted, log_event, message
from tests.sessions.stored import (
    PARTS,
    assert_as_expected,
    base_ms,
    dump,
    post,
    summarise_all,
    summarise_due,
)

Wire = dict[str, Any]

# Gaps around the limits of idle time and inactivity, and short ones.
moments = st.builds(
    lambda steps, rest: steps * 600_000 + rest,
    st.sampled_from([0, 1, 3, 3, 4, 6, 6, 9, 12]),
    st.sampled_from([0, 1, 4, 5, 12_345, -1]),
).map(lambda ms: max(ms, 0))

DATA: dict[str, list[Wire]] = {
    "START": [{"type": "App", "mode": "play"}, {"type": "player"}],
    "IMPRESSION": [{"type": kind, "pageid": page} for kind in ("view", "list") for page in ("a", "b")],
    "INTERACT": [{"type": kind, "id": "b"} for kind in ("TOUCH", "hover")],
    "ERROR": [{"err": "E", "errtype": "T", "stacktrace": "at x"}],
    "LOG": [{"type": "t", "level": "INFO", "message": "m"}],
}


@st.composite
def v3(draw: st.DrawFn, *, one_device: bool = False) -> tuple[str, Wire, int]:
    """Return a V3 event; with `one_device`, all events are of one device without a session ID."""
    eid = draw(st.sampled_from(sorted(DATA)))
    at = base_ms() + draw(moments)
    context: Wire = {"channel": "c1", "env": "home", "pdata": {"id": "app"}, "did": "d1"}
    if not one_device:
        context = {
            "channel": draw(st.sampled_from(["c1", "c1", "c1", "c2"])),
            "env": draw(st.sampled_from(["home", "play"])),
            "pdata": {"id": draw(st.sampled_from(["app", "app", "app", "web"]))},
            "did": draw(st.sampled_from(["d1", "d1", "d1", "d2", ""])),
        }
        if sid := draw(st.sampled_from([None, "", "s1", "s1", "s2"])):
            context["sid"] = sid
    return (
        "sunbird",
        log_event(
            f"m{draw(st.integers(0, 5))}",
            eid=eid,
            ets=at,
            context=context,
            actor={"id": draw(st.sampled_from(["u1", "u2", ""])), "type": "User"},
            edata=draw(st.sampled_from(DATA[eid])),
        ),
        at,
    )


@st.composite
def availity(draw: st.DrawFn) -> tuple[str, Wire, int]:
    entries = message()["telemetryBody"]["entries"] | draw(
        st.sampled_from(
            [{}, {"event": "page", "action": "load"}, {"event": "page", "action": "load", "url": "/u"}]
        )
    )
    body = {"level": draw(st.sampled_from(["info", "Error"])), "entries": entries}
    sid = draw(st.sampled_from(["s1", ""]))
    return "availity", message(sessionId=sid, telemetryBody=body), base_ms() + draw(moments)


@st.composite
def buildless(draw: st.DrawFn) -> tuple[str, Wire, int]:
    at = base_ms() + draw(moments)
    about = [{"type": "type.googleapis.com/buildless.context.Build", "event": "started"}]
    about += draw(st.sampled_from([[], [{**about[0], "resource": "build::1", "action": "run"}]]))
    event = emitted(f"abcdefghij{draw(st.integers(0, 3)):04}", timing={"occurred": str(at)}, context=about)
    return "buildless", event | {"scope": draw(st.sampled_from(["s1", "s2"]))}, at


def arriving(event: st.SearchStrategy[tuple[str, Wire, int]]) -> st.SearchStrategy[list[Any]]:
    """Return lists of events in order of arrival, each with what happens after it."""
    then = st.sampled_from(["on", "on", "drain", "summarise", "kill"])
    return st.lists(st.tuples(event, then), min_size=1, max_size=25)


arrivals = st.one_of(
    arriving(st.one_of(v3(), v3(), v3(), availity(), buildless())), arriving(v3(one_device=True))
)


class KilledError(BaseException):
    """An error that no code handles."""


def _kill_in_mid_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(made: Any, known: Any) -> None:
        writing_replace(made, known)
        raise KilledError

    writing_replace = writing.save
    with monkeypatch.context() as patched:
        patched.setattr(writing, "save", die)
        with suppress(KilledError):
            summarise_due()


def _send(sender: Sender, arrived: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for (dialect, wire, at), then in arrived:
        batch = {"id": "x", "ver": "3.0", "events": [wire]} if dialect == "sunbird" else wire
        post(sender, dialect, batch, at)
        if then != "on":
            drain()
        if then == "summarise":
            summarise_due()
        elif then == "kill":
            _kill_in_mid_transaction(monkeypatch)
    drain()
    summarise_due()


@settings(max_examples=60)
@given(arrived=arrivals, bounds=st.sampled_from([(10_000, 2_000), (2, 1)]))
def test_sessions_equal_the_oracles_and_those_of_a_recomputation(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch, arrived: list[Any], bounds: tuple[int, int]
) -> None:
    with transaction.atomic(), monkeypatch.context() as patched:
        patched.setattr(summarising, "LARGE", bounds[0])
        patched.setattr(summarising, "WRITTEN", bounds[1])
        _send(make_sender(owners="all"), arrived, monkeypatch)
        assert not TouchedSession.objects.exists()
        assert_as_expected()
        rows = dump()
        assert differences() == []
        # Each redirect goes from an ID that doesn't exist any more to an existing session.
        redirects = dict(SessionRedirect.objects.values_list("old", "current"))
        assert {str(current) for current in redirects.values()} <= rows.keys()
        assert not {str(old) for old in redirects} & rows.keys()
        summarise_all()
        assert dump() == rows
        for model in (Session, *PARTS):
            model._default_manager.all().delete()
        summarise_all()
        assert dump() == rows
        transaction.set_rollback(True)
