"""Pipeline: the health of the pipeline, for operators of this Tally. The page refreshes itself."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse

from reports.charts.numbers import BYTES, SECONDS, SHARE, count, mean
from reports.charts.table import Amount, Column, Row, Table
from reports.charts.time_chart import Series, TimeChart, buckets_of
from reports.figures.broker import Broker
from reports.figures.pipeline import Backlog, Pipeline, pipeline
from reports.filters import Filters
from reports.pages.health.pipeline_checks import CEILING, CHECKS, Check, failing, in_words
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Empty, Figure, Report
from reports.pages.words import in_utc_hours, plural

EVENTS = count("events")
REFRESH_SECONDS = 10
NEAR_CEILING = 0.8
HUES = {"stored": 2, "duplicates": 7, "rejected": 1}
# Destinations of mail, by the module of the backend.
MAIL = {
    "reports.mail.files": "Mail is written to files under {folder}. Set EMAIL_URL to send it.",
    "django.core.mail.backends.smtp": "Mail goes to {host}.",
}


def build(filters: Filters, context: Context) -> Report:
    """Build the report."""
    found = pipeline(filters, context.now)
    bad = failing(found)
    return Report(
        answer=_answer(found, bad),
        figures=tuple(_figures(found)),
        attention=tuple(Attention(_sentence(check, found), _link(check)) for check in bad),
        blocks=(
            _throughput(found, filters, context),
            _states(found),
            _workers(found),
            _backlogs(found, filters),
            _ceilings(found),
            _partitions(found),
        ),
        note=f"As of {context.now.astimezone(filters.period.zone):%H:%M:%S} ({filters.period.zone.key});"
        f" refreshed every {REFRESH_SECONDS} seconds while the page is open.",
    )


def _answer(found: Pipeline, bad: list[Check]) -> str:
    """Return the summary sentence."""
    if bad:
        parts = ", ".join(dict.fromkeys(check.part.lower() for check in bad))
        return f"{plural(len(bad), 'value')} {'wants' if len(bad) == 1 else 'want'} attention: {parts}."
    waits = "nothing waits" if not found.inbox.requests else f"{_requests(found)} to be filed"
    lag = "" if found.filing.p95 is None else f"; 95 of 100 events are filed within {_lag(found.filing.p95)}"
    return f"Everything works: {waits}{lag}."


def _requests(found: Pipeline) -> str:
    waiting = found.inbox.requests
    return f"{plural(waiting, 'request')} {'waits' if waiting == 1 else 'wait'}"


def _lag(seconds: float) -> str:
    return SECONDS.short(seconds)


def _sentence(check: Check, found: Pipeline) -> str:
    if check.part == "Broker" and found.broker.fault:
        return f"{found.broker.fault} {check.advice}"
    if check.title == CEILING:
        owner = max(found.uses, key=lambda use: use.share).owner
        return f"{owner} uses {in_words(check, found)} of its limit of bytes. {check.advice}"
    return f"{check.title}: {in_words(check, found)}. {check.advice}"


def _link(check: Check) -> str:
    return reverse(f"admin:{check.page}") if check.page else ""


def _figures(found: Pipeline) -> list[Figure]:
    filing, bad = found.filing, {check.title for check in failing(found)}
    quick = [f"half within {_lag(filing.p50)}" if filing.p50 is not None else ""]
    quick += [f"99 of 100 within {_lag(filing.p99)}" if filing.p99 is not None else ""]
    return [
        Figure(
            "Requests waiting",
            found.inbox.requests,
            count("requests"),
            note=plural(found.inbox.events, "event"),
            href=reverse("admin:ingestion_inboxrequest_changelist"),
            tone="bad" if "Requests waiting" in bad else "",
        ),
        Figure(
            "Oldest request",
            found.inbox.oldest or 0.0,
            SECONDS,
            note="" if found.inbox.requests else "nothing waits",
            href=reverse("admin:ingestion_inboxrequest_changelist"),
            tone="bad" if "Age of the oldest request" in bad else "",
        ),
        Figure(
            "Time from receipt to storage, 95th percentile",
            filing.p95,
            SECONDS,
            note=", ".join(filter(None, quick)) or "no event in the last day",
            href="#states",
        ),
        Figure(
            "Filed a second",
            filing.per_second,
            mean("events a second"),
            note="in the last minute",
            href="#throughput",
        ),
    ]


def _throughput(found: Pipeline, filters: Filters, context: Context) -> Block:
    series = tuple(Series(name, values, HUES[name]) for name, values in found.throughput.items())
    received = sum(value or 0 for values in found.throughput.values() for value in values)
    sentence = f"{plural(received, 'event')} in this period." if received else ""
    period = filters.period.by_utc_hours()
    buckets = buckets_of(period, filters.granularity, context.now, context.links.days)
    chart = TimeChart(
        f"Events stored, duplicated and rejected, by time of receipt. {sentence}",
        period,
        buckets,
        series,
        EVENTS,
    )
    return Block(
        "throughput",
        "Filed over time",
        sentence,
        chart,
        empty=Empty("Nothing was filed", "Once applications send events, they appear here within seconds."),
        note=f"By hour of receipt (UTC), of all owners. {in_utc_hours(filters.period, 'It is')}".rstrip(),
    )


def _states(found: Pipeline) -> Block:
    columns = (
        Column("part", "Part"),
        Column("measure", "What"),
        Column("value", "Now", is_amounts=True),
        Column("limit", "Wants attention"),
        Column("state", "State"),
        Column("advice", "What to do", is_prose=True),
    )
    rows = []
    bad = failing(found)
    for check in (*bad, *(check for check in CHECKS if check not in bad)):
        value, is_bad = check.value(found), check.fails(found)
        state = "wants attention" if is_bad else "not known" if value is None else "well"
        rows.append(
            Row(
                (check.part, check.title, Amount(value, check.unit), check.bound, state, check.advice),
                href=_link(check),
                tones={"state": "bad" if is_bad else "good"} if value is not None else {},
            )
        )
    return Block("states", "States", table=Table(columns, tuple(rows)), note=_mail())


def _mail() -> str:
    """Return where mail is sent."""
    backend = settings.EMAIL_BACKEND.rpartition(".")[0]
    said = MAIL.get(backend, "Mail goes through {backend}.")
    folder = getattr(settings, "EMAIL_FILE_PATH", "")
    return said.format(folder=folder, host=settings.EMAIL_HOST, backend=settings.EMAIL_BACKEND)


def _workers(found: Pipeline) -> Block:
    broker = found.broker
    columns = (
        Column("worker", "Worker"),
        Column("processes", "Processes", count("processes")),
        Column("tasks", "Tasks done", count("tasks")),
        Column("uptime", "Runs for", SECONDS),
    )
    workers = broker.workers or ()
    rows = tuple(Row((each.name, each.processes, each.tasks, each.uptime)) for each in workers)
    facts = [broker.version and f"Broker {broker.version}"]
    facts += [f"{plural(broker.waiting, 'task')} waiting" if broker.waiting is not None else ""]
    facts += [f"{BYTES.short(broker.memory)} of memory" if broker.memory is not None else ""]
    sentence = broker.fault or (f"{', '.join(filter(None, facts))}." if any(facts) else "")
    return Block(
        "workers",
        "Workers and broker",
        f"{sentence} As of {_lag(round(broker.age))} ago.".lstrip() if broker.age >= 1 else sentence,
        table=Table(columns, rows),
        empty=_no_workers(broker),
        is_half=True,
    )


def _no_workers(broker: Broker) -> Empty:
    if broker.fault:
        return Empty(
            "No worker answers", "The broker knows which workers run. Once it answers, they appear here."
        )
    if broker.workers is None:
        return Empty(
            "Workers have not answered yet", "They may be busy. Their answers appear here within seconds."
        )
    return Empty(
        "No worker answers",
        "Start one: python -m telemetry_project.workers filing=2 rollups=2 mail=1 jobs=1.",
    )


def _backlogs(found: Pipeline, filters: Filters) -> Block:
    columns = (
        Column("what", "What waits"),
        Column("rows", "Rows", count("rows")),
        Column("since", f"Oldest since ({filters.period.zone.key})"),
    )
    rows = tuple(
        Row((name, backlog.rows, _since(backlog, filters)))
        for name, backlog in (("Pending sessions", found.sessions), ("Pending rollups", found.rollups))
    )
    return Block(
        "backlogs",
        "Backlogs",
        f"The database has {BYTES.short(found.database.size)} and"
        f" {found.database.connections:,} of {found.database.connections_most:,} connections.",
        table=Table(columns, rows),
        note="The drain adds a row for each session and quarter of an hour that it files events of.",
        is_half=True,
    )


def _ceilings(found: Pipeline) -> Block:
    columns = (
        Column("owner", "Owner"),
        Column("waiting", "Waiting", BYTES),
        Column("most_waiting", "Limit of waiting bytes", BYTES),
        Column("rejected", "Rejected", BYTES),
        Column("most_rejected", "Limit of rejected bytes", BYTES),
        Column("used", "Used", SHARE, has_bar=True),
    )
    rows = tuple(
        Row(
            (use.owner, use.waiting, use.most_waiting, use.rejected, use.most_rejected, use.share),
            tones={"used": "bad"} if use.share >= NEAR_CEILING else {},
        )
        for use in found.uses
    )
    return Block(
        "ceilings",
        "Bytes by owner",
        "The owners closest to their limits." if rows else "",
        table=Table(columns, rows),
        empty=Empty("No owner uses any bytes", "Nothing waits to be filed and nothing is rejected."),
        note="At a limit the owner's requests get 429 until events are filed, replayed or discarded."
        " Set the limits on the owner's page. Each row counts 1 KiB more than its body.",
    )


def _since(backlog: Backlog, filters: Filters) -> datetime | None:
    return backlog.since.astimezone(filters.period.zone) if backlog.since else None


def _partitions(found: Pipeline) -> Block:
    columns = (
        Column("week", "Week from", zone="UTC"),
        Column("partitions", "Partitions", count("partitions")),
        Column("events", "Events", EVENTS, has_bar=True, is_estimate=True),
        Column("size", "Size", BYTES, has_bar=True),
    )
    rows = tuple(Row((week.begins, week.partitions, week.events, week.size)) for week in found.weeks)
    size = BYTES.short(sum(week.size for week in found.weeks))
    return Block(
        "partitions",
        "Partitions",
        f"{plural(len(rows), 'week')} with {size}, indexes included; partitions for"
        f" {plural(found.weeks_ready, 'coming week')} exist.",
        table=Table(columns, rows),
        empty=Empty("There are no partitions", "Run manage.py prepare."),
        note="Numbers of events are estimates from the last ANALYZE.",
    )


PAGE = Page(
    "pipeline",
    "Pipeline",
    "water_pump",
    build,
    group="Operations",
    operators_only=True,
    filters=("period", "granularity", "zone"),
    refresh_seconds=REFRESH_SECONDS,
)
