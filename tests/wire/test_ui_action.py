"""Rules of Availity alone: version, contact, and required fields of its two encodings."""

from typing import Any

import pytest

from events.kinds import KINDS
from events.wire.schema import Warned
from tests.wire import samples

ENTRY = KINDS["ui_action"]
JSON = ENTRY.held(strict=False, encoding="json")
FORM = ENTRY.held(strict=False, encoding="form")


def form_message(**fields: Any) -> samples.Event:
    """Return a message with the fields that the browser client always sends, and `fields`."""
    return {
        "source_system": "portal",
        "contact": "team@example.com",
        "version": "v1",
        "telemetryBody": {"level": "info"},
        **fields,
    }


@pytest.mark.parametrize("version", ["1", "v1", 1, 1.0], ids=repr)
def test_version_1_has_several_spellings(version: Any) -> None:
    assert JSON.validator.fault_of({**samples.minimal("ui_action"), "version": version}) is None


@pytest.mark.parametrize(
    "version", ["2", "v2", "", "1.0", 2, 0, "x" * 5000], ids=lambda value: f"{value!r:.20}"
)
@pytest.mark.parametrize("held", [JSON, FORM], ids=["json", "form"])
def test_an_unknown_version_is_refused_and_the_known_ones_named(held: Any, version: Any) -> None:
    fault = held.validator.fault_of({**samples.minimal("ui_action"), "version": version})

    assert (fault.code, fault.path) == ("unknown_version", "version")
    assert "these are: '1'" in fault.message
    assert len(fault.message) < 200


@pytest.mark.parametrize(
    "contact", ["", "team", "team@", "@example.com", "a b@example.com", "a@b@c", "a@b\n"], ids=repr
)
@pytest.mark.parametrize("held", [JSON, FORM], ids=["json", "form"])
def test_a_contact_must_be_an_email_address(held: Any, contact: str) -> None:
    fault = held.validator.fault_of({**samples.minimal("ui_action"), "contact": contact})

    assert (fault.code, fault.path) == ("bad_value", "contact")


def test_a_form_needs_only_fields_the_client_always_sends() -> None:
    assert FORM.validator.fault_of(form_message()) is None


@pytest.mark.parametrize("path", ["source_system", "contact", "version", "telemetryBody.level"])
def test_fields_the_client_always_sends_are_required_in_a_form(path: str) -> None:
    fault = FORM.validator.fault_of(samples.without(form_message(), path))

    assert fault is not None
    assert (fault.code, fault.path) == ("missing", path)


def test_documented_fields_missing_from_a_form_cause_warnings() -> None:
    taken = ENTRY.schema.take(form_message(), FORM.soft)

    assert taken.warnings == [
        Warned(path, "missing")
        for path in (
            "owner",
            "customerId",
            "telemetryBody.entries.action",
            "telemetryBody.entries.label",
            "telemetryBody.entries.event",
            "telemetryBody.entries.category",
        )
    ]


def test_a_numeric_version_is_stored_as_text() -> None:
    taken = ENTRY.schema.take({**samples.minimal("ui_action"), "version": 1}, JSON.soft)

    assert taken.kind["api_version"] == "1"
    assert taken.extra == {"version": 1}
