"""Places of events: looked up in a real City database or declared; the address itself isn't stored."""

import logging
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from events.enrichment import place
from events.enrichment.place import geohash
from events.event import Event
from events.store.details import as_wire
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected.event import RejectedEvent
from tests.enrichment import city
from tests.enrichment.taken import enriched
from tests.sending import AVAILITY, EMIT, SUNBIRD, Sender, emitted, file_all, log_event, message, only_event
from tests.wire import samples

PLACE = tuple(city.IN_OAKLAND)
OAKLAND_GEOHASH = "9q9p1djft"


def looked_up(address: str) -> dict[str, Any]:
    return place.place_columns(place.record_of(ip_address(address)))


def test_an_address_gets_its_place_from_the_database(database: Path) -> None:
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND
    assert looked_up(city.BERLIN) == city.IN_BERLIN
    assert looked_up(city.NOWHERE) == {}
    assert place.status() == place.OK


@pytest.mark.parametrize("record", [None, 5, "US", [], {"country": "US", "city": [], "subdivisions": {}}])
def test_a_database_of_another_type_is_ignored(record: Any) -> None:
    assert place.place_columns(record) == {}


def test_an_ipv4_database_has_no_ipv6_addresses(database: Path) -> None:
    city.write(database, version=4)
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND
    assert looked_up(city.BERLIN) == {}


def test_a_changed_database_is_reopened(database: Path) -> None:
    assert looked_up(city.OAKLAND)["locality"] == "Oakland"
    city.write(database, {"192.0.2.0/24": {"city": {"names": {"en": "Alameda"}}}})
    assert looked_up(city.OAKLAND) == {"locality": "Alameda"}
    database.unlink()
    assert looked_up(city.OAKLAND) == {}
    assert place.status() == place.UNREADABLE


def test_the_file_is_not_checked_on_every_request(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOOK_SECONDS", 3600.0)
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND
    city.write(database, {})
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND


def test_a_damaged_file_is_reported_once_and_the_previous_one_kept(
    database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND
    damaged = database.with_name("damaged")
    damaged.write_bytes(b"no database at all")
    damaged.rename(database)
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND
    assert looked_up(city.OAKLAND) == city.IN_OAKLAND
    assert [record.message for record in caplog.records] == ["GEOIP_DATABASE can't be read"]


def test_the_database_is_optional(settings: Any, client: Client, db: None) -> None:
    settings.GEOIP_DATABASE = ""
    place.reset()
    assert looked_up(city.OAKLAND) == {}
    assert client.get("/readyz").json()["places"] == place.OFF


@pytest.mark.parametrize("path", [SUNBIRD, AVAILITY, EMIT])
def test_events_of_every_dialect_get_their_senders_place(database: Path, sender: Sender, path: str) -> None:
    sent = {SUNBIRD: {"events": [log_event()]}, AVAILITY: message(), EMIT: emitted()}[path]
    sender.client.defaults["REMOTE_ADDR"] = city.OAKLAND
    assert sender.post(path, sent).status_code in (200, 201)
    file_all()
    event = only_event()
    assert {name: getattr(event, name) for name in PLACE} == city.IN_OAKLAND
    assert event.geohash == OAKLAND_GEOHASH
    assert as_wire(event) == (sent["events"][0] if path == SUNBIRD else sent)


def test_the_hash_of_an_address_is_stable_within_an_organization(sender: Sender, make_sender: Any) -> None:
    other = make_sender("Others", organization_slug="other")
    sender.batch(log_event("LOG:1"))
    sender.batch(log_event("LOG:2"))
    other.batch(log_event("LOG:3"))
    file_all()
    first, second, third = Event.objects.order_by("client_event_id").values_list("address_hash", flat=True)
    assert first == second != third
    assert len(first or "") == 64


def test_the_address_is_neither_stored_nor_logged(
    database: Path, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sender.client.defaults["REMOTE_ADDR"] = city.OAKLAND
    sender.batch(log_event(), {"eid": "NONE"})
    sender.post(EMIT, emitted())
    sender.post(AVAILITY, message())
    waiting = list(InboxRequest.objects.values_list("context", flat=True))
    assert len(waiting) == 3
    assert all(context["country"] == "US" for context in waiting)
    assert city.OAKLAND not in str(waiting)
    file_all()
    assert RejectedEvent.objects.count() == 1
    assert city.OAKLAND not in caplog.text
    assert [table for table in connection.introspection.table_names() if holds(table, city.OAKLAND)] == []


def holds(table: str, text: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM "{table}" whole WHERE whole::text LIKE %s LIMIT 1', [f"%{text}%"])
        return cursor.fetchone() is not None


OAKLAND = {name: str(value) for name, value in city.IN_OAKLAND.items()}


def declared(**location: Any) -> dict[str, Any]:
    """Return the place of a Buildless event from Oakland that declares a location."""
    event = samples.with_value(samples.minimal("emitted_event"), "event.location", location)
    envelope = enriched("emitted_event", event, OAKLAND).envelope
    return {name: envelope[name] for name in (*PLACE, "geohash", "edge") if name in envelope}


def test_declared_places_take_precedence_over_the_database() -> None:
    found = declared(locality="Berkeley", point={"lat": 37.87, "lon": -122.27}, edge="sfo")
    assert found == city.IN_OAKLAND | {
        "locality": "Berkeley",
        "latitude": 37.87,
        "longitude": -122.27,
        "geohash": geohash(37.87, -122.27),
        "edge": "sfo",
    }


def test_a_declared_other_country_disables_the_lookup() -> None:
    assert declared(country="DE") == {"country": "DE"}
    assert declared(country="US") == city.IN_OAKLAND | {"geohash": OAKLAND_GEOHASH}


def test_a_coordinate_omitted_by_proto3_is_zero() -> None:
    found = declared(point={"lon": 6.73})
    assert (found["latitude"], found["longitude"]) == (0.0, 6.73)


def test_an_invalid_point_has_no_geohash() -> None:
    assert declared(point={"lat": 100, "lon": 0}).get("geohash") is None
