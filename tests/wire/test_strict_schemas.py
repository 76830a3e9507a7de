"""Strict validation agrees with the reference's JSON schemas on thousands of generated events."""

import json
from datetime import UTC, datetime
from random import Random

import jsonschema_rs
import pytest

from events.identity import milliseconds
from events.kinds import KINDS
from ingestion.dialects.decoding import Accepted, Payload, decode
from ingestion.dialects.sunbird import DECODER
from tests.wire import samples, v3_json_schemas

SAMPLE = 1_000  # events per kind
NOW = datetime(2025, 10, 9, 12, tzinfo=UTC)
# Codes for rules that schemas don't have: impossible times, and invalid names of sources.
OURS = {"too_old", "too_far_ahead", "bad_name"}


def test_there_is_a_schema_for_every_v3_event() -> None:
    assert set(v3_json_schemas.EDATA) == set(samples.SUNBIRD)


@pytest.mark.parametrize("kind", samples.SUNBIRD)
def test_strict_verdicts_agree_with_the_schema(kind: str) -> None:
    judge = jsonschema_rs.Draft4Validator(v3_json_schemas.schema_of(kind))
    strict = KINDS[kind].strict
    assert strict is not None
    chance = Random(kind)  # the same sample each time
    events = [v3_json_schemas.event(kind, milliseconds(NOW), chance) for _ in range(SAMPLE)]
    body = json.dumps({"events": events}).encode()

    verdicts = decode(Payload("sunbird", "json", body, NOW, strict=True, context={}), DECODER)

    valid = 0
    for event, verdict in zip(events, verdicts, strict=True):
        is_valid = judge.is_valid(event)
        valid += is_valid
        fault = strict.validator.fault_of(event)
        assert (fault is None) is is_valid, (event, fault)
        is_accepted = isinstance(verdict, Accepted)
        if isinstance(verdict, Accepted) or verdict.fault.code not in OURS:
            assert is_accepted is is_valid, (event, verdict)
        else:
            assert is_valid, (event, verdict)
    assert SAMPLE * 0.2 < valid < SAMPLE * 0.9  # enough valid and invalid events


@pytest.mark.parametrize("path", ["edata.pass", "edata.score"])
def test_strict_assess_requires_what_the_schema_requires(path: str) -> None:
    event = samples.without(samples.complete("assess"), path)
    entry = KINDS["assess"]

    assert entry.strict is not None
    fault = entry.strict.validator.fault_of(event)
    assert fault is not None
    assert (fault.code, fault.path) == ("missing", path)
    assert entry.lenient.validator.fault_of(event) is None  # the page has defaults
