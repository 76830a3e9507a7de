"""Browser, system and device from the user agent or from the event itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.enrichment import agent
from events.event import Event
from events.store.usage import WarningHour
from tests.enrichment.taken import enriched
from tests.sending import Sender, file_all, now_ms
from tests.wire import samples

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
    " Safari/537.36"
)
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"
    " Safari/605.1.15"
)
IPAD = (
    "Mozilla/5.0 (iPad; CPU OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.5"
    " Mobile/15E148 Safari/604.1"
)
PIXEL = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
    " Mobile Safari/537.36"
)
GALAXY_TAB = (
    "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
    " Safari/537.36"
)
CHROMEBOOK = (
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
    " Safari/537.36"
)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0"
BSD = "Mozilla/5.0 (X11; FreeBSD amd64; rv:100.0) Gecko/20100101 Firefox/100.0"
TV = (
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/538.1 (KHTML, like Gecko) Version/6.0 TV"
    " Safari/538.1"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
NAMES = ("browser", "browser_version", "os_name", "os_family", "os_version", "device_type", "is_bot")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (CHROME, ("Chrome", "126.0.0", "Windows", "WINDOWS", "10", "desktop", False)),
        (SAFARI, ("Safari", "17.5", "Mac OS X", "DARWIN", "10.15.7", "desktop", False)),
        (IPAD, ("Mobile Safari", "16.5", "iOS", "DARWIN", "16.5", "tablet", False)),
        (PIXEL, ("Chrome Mobile", "126.0.0", "Android", "LINUX", "14", "mobile", False)),
        (GALAXY_TAB, ("Chrome", "126.0.0", "Android", "LINUX", "13", "tablet", False)),
        (CHROMEBOOK, ("Chrome", "126.0.0", "Chrome OS", "LINUX", "14541.0.0", "desktop", False)),
        (FIREFOX, ("Firefox", "127.0", "Linux", "LINUX", None, "desktop", False)),
        (BSD, ("Firefox", "100.0", "FreeBSD", "UNIX", None, "desktop", False)),
        (TV, ("Safari", "6.0", "Tizen", "LINUX", "6.0", "tv", False)),
        (GOOGLEBOT, ("Googlebot", "2.1", None, None, None, "bot", True)),
        ("curl/8.5.0", ("curl", "8.5.0", None, None, None, "bot", True)),
        ("x", (None, None, None, None, None, "other", False)),
    ],
)
def test_a_user_agent_is_parsed(text: str, answer: tuple[Any, ...]) -> None:
    found = agent.agent_columns(text)
    assert tuple(found.get(name) for name in NAMES) == answer
    assert found["user_agent"] == text


@given(st.text(max_size=200))
def test_any_user_agent_can_be_parsed(text: str) -> None:
    found = agent.agent_columns(text.encode("utf-8", "replace").decode())
    assert set(found) <= {*NAMES, "user_agent"}
    assert found["device_type"] in {"desktop", "mobile", "tablet", "tv", "bot", "other"}


def test_the_header_fills_the_columns_of_every_dialect() -> None:
    for kind in ("interact", "ui_action", "emitted_event"):
        assert (
            enriched(kind, samples.minimal(kind), {"user_agent": PIXEL}).envelope["device_type"] == "mobile"
        )


def test_values_declared_by_a_buildless_event_take_precedence() -> None:
    client = {
        "os": {"name": "debian", "family": "LINUX", "version": {"major": 12, "minor": 5}},
        "agent": {"name": "gradle-plugin", "version": {"spec": "1.0.0-rc4", "major": 1}},
    }
    event = samples.with_value(samples.minimal("emitted_event"), "event.detail", {"client": client})
    envelope = enriched("emitted_event", event, {"user_agent": CHROME}).envelope
    assert tuple(envelope.get(name) for name in NAMES) == (
        *("gradle-plugin", "1.0.0-rc4", "debian", "LINUX", "12.5"),
        *("desktop", False),
    )


def test_a_declared_system_replaces_that_of_the_header_completely() -> None:
    event = samples.with_value(
        samples.minimal("emitted_event"), "event.detail", {"client": {"os": {"family": "DARWIN"}}}
    )
    envelope = enriched("emitted_event", event, {"user_agent": CHROME}).envelope
    assert envelope["os_family"] == "DARWIN"
    assert "os_name" not in envelope
    assert "os_version" not in envelope
    assert envelope["browser"] == "Chrome"


def start(**spec: str) -> dict[str, Any]:
    return samples.with_value(samples.minimal("start"), "edata.uaspec", spec)


def test_the_user_agent_in_a_start_takes_precedence_over_the_header() -> None:
    envelope = enriched("start", start(raw=IPAD), {"user_agent": CHROME}).envelope
    assert envelope["user_agent"] == IPAD
    assert (envelope["device_type"], envelope["os_family"]) == ("tablet", "DARWIN")


def test_values_declared_by_a_start_take_precedence_over_its_user_agent() -> None:
    event = start(raw=CHROME, agent="Kiosk", ver="3", system="Android")
    envelope = enriched("start", event).envelope
    assert tuple(envelope.get(name) for name in NAMES[:5]) == ("Kiosk", "3", "Android", "LINUX", None)


def test_user_agents_beyond_the_limit_of_a_request_are_not_parsed(sender: Sender) -> None:
    starts = [
        samples.with_value(
            samples.minimal("start", mid=f"{number}", ms=now_ms()), "edata.uaspec", {"raw": raw}
        )
        for number, raw in enumerate(
            [*(f"{CHROME} {number}" for number in range(agent.MOST)), SAFARI, f"{CHROME} 1"]
        )
    ]

    sender.batch(*starts)
    file_all()

    *_, over, known = [Event.objects.get(client_event_id=f"{number}") for number in range(len(starts))]
    assert (over.user_agent, over.browser, over.device_type, over.is_bot) == (SAFARI, None, None, None)
    assert known.browser == "Chrome"
    assert WarningHour.objects.get(code="not_parsed").count == 1


def test_a_very_long_user_agent_of_a_start_is_truncated() -> None:
    assert len(enriched("start", start(raw="x" * 100_000)).envelope["user_agent"]) == agent.LONGEST
