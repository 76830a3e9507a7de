"""The sender's address of a request: the peer's, or the one reported by trusted proxies."""

from typing import Any

import pytest
from django.core.checks import run_checks
from hypothesis import given
from hypothesis import strategies as st

from ingestion.receiving.context import parsed, sender_address

PEER, PROXY, PROXY_6, CLIENT, FORGED = "192.0.2.1", "10.0.0.1", "fd00::1", "198.51.100.7", "203.0.113.9"
FOR, FORWARDED = "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"


@pytest.fixture(autouse=True)
def _proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("meta", "address"),
    [
        ({"REMOTE_ADDR": PEER}, PEER),
        ({"REMOTE_ADDR": PEER, FOR: FORGED}, PEER),
        ({"REMOTE_ADDR": PROXY, FOR: CLIENT}, CLIENT),
        ({"REMOTE_ADDR": PROXY, FOR: f"{FORGED}, {CLIENT}"}, CLIENT),
        ({"REMOTE_ADDR": PROXY, FOR: f"{FORGED},{CLIENT}, 10.9.9.9"}, CLIENT),
        ({"REMOTE_ADDR": PROXY_6, FOR: f"{CLIENT}:4711"}, CLIENT),
        ({"REMOTE_ADDR": f"::ffff:{PROXY}", FOR: "[2001:db8::7]:443"}, "2001:db8::7"),
        ({"REMOTE_ADDR": PROXY, FOR: f"10.1.1.1, {PROXY}"}, "10.1.1.1"),
        ({"REMOTE_ADDR": PROXY}, PROXY),
        ({"REMOTE_ADDR": PROXY, FOR: ""}, PROXY),
        ({"REMOTE_ADDR": PROXY, FOR: " , ,"}, PROXY),
        ({"REMOTE_ADDR": PROXY, FOR: f"{FORGED}, unknown"}, None),
        ({"REMOTE_ADDR": PROXY, FORWARDED: f"for={FORGED}"}, PROXY),  # a header that this proxy doesn't set
        ({"REMOTE_ADDR": ""}, None),
        ({}, None),
        ({"REMOTE_ADDR": "unix:", FOR: FORGED}, None),
    ],
)
def test_the_sender_is_the_rightmost_untrusted_address(meta: dict[str, str], address: str | None) -> None:
    found = sender_address(meta)
    assert (str(found) if found else None) == address


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (f"for={CLIENT}", CLIENT),
        (f"for={FORGED}, for={CLIENT};proto=https;by={PROXY}", CLIENT),
        (f'proto=https;For="{CLIENT}:4711", for=10.0.0.2', CLIENT),
        ('for="[2001:db8:cafe::17]:4711"', "2001:db8:cafe::17"),
        (f"for={FORGED}, for=_hidden", None),
        (f"for={FORGED}, proto=https", None),
        (f"by={CLIENT}", None),
    ],
)
def test_forwarded_is_read_if_it_is_the_configured_header(
    settings: Any, header: str, address: str | None
) -> None:
    settings.PROXY_HEADER = "Forwarded"
    found = sender_address({"REMOTE_ADDR": PROXY, FORWARDED: header, FOR: FORGED})
    assert (str(found) if found else None) == address


def test_no_proxy_is_trusted_by_default(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert str(sender_address({"REMOTE_ADDR": PROXY, FOR: FORGED})) == PROXY


@given(st.text() | st.from_regex(r"[\[\]0-9a-f:.%\",; for=]*"))
def test_any_text_in_place_of_an_address_is_handled(text: str) -> None:
    parsed(text)
    sender_address({"REMOTE_ADDR": PROXY, FOR: text})
    sender_address({"REMOTE_ADDR": text})


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "10.0.0.300"], "ingestion.E001"),
        ("TRUSTED_PROXIES", ["proxy.example"], "ingestion.E001"),
        ("PROXY_HEADER", "X-Real-IP", "ingestion.E002"),
        ("ENRICHMENT", ["place", "plaice"], "events.E003"),
        ("EMAIL_ADDRESSES", "drop", "events.E004"),
    ],
)
def test_an_invalid_setting_is_reported_at_startup(settings: Any, name: str, value: Any, code: str) -> None:
    setattr(settings, name, value)
    assert [fault.id for fault in run_checks() if fault.id == code] == [code]


def test_the_default_settings_are_valid() -> None:
    assert [fault for fault in run_checks() if fault.is_serious()] == []
