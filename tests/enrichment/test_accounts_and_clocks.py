"""Enrichment from keys, headers and clocks, and the switch of each part."""

from typing import Any

import pytest
from django.contrib.auth.models import User

from events.enrichment import NAMES, facts_of
from events.event import Event
from events.kinds.emitted_event import EmittedEvent
from events.kinds.ui_action import UiAction
from events.store.details import as_wire, detail_of
from events.store.usage import WarningHour
from tests.enrichment.taken import enriched
from tests.sending import (
    AVAILITY,
    EMIT,
    SUNBIRD,
    Sender,
    emitted,
    file_all,
    log_event,
    message,
    now_ms,
    only_event,
)
from tests.wire import samples


def differing() -> list[str]:
    return list(WarningHour.objects.filter(code="differs").values_list("path", flat=True))


def test_tenant_and_scope_come_from_the_key_and_are_not_returned(sender: Sender) -> None:
    event = emitted()
    sender.post(EMIT, event)
    file_all()
    stored = EmittedEvent.objects.get()
    assert (stored.tenant, stored.user, stored.account_scope) == ("org_acme", None, "tenant::acme")
    assert as_wire(only_event()) == event
    assert differing() == []


def test_a_personal_key_sets_the_user(sender: Sender) -> None:
    sender.key.user = User.objects.create(username="dana")
    sender.key.save()
    event = emitted(detail={"user": {"uid": "u9"}})
    sender.post(EMIT, event)
    file_all()
    assert EmittedEvent.objects.get().user == "dana"
    assert only_event().actor == "dana"
    assert as_wire(only_event()) == event


def test_a_differing_tenant_of_the_client_is_kept_with_a_warning(sender: Sender) -> None:
    sender.key.user = User.objects.create(username="dana")
    sender.key.save()
    event = emitted(tenant="org_other", user="somebody")
    sender.post(EMIT, event)
    file_all()
    stored = EmittedEvent.objects.get()
    assert (stored.tenant, stored.user) == ("org_acme", "dana")
    assert only_event().extra == {"event": {"tenant": "org_other", "user": "somebody"}}
    assert as_wire(only_event()) == event
    assert sorted(differing()) == ["event.tenant", "event.user"]


@pytest.mark.parametrize("tenant", ["acme", "org_acme", "", None, 5, ["acme"]])
def test_the_keys_tenant_or_none_causes_no_warning(sender: Sender, tenant: Any) -> None:
    event = emitted(tenant=tenant)
    sender.post(EMIT, event)
    file_all()
    assert EmittedEvent.objects.get().tenant == "org_acme"
    assert as_wire(only_event()) == event
    assert differing() == []


def test_a_key_of_an_organization_does_not_set_the_user(sender: Sender) -> None:
    sender.post(EMIT, emitted(user="u7"))
    file_all()
    assert (EmittedEvent.objects.get().user, only_event().actor) == ("u7", "u7")


def test_federated_actors_and_dial_codes_are_corrected_but_returned_as_sent(sender: Sender) -> None:
    event = log_event(
        actor={"id": "f:5a8a3f2b:874ed8a5", "type": "User", "more": 1},
        object={"id": "abc12d", "type": "DialCode"},
    )
    sender.batch(event)
    file_all()
    stored = only_event()
    assert (stored.actor, stored.object_id) == ("874ed8a5", "ABC12D")
    assert as_wire(stored) == event


@pytest.mark.parametrize(("kind", "corrected"), [("QR", "ABC"), ("dialcode", "ABC"), ("Content", "abc")])
def test_only_dial_codes_are_upper_cased(kind: str, corrected: str) -> None:
    taken = enriched("log", log_event(object={"id": "abc", "type": kind}))
    assert taken.envelope["object_id"] == corrected


@pytest.mark.parametrize("name", ["ets", "ts"])
def test_the_clock_of_a_batch_is_compared_with_the_servers(sender: Sender, name: str) -> None:
    sent = log_event(ets=now_ms() - 1_000)
    sender.post(SUNBIRD, {name: now_ms() + 3_600_000, "events": [sent]})
    file_all()
    stored = only_event()
    assert stored.clock_skew_ms is not None
    assert 3_500_000 < stored.clock_skew_ms <= 3_600_000
    assert as_wire(stored) == sent


@pytest.mark.parametrize("ets", [None, "x", -1, 1e300, {}])
def test_a_batch_without_a_time_has_no_skew(sender: Sender, ets: Any) -> None:
    sender.post(SUNBIRD, {"ets": ets, "events": [log_event()]})
    file_all()
    assert only_event().clock_skew_ms is None


def test_the_edge_is_read_from_the_configured_header(sender: Sender, settings: Any) -> None:
    settings.EDGE_HEADER = "CF-Ray"
    sender.batch(log_event(), **{"CF-Ray": "8f1-FRA"})
    file_all()
    assert only_event().edge == "8f1-FRA"


def test_a_long_user_agent_is_truncated(sender: Sender) -> None:
    sender.batch(log_event(), **{"User-Agent": "\x01é" * 5_000})
    file_all()
    assert len(only_event().user_agent or "") == 1_000


@pytest.mark.parametrize("level", ["info", "WARNING"])
def test_a_level_is_normalised_and_its_spelling_kept(sender: Sender, level: str) -> None:
    sent = samples.with_value(message(), "telemetryBody.level", level)
    sender.post(AVAILITY, sent)
    file_all()
    stored = UiAction.objects.get()
    assert (stored.level, stored.severity) == (level, {"info": "info", "WARNING": "warn"}[level])
    assert as_wire(only_event()) == sent


COMPUTED = {
    "account": (EMIT, "account_scope"),
    "time_hash": (EMIT, "time_hash"),
    "address_hash": (SUNBIRD, "address_hash"),
    "user_agent": (SUNBIRD, "browser"),
    "edge": (SUNBIRD, "edge"),
    "clock_skew": (SUNBIRD, "clock_skew_ms"),
    "place": (EMIT, "country"),
    "geohash": (EMIT, "geohash"),
    "reference": (SUNBIRD, "actor"),
    "level": (AVAILITY, "severity"),
    "emails": (AVAILITY, "contact_hash"),
}
POINT = {"country": "DE", "point": {"lat": 1, "lon": 2}}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("is_on", [True, False])
def test_each_part_of_enrichment_can_be_switched_off(
    sender: Sender, settings: Any, name: str, is_on: bool
) -> None:
    settings.EDGE_HEADER = "X-Edge"
    settings.ENRICHMENT = [name, "place"] if is_on else [other for other in NAMES if other != name]
    path, column = COMPUTED[name]
    sent = {
        EMIT: emitted(location=POINT),
        SUNBIRD: {"ets": now_ms(), "events": [log_event(actor={"id": "f:x:u1", "type": "User"})]},
        AVAILITY: message(),
    }[path]
    sender.post(path, sent, **{"User-Agent": "curl/8.5.0", "X-Edge": "fra"})
    file_all()
    event = Event.objects.get()
    holder = event if hasattr(event, column) else detail_of(event)
    found = getattr(holder, column)
    off = "f:x:u1" if column == "actor" else None
    assert (found != off) is is_on
    assert as_wire(event) == (sent["events"][0] if path == SUNBIRD else sent)


def test_only_needed_headers_of_a_request_are_kept(settings: Any) -> None:
    settings.ENRICHMENT = []
    assert facts_of({"user_agent": "curl/8.5.0"}).columns == {}
