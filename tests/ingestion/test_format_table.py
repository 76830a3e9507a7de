"""Posts every kind in every encoding, in every state that the formats' documents mention.

All states of a kind are posted together and filed by one drain. Each is stored and returned as sent, with its
expected warnings, or kept as rejected with code and path.
"""

import json
from collections import Counter
from typing import Any

import pytest

from events.event import Event
from events.kinds import KINDS
from events.ownership.owner import Validation
from events.store.details import as_wire
from events.store.usage import WarningHour
from events.wire.columns import Need
from ingestion.rejected.event import RejectedEvent
from tests.ingestion.single_states import ENCODINGS, single_states
from tests.ingestion.v3_states import State, hard_of, lenient_states, numbered, soft_of, strict_states
from tests.sending import AVAILITY, EMIT, MakeSender, Sender, file_all
from tests.wire import samples
from tests.wire.rows import exact

Wire = Any


def _sorted(value: Wire) -> str:
    """Serialise a value with sorted keys, so that equal JSON values give equal texts."""
    return json.dumps(value, sort_keys=True, default=str)


def assert_filed(states: list[State], rejected: int) -> None:
    """Check that each state was stored as sent, or kept as rejected with the sent bytes."""
    sent = [exact(state.event) for state in states if not state.rejected]
    stored = [exact(as_wire(event)) for event in Event.objects.select_related("owner", "source")]
    assert sorted(map(_sorted, sent)) == sorted(map(_sorted, stored))
    assert RejectedEvent.objects.count() == rejected
    refused = {_sorted(exact(state.event)) for state in states if state.rejected}
    bodies = {_sorted(exact(json.loads(bytes(kept.body)))) for kept in RejectedEvent.objects.all()}
    assert bodies == refused


def assert_warned(states: list[State]) -> None:
    wanted = Counter(warned for state in states if not state.rejected for warned in state.warned)
    counted: Counter[tuple[str, str]] = Counter()
    for path, code, count in WarningHour.objects.values_list("path", "code", "count"):
        counted[path, code] += count
    assert counted == wanted


def test_documents_and_registry_agree_on_hard_fields() -> None:
    for kind in samples.SUNBIRD:
        declared = {leaf.dotted for leaf in KINDS[kind].schema.leaves if leaf.need is Need.HARD}
        assert declared == hard_of(kind), kind


def test_documents_and_registry_agree_on_soft_fields() -> None:
    for kind in samples.SUNBIRD:
        needs = {leaf.dotted: leaf.need for leaf in KINDS[kind].schema.leaves}
        declared = {path for path, need in needs.items() if need in (Need.PAGE, Need.PIPELINE)}
        assert declared == soft_of(kind), kind


@pytest.mark.parametrize("mode", Validation)
@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_every_state_of_a_v3_event(make_sender: MakeSender, kind: str, mode: Validation) -> None:
    sender = make_sender(validation=mode)
    states = numbered((strict_states if mode is Validation.STRICT else lenient_states)(kind))
    verdicts = {}
    for start in range(0, len(states), 20):  # the response details 20 errors
        part = states[start : start + 20]
        for error in sender.batch(*(state.event for state in part))["errors"]:
            verdicts[part[error["index"]].name] = (error["code"], error["path"])
    file_all()

    expected = {state.name: state.rejected for state in states if state.rejected}
    for name, (code, path) in expected.items():
        if path == "*":
            expected[name] = (code, verdicts[name][1])
            # If an object with hard fields is missing, the error names the object.
            assert any(f"{hard}.".startswith(f"{verdicts[name][1]}.") for hard in hard_of(kind))
    assert verdicts == expected
    assert_filed(states, len(expected))
    kept = RejectedEvent.objects.values_list("code", "path")
    assert set(kept) == set(expected.values())
    assert_warned(states)


@pytest.mark.parametrize("mode", Validation)
@pytest.mark.parametrize("name", ENCODINGS)
def test_every_state_of_a_message_and_an_emitted_event(
    make_sender: MakeSender, name: str, mode: Validation
) -> None:
    # Neither has a reference pipeline, so strict and lenient validation are the same.
    encoding = ENCODINGS[name]
    sender = make_sender("Eligibility Team", owners="all", validation=mode)
    states = list(single_states(encoding))
    for number, state in enumerate(states):
        if state.name.startswith("event.id") or encoding.kind == "ui_action":
            continue
        state.event = samples.with_value(state.event, "event.id", f"abcdefgh{number:06}")
    answers = {state.name: encoding.post(sender, encoding.path, state.event) for state in states}
    file_all()

    for state in states:
        status = answers[state.name].status_code
        assert status == (400 if state.rejected else 201 if encoding.kind == "ui_action" else 200), state.name
    sent = [exact(encoding.comes_back(state.event)) for state in states if not state.rejected]
    stored = [exact(as_wire(event)) for event in Event.objects.select_related("owner", "source")]
    assert sorted(map(_sorted, sent)) == sorted(map(_sorted, stored))
    kept = Counter(RejectedEvent.objects.values_list("code", "path"))
    assert kept == Counter(state.rejected for state in states if state.rejected)
    assert_warned(states)


@pytest.mark.parametrize("kind", ["ui_action", "emitted_event"])
def test_an_empty_message_is_kept_as_rejected(sender: Sender, kind: str) -> None:
    response = sender.post(AVAILITY if kind == "ui_action" else EMIT, {})
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "missing"
    assert file_all().rejected == 1
