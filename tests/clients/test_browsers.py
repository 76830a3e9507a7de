"""The clients in a real browser: beacons, their fallback, and CORS preflights."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

from events.store.details import detail_of
from tests.clients.browser import visiting
from tests.clients.filed import Filed
from tests.clients.npm import Clients
from tests.clients.recorder import Exchange, Recorder, wait_for

TOO_LARGE_FOR_A_BEACON = 70_000
CONFIG = {
    "pdata": {"id": "sunbird.portal", "ver": "3.1", "pid": "web"},
    "env": "home",
    "channel": "acme",
    "did": "device-1",
    "endpoint": "/data/v3/telemetry",
}


@pytest.fixture
def tracked(
    clients: Clients, recorder: Recorder, key: str
) -> Callable[[Callable[[Page], object]], list[Exchange]]:
    """A function that acts on the page watched by Availity's client and returns the requests it sent."""
    clients.bundle("availity-page.mjs")

    def tracked(act: Callable[[Page], object]) -> list[Exchange]:
        with visiting(clients.folder, "availity.html") as page:
            page.evaluate("([url, key]) => begin(url, key)", [recorder.url, key])
            act(page)
            wait_for(lambda: recorder.posts)
        return recorder.posts

    return tracked


def test_the_beacon_of_a_click_is_stored(
    tracked: Callable[[Callable[[Page], object]], list[Exchange]], recorder: Recorder
) -> None:
    (beacon,) = tracked(lambda page: page.click("button"))
    filed = Filed()

    assert (beacon.status, beacon.headers["content-type"]) == (201, "application/x-www-form-urlencoded")
    # A beacon: its form needs no preflight, and lacks axios's header.
    assert [exchange.method for exchange in recorder.exchanges] == ["POST"]
    assert "x-response-encoding-context" not in beacon.headers
    (wire,) = filed.wire
    entries = wire["telemetryBody"]["entries"]
    assert entries.pop("url").endswith("/availity.html")
    assert entries == {
        "action": "click",
        "event": "click",
        "label": "Submit claim",
        "category": "claims",
        "claimType": "837P",
        "elemId": "submit-claim",
    }
    assert (wire["customerId"], wire["owner"], wire["sessionId"]) == ("undefined", "Payments", "session-1")


def test_an_event_too_large_for_a_beacon_is_sent_with_a_preflight(
    tracked: Callable[[Callable[[Page], object]], list[Exchange]], recorder: Recorder
) -> None:
    outcomes: list[Any] = []
    event = {"customerId": "1194", "action": "paste", "event": "input", "label": "x" * TOO_LARGE_FOR_A_BEACON}
    track = "event => analytics.trackEvent(event).then(([answer]) => answer.status, String)"
    (request,) = tracked(lambda page: outcomes.append(page.evaluate(track, {**event, "category": "notes"})))
    (wire,) = Filed().wire

    assert outcomes == [201]
    assert [exchange.method for exchange in recorder.exchanges] == ["OPTIONS", "POST"]
    assert request.headers["x-response-encoding-context"] == "NONE"
    assert wire["telemetryBody"]["entries"]["label"] == event["label"]


def test_a_page_view_is_stored(tracked: Callable[[Callable[[Page], object]], list[Exchange]]) -> None:
    tracked(lambda page: page.evaluate("() => analytics.trackPageView()"))
    (wire,) = Filed().wire

    assert wire["telemetryBody"]["entries"]["label"] == "page-load"
    assert wire["customerId"] == "0000"


def test_the_sdk_of_sunbird_sends_from_a_page(clients: Clients, recorder: Recorder, key: str) -> None:
    config = {**CONFIG, "host": recorder.url, "authtoken": key}
    with visiting(clients.folder, "sunbird.html") as page:
        page.evaluate("config => $t.start(config, 'do_1', '1.0', {type: 'app', mode: 'play'})", config)
        page.evaluate("() => $t.interact({type: 'CLICK', id: 'play', pageid: 'home'})")
        page.evaluate("() => $t.end({type: 'app', mode: 'play'})")
        wait_for(lambda: recorder.posts)
        page.wait_for_timeout(100)
        queue = page.evaluate("() => [$t._syncManager._teleData.length, $t._syncManager._failedBatch.length]")
    (post,) = recorder.posts
    filed = Filed()

    assert [exchange.method for exchange in recorder.exchanges] == ["OPTIONS", "POST"]
    assert queue == [0, 0]
    assert sorted(filed.wire, key=lambda event: str(event["mid"])) == sorted(
        post.json["events"], key=lambda event: str(event["mid"])
    )
    (start,) = [event for event in filed.events if event.kind == "start"]
    assert "Chrome" in vars(detail_of(start))["agent_raw"]


def test_a_page_can_read_why_its_key_is_refused(clients: Clients, recorder: Recorder) -> None:
    config = {**CONFIG, "host": recorder.url, "authtoken": "tally_pk_abcdefghjkmn_0123456789"}
    said: list[str] = []
    with visiting(clients.folder, "sunbird.html") as page:
        page.on("console", lambda message: said.append(message.text))
        page.evaluate("config => $t.initialize(config)", config)
        page.evaluate("() => $t.log({type: 'api', level: 'INFO', message: 'x'})")
        page.evaluate("() => $t._syncManager.syncEvents()")
        wait_for(lambda: page.evaluate("() => $t._syncManager._failedBatch.length"))

    assert any("status: 401" in line and "bad_key" in line for line in said)
