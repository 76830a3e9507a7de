"""Enriching stored events again: with other settings, twice, in parts, while events arrive."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from events.enrichment import NAMES
from events.event import Event
from events.kinds import KINDS
from events.store import reenriching
from events.store.details import as_wire, detail_of
from tests.enrichment.test_agents import CHROME, PIXEL
from tests.enrichment.test_emails import DANA, HASH
from tests.enrichment.test_places import holds
from tests.sending import (
    AVAILITY,
    EMIT,
    SUNBIRD,
    Sender,
    differences,
    emitted,
    file_all,
    log_event,
    message,
    now_ms,
)
from tests.wire import samples


def reenrich(**options: Any) -> str:
    out = StringIO()
    arguments = [f"--{name}={value}" for name, value in options.items()]
    call_command("reenrich", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def rows() -> dict[Any, Any]:
    """Return all columns of all events, and their wire form."""
    return {
        event.id: (
            {field.attname: getattr(event, field.attname) for field in Event._meta.concrete_fields},
            {
                field.attname: getattr(detail_of(event), field.attname)
                for field in KINDS[event.kind].model._meta.concrete_fields
            },
            as_wire(event),
        )
        for event in Event.objects.select_related("owner", "source")
    }


def wires() -> dict[Any, Any]:
    return {pk: wire for pk, (_, _, wire) in rows().items()}


def send_all(sender: Sender) -> None:
    """Send events of every kind, and some whose columns differ from what was sent."""
    agent = {"User-Agent": PIXEL}
    kinds = [samples.complete(kind, ms=now_ms()) for kind in samples.SUNBIRD]
    start = samples.with_value(samples.minimal("start", ms=now_ms()), "edata.uaspec", {"raw": CHROME})
    federated = log_event(
        "LOG:f", actor={"id": "f:x:u1", "type": "User", "more": 1}, object={"id": "ab", "type": "qr"}
    )
    odd = log_event("LOG:o", actor={"id": DANA, "type": 5}, surprise={"n": 1e22}, tags=["\x00"])
    sender.post(SUNBIRD, {"events": [*kinds, start, federated, odd]}, **agent)
    sender.post(AVAILITY, samples.with_value(message(), "telemetryBody.entries.userId", DANA), **agent)
    form = "owner=YourTeam&source_system=s&contact=A@b.c&version=v1&telemetryBody.level=WARN&payerId=null"
    sender.post(AVAILITY, form, "application/x-www-form-urlencoded", **agent)
    point = {"country": "DE", "point": {"lon": 7.5}}
    client = {"agent": {"name": "CLI"}, "os": {"family": "LINUX"}}
    sender.post(EMIT, emitted("plain0000000000", location=point, detail={"client": client}), **agent)
    for number, tenant in enumerate(("org_other", "acme", "", None, 5)):
        sender.post(EMIT, emitted(f"tenant000000000{number}", tenant=tenant, user="somebody"), **agent)
    sender.key.user = User.objects.create(username="dana")
    sender.key.save()
    from events.ownership import senders  # as in a new process

    senders.forget()
    sender.post(EMIT, emitted("personal0000000", user="somebody"), **agent)
    sender.post(EMIT, emitted("filled000000000"), **agent)
    file_all()


def test_without_changed_settings_nothing_changes(sender: Sender) -> None:
    send_all(sender)
    before = rows()
    assert len(before) == 29
    assert reenrich() == "29 events, 0 rows changed.\n"
    assert rows() == before


@pytest.mark.parametrize("name", [*reenriching.FIELDS, "all"])
def test_parts_that_were_off_are_computed_later(sender: Sender, settings: Any, name: str) -> None:
    settings.ENRICHMENT = [other for other in NAMES if other not in (name, *([] if name != "all" else NAMES))]
    if name in ("all", "user_agent"):
        settings.ENRICHMENT = [*settings.ENRICHMENT, "user_agent"]
    send_all(sender)
    plain = rows()
    settings.ENRICHMENT = ["all"]
    reenrich(**({} if name == "all" else {"fields": name}))
    enriched = rows()
    assert {pk: wire for pk, (_, _, wire) in enriched.items()} == {
        pk: wire for pk, (_, _, wire) in plain.items()
    }
    assert reenrich() == "29 events, 0 rows changed.\n"
    assert (enriched != plain) is (name != "user_agent")
    assert differences() == []


def test_parts_switched_off_are_undone_without_losing_event_data(sender: Sender, settings: Any) -> None:
    send_all(sender)
    before = wires()
    settings.ENRICHMENT = []
    reenrich()
    assert wires() == before
    federated = Event.objects.get(client_event_id="LOG:f")
    assert (federated.actor, federated.object_id, federated.extra) == ("f:x:u1", "ab", {"actor": {"more": 1}})
    assert not Event.objects.exclude(browser=None).exists()
    assert Event.objects.exclude(user_agent=None).exists()
    settings.ENRICHMENT = ["all"]
    reenrich()
    assert wires() == before
    assert Event.objects.get(client_event_id="LOG:f").actor == "u1"


def test_stored_addresses_are_replaced_for_good(sender: Sender, settings: Any) -> None:
    sender.batch(log_event(actor={"id": DANA, "type": "User"}))
    file_all()
    settings.EMAIL_ADDRESSES = "replace"
    reenrich(fields="emails")
    assert Event.objects.get().actor == HASH
    assert not holds("events_event", DANA)
    settings.EMAIL_ADDRESSES = "keep"
    before = rows()
    reenrich()
    assert rows() == before


def test_only_the_given_period_and_fields_are_enriched(sender: Sender, settings: Any) -> None:
    settings.ENRICHMENT = []
    now = timezone.now()
    days = [now - timedelta(days=number) for number in range(4)]
    for number, day in enumerate(days):
        sender.post(
            EMIT, emitted(f"span00000000000{number}", timing={"occurred": str(int(day.timestamp() * 1000))})
        )
    file_all()
    settings.ENRICHMENT = ["all"]
    # Both ends are rounded down to milliseconds, like the times of events.
    span = {"since": days[2].isoformat(), "until": days[0].isoformat()}
    assert reenrich(fields="time_hash", **span) == "2 events, 2 rows changed.\n"
    ordered = list(Event.objects.order_by("-id").values_list("time_hash", "actor_email_hash"))
    assert [bool(time_hash) for time_hash, _ in ordered] == [False, True, True, False]


def test_an_interrupted_run_says_where_to_continue(
    sender: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ENRICHMENT = []
    for number in range(5):
        sender.post(EMIT, emitted(f"pieces000000000{number}"))
    file_all()
    settings.ENRICHMENT = ["all"]
    monkeypatch.setattr(reenriching, "BATCH", 2)
    calls = []
    real = reenriching.batch

    def interrupted(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr("events.management.commands.reenrich.batch", interrupted)
    error = StringIO()
    with pytest.raises(KeyboardInterrupt):
        call_command("reenrich", stdout=StringIO(), stderr=error)
    assert Event.objects.exclude(time_hash=None).count() == 2
    words = error.getvalue().split()
    assert words[-2] == "--after"
    assert reenrich(after=words[-1]).startswith("3 events, ")
    assert Event.objects.exclude(time_hash=None).count() == 5


def test_the_next_batch_is_found_by_its_ids(sender: Sender, django_assert_max_num_queries: Any) -> None:
    send_all(sender)
    first = Event.objects.order_by("id").first()
    assert first is not None
    with django_assert_max_num_queries(50) as queries:
        reenriching.batch(first.id, None, ["time_hash"])
    select = next(query["sql"] for query in queries if "FOR UPDATE" in query["sql"])
    with connection.cursor() as cursor:
        for way in ("seqscan", "bitmapscan", "sort"):  # which are best for so few rows
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute("EXPLAIN " + select)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "OFFSET" not in select
    assert "Index Scan" in plan
    assert "Sort" not in plan


@pytest.mark.parametrize("fields", ["", "place", "time_hash,colour"])
def test_an_unknown_field_is_named(db: None, fields: str) -> None:
    with pytest.raises(CommandError, match="time_hash"):
        reenrich(fields=fields)
