"""Events of every kind and dialect, complete and minimal, are returned as posted."""

import gzip
import json
import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from events.event import Event
from events.kinds import KINDS
from events.store.details import as_wire
from events.wire.values import canonical
from ingestion.filing.drain import drain
from tests.sending import AVAILITY, EMIT, SUNBIRD, Sender, file_all, log_event, now_ms
from tests.wire import samples

SHAPES: dict[str, Callable[..., Any]] = {"complete": samples.complete, "minimal": samples.minimal}


def post(sender: Sender, kind: str, event: Any) -> None:
    """Post an event to the endpoint of its dialect."""
    dialect = KINDS[kind].schema.dialect
    if dialect == "sunbird":
        result = sender.batch(event)
        assert result["errors"] == []
    else:
        response = sender.post(AVAILITY if dialect == "availity" else EMIT, event)
        assert response.status_code in (200, 201), response.content


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_event_is_returned_as_sent(sender: Sender, client: Client, kind: str, shape: str) -> None:
    event = SHAPES[shape](kind, ms=now_ms())
    post(sender, kind, event)
    assert file_all().stored == 1
    stored = Event.objects.get()
    assert stored.kind == kind
    assert KINDS[kind].model._default_manager.get().pk == stored.pk
    assert as_wire(stored) == event
    url = f"/api/v1/events/{stored.pk}/"
    answer = client.get(url, headers={"Authorization": f"Bearer {sender.text}"}).json()
    assert (answer["kind"], answer["wire"]) == (kind, event)


@pytest.mark.parametrize("kind", KINDS)
def test_a_complete_event_has_a_column_for_every_known_key(sender: Sender, kind: str) -> None:
    event = samples.complete(kind, ms=now_ms())
    post(sender, kind, event)
    file_all()
    columns = {leaf.path[0] for leaf in KINDS[kind].schema.leaves}
    assert set(Event.objects.get().extra or {}) <= set(event)
    assert set(event) & columns


def test_a_gzipped_batch_may_have_events_of_all_kinds(sender: Sender) -> None:
    events = [samples.complete(kind, ms=now_ms(), mid=f"{kind}:1") for kind in samples.SUNBIRD]
    body = gzip.compress(json.dumps({"events": events}).encode())
    response = sender.post(SUNBIRD, body, **{"Content-Encoding": "gzip"})
    assert response.json()["result"]["accepted"] == 17
    file_all()
    assert {event.client_event_id: as_wire(event) for event in Event.objects.all()} == {
        event["mid"]: event for event in events
    }


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(
    extra=JSON,
    edata=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=3),
    seed=st.integers(0, 2**32),
)
def test_any_valid_event_is_returned_as_sent(
    sender: Sender, extra: Any, edata: dict[str, Any], seed: int
) -> None:
    rng = random.Random(seed)
    mid = f"m{rng.getrandbits(64)}"
    event = log_event(mid, **{"x": extra})
    event["edata"] = edata | event["edata"]
    body = json.dumps({"events": [event]}).encode()
    result = sender.post(SUNBIRD, body).json()["result"]
    assert result["rejected"] == 0
    drain()
    stored = Event.objects.filter(client_event_id=mid).order_by("-ingested_at").first()
    assert stored is not None
    wire = as_wire(stored)
    assert wire == json.loads(body)["events"][0]
    assert stored.billed_bytes == len(msgspec.json.encode(canonical(event)))
