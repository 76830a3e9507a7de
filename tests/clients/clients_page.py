"""Generates docs/reference/clients.md from what real clients sent and what arrived."""

from collections.abc import Iterator, Mapping

from telemetry_project.stack.paths import REPOSITORY
from tests.clients.runs import PAGE as ON_A_PAGE
from tests.clients.runs import RUNS, Outcome, Run

PAGE = REPOSITORY / "docs" / "reference" / "clients.md"
HEAD = """# Clients

What the formats' own clients send to Tally, and what arrives. The tests in `tests/clients/` run each of
them against the production server, under Node and in Chromium on a page of another origin. On the page
a script adds the headers of tracing libraries (OpenTelemetry, Zipkin, Sentry, Datadog, New Relic) to
every request, as these libraries do. `make docs-clients` writes this page, and a test fails if it is
out of date.

"As sent" means that Tally gives back the same JSON values that went over the wire. [Connect
applications](../how-to/connect-applications.md) has the settings of each client, [formats.md](formats.md)
the fields.
"""
SECTIONS = {
    "Sunbird": """\
`@project-sunbird/telemetry-sdk`: all of its methods, once each. Version 2.0.1 posts to `host` +
`endpoint`, 1.3.0 and 0.0.29 to `host` + `apislug` (`/action`) + `endpoint`. A slash too many between
them does no harm.

Versions 1.3.0 and 0.0.29 are scripts that need jQuery on the page. Under Node they need `ajv` and a
`dispatcher`: they only make events, and the service posts them. Unless the application sets the
`duration` of START, they send the current time in seconds since 1970; hence the warning.
""",
    "Availity": """\
`@availity/analytics-core` with `@availity/api-axios` 10.0.0. Under Node, axios posts an event and a
page view. On the page a click is sent by beacon, which has no preflight and no headers of its own. An
event of more than 64 KiB is sent by XMLHttpRequest, with a preflight. Version 7.3.5 asks for Node 22,
and runs under Node 20 too.
""",
    "Buildless": """\
There is no public client. These are requests by `fetch`; protobuf.js encodes by
`ingestion/dialects/buildless.proto`. The event has every field that a client may set, but query
parameters can't have lists (`event.context`, `event.detail.client.tool`).
""",
}
COLUMNS = ("version", "runs in", "requests", "preflight", "answer", "arrived", "quality warnings")
TITLES = {"Sunbird": "Sunbird's SDK", "Availity": "Availity's client", "Buildless": "Buildless"}


def page(outcomes: Mapping[str, Outcome]) -> str:
    """Return the page about the outcomes of all runs, given by the run's name."""
    return "\n".join([HEAD, *(line for name in SECTIONS for line in _section(name, outcomes))])


def _section(name: str, outcomes: Mapping[str, Outcome]) -> Iterator[str]:
    runs = [run for run in RUNS if run.format == name]
    yield f"## {TITLES[name]}\n\n{SECTIONS[name]}"
    columns = ("encoding", *COLUMNS[1:]) if name == "Buildless" else COLUMNS
    yield f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}"
    for run in runs:
        yield f"| {' | '.join(_row(run, outcomes[run.name]))} |"
    asked = sorted({each for run in runs for each in outcomes[run.name].asked_for})
    yield f"\nPreflights asked for {_codes(asked)}.\n"


def _row(run: Run, outcome: Outcome) -> Iterator[str]:
    yield run.version
    yield run.where
    media = [each for each in outcome.media if each]
    body = f", {_codes(media)}" if media else ", no body"
    yield f"{len(outcome.posts)} to {_codes(outcome.paths)}{body}"
    yield _preflight(run, outcome)
    yield ", ".join(sorted({str(post.status) for post in outcome.posts}))
    yield _arrived(outcome)
    yield ", ".join(outcome.warnings) or "none"


def _preflight(run: Run, outcome: Outcome) -> str:
    if run.where != ON_A_PAGE:
        return "none"
    preflights = [each for each in outcome.exchanges if each.method == "OPTIONS"]
    return "allowed" if {each.status for each in preflights} == {204} else "refused"


def _arrived(outcome: Outcome) -> str:
    how = "as sent" if outcome.is_as_sent else "**not as sent**"
    kinds = {each.kind for each in outcome.events}
    of = f" of {len(kinds)} kinds" if len(kinds) > 1 else ""
    plural = "" if len(outcome.sent) == 1 else "s"
    return f"{len(outcome.events)} of {len(outcome.sent)} event{plural}{of}, {how}"


def _codes(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
