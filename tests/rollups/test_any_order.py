"""Rollups of late, repeated and reordered events equal a rebuild and plain counts."""

from typing import Any

from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from events.store.pending import TouchedQuarter
from ingestion.filing.drain import drain
from reports.rollups.rollup import rollups
from tests.rollups.oracle import expected, found
from tests.rollups.recomputed import dump, fold_due, rebuild
from tests.sending import MakeSender, emitted, log_event, message
from tests.sessions.stored import base_ms, post, summarise_due

Wire = dict[str, Any]

# Within a quarter of an hour, at its ends, in the next one and on the next day.
moments = st.sampled_from([0, 1, 1_000, 899_999, 900_000, 900_001, 3_600_000, 86_399_999, 86_400_000])

DATA: dict[str, list[Wire]] = {
    "START": [{"type": "player", "contentId": "do_1"}, {"type": "app"}],
    "END": [{"type": "player", "contentId": "do_1", "duration": 1.1}, {"type": "player"}],
    "IMPRESSION": [
        {"type": "view", "pageid": "a", "duration": 0.1},
        {"type": "view", "pageid": "a"},
        {"type": "list", "pageid": "b", "unknown": 1},
    ],
    "ERROR": [{"err": code, "errtype": "SYSTEM", "stacktrace": "at x"} for code in ("E1", "E2")],
    "LOG": [{"type": "system", "level": level, "message": "m"} for level in ("info", "INFO", "FATAL")],
    "HEARTBEAT": [{}, {"beat": {"n": 1}}],
    "ASSESS": [
        {"item": {"id": "q1", **item}, "pass": passed, "score": 0.1, "resvalues": [], "duration": 2.2}
        for item in ({}, {"title": "A", "maxscore": 1, "exlength": 8}, {"title": "B"})
        for passed in ("Yes", "No")
    ],
    "FEEDBACK": [{"contentId": "do_1", "rating": 4.5}, {"rating": -1}, {"comments": "ok"}],
    "SEARCH": [
        {"query": "x" * 250, "size": 0, "topn": []},
        {"query": "y", "size": 3, "topn": [], "type": "all"},
    ],
    "METRICS": [
        {"system": "s", "subsystem": "t", "metrics": [{"metric": "m", "value": value}, {"metric": "odd"}]}
        for value in (0.1, 0.2, -7, 10**400, "9")
    ]
    + [{"system": "s", "subsystem": "t", "heap": 12, "name": "x"}],
}  # fmt: skip


@st.composite
def v3(draw: st.DrawFn) -> tuple[str, Wire]:
    eid = draw(st.sampled_from(sorted(DATA)))
    context: Wire = {
        "channel": "c1",
        "env": "home",
        "did": draw(st.sampled_from(["d1", "d2", ""])),
        "pdata": {"id": draw(st.sampled_from(["app", "web"])), "ver": draw(st.sampled_from(["1", "2"]))},
    }
    if sid := draw(st.sampled_from([None, "s1", "s2"])):
        context["sid"] = sid
    event = log_event(
        f"m{draw(st.integers(0, 9))}",
        eid=eid,
        ets=base_ms() + draw(moments),
        context=context,
        edata=draw(st.sampled_from(DATA[eid])),
        actor={"id": draw(st.sampled_from(["u1", "u2"])), "type": "User"},
    )
    if draw(st.booleans()):
        event["object"] = {"id": "do_2", "type": "Content"}
    return "sunbird", {"id": "x", "ver": "3.0", "events": [event]}


@st.composite
def availity(draw: st.DrawFn) -> tuple[str, Wire]:
    entries = message()["telemetryBody"]["entries"] | draw(
        st.sampled_from([{}, {"event": "page", "action": "load"}, {"label": "Other"}])
    )
    level = draw(st.sampled_from(["info", "Error", "odd"]))
    return "availity", message(telemetryBody={"level": level, "entries": entries})


@st.composite
def buildless(draw: st.DrawFn) -> tuple[str, Wire]:
    changes: Wire = {"timing": {"occurred": str(base_ms() + draw(moments))}}
    if draw(st.booleans()):
        os = {"name": "linux", "family": "LINUX", "arch": "ARM"}
        changes["detail"] = {"client": {"os": os, "agent": {"version": {"major": 1, "minor": 2}}}}
        changes["timer"] = draw(st.sampled_from(["AAAA", "BBBB"]))
    event = emitted(f"abcdefghij{draw(st.integers(0, 3)):04}", **changes)
    series = {"scope": draw(st.sampled_from(["s1", "s2"])), "index": draw(st.integers(0, 2)), "fin": True}
    return "buildless", event | draw(st.sampled_from([{}, series]))


arrivals = st.lists(
    st.tuples(
        st.one_of(v3(), v3(), v3(), availity(), buildless()),
        moments,
        st.sampled_from(["on", "on", "drain", "summarise", "fold"]),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=20)
@given(arrived=arrivals)
def test_rollups_equal_the_oracles_and_a_rebuild(make_sender: MakeSender, arrived: list[Any]) -> None:
    with transaction.atomic():
        sender = make_sender(owners="all")
        for (dialect, wire), later, then in arrived:
            post(sender, dialect, wire, base_ms() + later)
            if then != "on":
                drain()
            if then == "summarise":
                summarise_due()
            elif then == "fold":
                fold_due()
        drain()
        summarise_due()
        fold_due()
        assert not TouchedQuarter.objects.exists()
        assert found() == expected()
        rows = dump()
        rebuild()
        assert dump() == rows
        for rollup in rollups():
            rollup._default_manager.all().delete()
        rebuild()
        assert dump() == rows
        transaction.set_rollback(True)
