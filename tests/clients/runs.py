"""Runs of real clients, under Node and in a browser, and their outcomes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.db.models import Sum

from events.event import Event
from events.store.details import as_wire
from events.store.usage import WarningHour
from ingestion.filing.drain import drain
from ingestion.rejected.event import RejectedEvent
from tests.clients.browser import visiting
from tests.clients.buildless_event import PROTO, event, without_lists
from tests.clients.npm import Clients
from tests.clients.recorder import Exchange, Recorder, wait_for

Wire = dict[str, Any]
HERE = Path(__file__).parent
TRACING = (HERE / "tracing.js").read_text()
CALLS = json.loads((HERE / "sunbird-calls.json").read_text())
CLICK = {
    "customerId": "1194",
    "action": "click",
    "event": "submit",
    "label": "Search & submit + 50 % = “done”",
    "category": "claims",
    "url": "https://app.example/claims?id=1#top",
}
LARGE = {**CLICK, "label": "x" * 70_000}  # too large for a beacon
END = {"type": "content", "mode": "play", "pageid": "last", "summary": [{"progress": 100}]}
PLAY = """
([config, calls, end]) => {
  $t.start(config, 'do_3122', '1.0', { type: 'content', mode: 'play' });
  for (const [method, data] of Object.entries(calls)) $t[method](data);
  $t.end(end);
}
"""


@dataclass(frozen=True)
class Told:
    """Input of a run: the installed clients, the URL to send to, and the key."""

    clients: Clients
    recorder: Recorder
    key: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a Node script."""
        return {"TALLY_URL": self.recorder.url, "TALLY_KEY": self.key}

    def wait(self, is_done: Callable[[list[Exchange]], object]) -> None:
        """Wait until enough requests have arrived, since a page doesn't report when everything is sent."""
        wait_for(lambda: is_done(self.recorder.posts))


def events_in(posts: list[Exchange]) -> list[Wire]:
    """Return the events in Sunbird's batches."""
    return [each for post in posts for each in post.json["events"]]


def sunbird_module(told: Told) -> None:
    """Run the SDK that is a module, which sends requests itself under Node too."""
    told.clients.run("sunbird.mjs", "everything", environment=told.environment)


def sunbird_script(sdk: str, told: Told) -> None:
    """Run an SDK that is a script, which leaves sending to the service under Node."""
    told.clients.run("sunbird-script.mjs", sdk, environment=told.environment)


def sunbird_page(file: str, told: Told) -> None:
    """Run an SDK on a page."""
    config = {**CALLS["config"], "host": told.recorder.url, "authtoken": told.key}
    with visiting(told.clients.folder, file, TRACING) as page:
        page.evaluate(PLAY, [config, CALLS["arguments"], END])
        told.wait(lambda posts: len(events_in(posts)) == len(CALLS["arguments"]) + 2)


def availity_script(core: str, told: Told) -> None:
    """Run the client in a service, where there is no beacon."""
    environment = {**told.environment, "AVAILITY_CORE": core}
    told.clients.run("availity.mjs", "resource", json.dumps([CLICK, "page view"]), environment=environment)


def availity_page(core: str, told: Told) -> None:
    """Run the client on a page: a click sent by beacon, then an event too large for one."""
    told.clients.bundle("availity-page.mjs", **{"@availity/analytics-core": core})
    with visiting(told.clients.folder, "availity.html", TRACING) as page:
        page.evaluate("([url, key]) => begin(url, key)", [told.recorder.url, told.key])
        page.click("button")
        told.wait(lambda posts: len(posts) == 1)
        page.evaluate("event => analytics.trackEvent(event)", LARGE)


def buildless_script(encoding: str, told: Told) -> None:
    """Send an event from Node."""
    sent = {"TALLY_PROTO": str(PROTO), "TALLY_EVENT": json.dumps(buildless_event(encoding))}
    told.clients.run("buildless.mjs", encoding, environment=told.environment | sent)


def buildless_page(encoding: str, told: Told) -> None:
    """Send an event from a page."""
    told.clients.bundle("buildless-page.mjs")
    sent = {
        "url": told.recorder.url,
        "key": told.key,
        "encoding": encoding,
        "event": buildless_event(encoding),
        "proto": PROTO.read_text(),
    }
    with visiting(told.clients.folder, "buildless.html", TRACING) as page:
        page.evaluate("sent => emit(sent)", sent)


def buildless_event(encoding: str) -> Wire:
    """Return the event without fields that the encoding can't express."""
    whole = event()
    whole["event"]["timing"]["occurred"] = str(OCCURRED)
    return without_lists(whole) if encoding == "query" else whole


OCCURRED = int(time.time() * 1000)


@dataclass(frozen=True)
class Run:
    """A client, and where it runs."""

    format: str
    version: str
    where: str
    send: Callable[[Told], None]
    encoding: str = ""  # for Buildless

    @property
    def name(self) -> str:
        """The ID for tests."""
        return f"{self.format}, {self.version}, {self.where}"

    def sent(self, posts: list[Exchange]) -> list[Wire]:
        """Return the events as the client sent them."""
        if self.format == "Sunbird":
            return events_in(posts)
        if self.format == "Availity":
            return [nested(post.body.decode()) for post in posts]
        return [buildless_event(self.encoding) for _ in posts]


def nested(form: str) -> Wire:
    """Convert a form with dotted names to nested JSON."""
    whole: Wire = {}
    for name, value in parse_qsl(form, keep_blank_values=True, strict_parsing=True):
        *path, last = name.split(".")
        place = whole
        for key in path:
            place = place.setdefault(key, {})
        place[last] = value
    return whole


NODE, PAGE = "Node", "Chromium"
CORES = {"5.0.8": "@availity/analytics-core", "7.3.5": "availity-analytics-core-7"}
SCRIPTS = {"1.3.0": "sunbird-telemetry-sdk-1", "0.0.29": "sunbird-telemetry-sdk-0"}
ENCODINGS = {"JSON": "json", "query parameters": "query", "protobuf": "protobuf"}
RUNS = (
    Run("Sunbird", "2.0.1", NODE, sunbird_module),
    Run("Sunbird", "2.0.1", PAGE, partial(sunbird_page, "sunbird.html")),
    *(
        run
        for version, sdk in SCRIPTS.items()
        for run in (
            Run("Sunbird", version, NODE, partial(sunbird_script, sdk)),
            Run("Sunbird", version, PAGE, partial(sunbird_page, f"sunbird-script.html?sdk={sdk}")),
        )
    ),
    *(
        run
        for version, core in CORES.items()
        for run in (
            Run("Availity", version, NODE, partial(availity_script, core)),
            Run("Availity", version, PAGE, partial(availity_page, core)),
        )
    ),
    *(
        run
        for words, encoding in ENCODINGS.items()
        for run in (
            Run("Buildless", words, NODE, partial(buildless_script, encoding), encoding),
            Run("Buildless", words, PAGE, partial(buildless_page, encoding), encoding),
        )
    ),
)


@dataclass(frozen=True)
class Outcome:
    """The result of a run: its requests, the responses, and the filed events."""

    exchanges: tuple[Exchange, ...]
    sent: list[Wire]
    events: list[Event]
    wire: list[Wire]
    rejected: list[str]
    warnings: list[str]

    @property
    def posts(self) -> list[Exchange]:
        """The requests without preflights."""
        return [each for each in self.exchanges if each.method == "POST"]

    @property
    def wire_in_order(self) -> list[str]:
        """The events as Tally returns them, sorted."""
        return in_order(self.wire)

    @property
    def sent_in_order(self) -> list[str]:
        """The events as sent, sorted."""
        return in_order(self.sent)

    @property
    def is_as_sent(self) -> bool:
        """True if all events are returned as sent."""
        return self.wire_in_order == self.sent_in_order

    @property
    def asked_for(self) -> list[str]:
        """The headers requested by preflights."""
        asked = [each.headers.get("access-control-request-headers", "") for each in self.exchanges]
        return sorted({name.strip() for names in asked for name in names.split(",")} - {""})

    @property
    def paths(self) -> list[str]:
        """The request paths without keys and parameters."""
        return sorted({urlsplit(post.path).path for post in self.posts})

    @property
    def media(self) -> list[str]:
        """The content types of the requests."""
        types = {post.headers.get("content-type", "").partition(";")[0] for post in self.posts}
        return sorted(types)


def in_order(wire: list[Wire]) -> list[str]:
    """Return events as sorted texts for comparison, since requests are sent concurrently."""
    return sorted(json.dumps(each, sort_keys=True) for each in wire)


def outcome_of(run: Run, told: Told) -> Outcome:
    """Let a client send, file the requests, and return what was added."""
    known = set(Event.objects.values_list("pk", flat=True))
    rejected = set(RejectedEvent.objects.values_list("pk", flat=True))
    warned = _warnings()
    run.send(told)
    drain()
    found = Event.objects.exclude(pk__in=known).select_related("owner", "source").order_by("id")
    events = list(found)
    new_warnings = {key for key, count in _warnings().items() if count > warned.get(key, 0)}
    return Outcome(
        exchanges=tuple(told.recorder.exchanges),
        sent=run.sent(told.recorder.posts),
        events=events,
        wire=[as_wire(each) for each in events],
        rejected=[str(row) for row in RejectedEvent.objects.exclude(pk__in=rejected)],
        warnings=sorted(f"{kind} `{path}` {code}" for kind, path, code in new_warnings),
    )


def _warnings() -> dict[tuple[str, str, str], int]:
    rows = WarningHour.objects.values_list("kind", "path", "code").annotate(sum=Sum("count")).order_by()
    return {(kind, path, code): count for kind, path, code, count in rows}
