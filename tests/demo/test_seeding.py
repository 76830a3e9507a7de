"""The demo's data is lifelike, complete and reproducible."""

from datetime import UTC, datetime, timedelta

import pytest

from events.event import Event
from events.kinds import KINDS
from events.ownership.api_key import ApiKey
from events.ownership.owner import Owner
from events.store.silent import silent_sources
from events.store.usage import UsageHour, WarningHour
from ingestion import verification
from ingestion.rejected.event import RejectedEvent
from telemetry_project.demo import home, script, seeding
from telemetry_project.demo.posting import Post
from telemetry_project.demo.rhythm import Period

UNTIL = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def small(seed: int = 1) -> list[Post]:
    return script.posts(seed, Period.before(UNTIL, 3), 300)


def seed_small() -> seeding.Counts:
    return seeding.send(small(), lambda _: None)


def test_a_small_demo_has_all_kinds_and_encodings() -> None:
    counts = seed_small()

    assert set(Event.objects.values_list("kind", flat=True)) == set(KINDS)
    assert {(post.dialect, post.encoding) for post in small()} == {
        ("availity", "json"),
        ("availity", "form"),
        ("sunbird", "json"),
        ("buildless", "json"),
        ("buildless", "query"),
        ("buildless", "protobuf"),
        ("buildless", "ndjson"),
    }
    assert 250 <= sum(counts) <= 420
    assert counts.duplicates > 0
    assert 0 < counts.rejected < 15


def test_tables_and_counters_agree() -> None:
    seed_small()

    assert [difference for difference in verification.differences() if difference] == []


def test_events_are_filed_soon_after_their_receipt() -> None:
    seed_small()

    lags = {event.ingested_at - event.received_at for event in Event.objects.all()}
    assert max(lags) <= seeding.FILED_AFTER, "the pipeline's page tells how long that takes"


def test_the_same_seed_and_end_make_the_same_events() -> None:
    first = seed_small()
    ids = set(Event.objects.values_list("id", flat=True))

    second = seed_small()

    assert set(Event.objects.values_list("id", flat=True)) == ids
    assert second.stored == 0
    assert second.duplicates == sum(first)


def test_another_seed_makes_other_events() -> None:
    assert {post.body for post in small(1)}.isdisjoint(post.body for post in small(2))


def test_events_arrive_over_the_whole_period_and_never_after_it() -> None:
    posts = script.posts(1, Period.before(UNTIL, 14), 3_000)

    days = {post.received_ms // 86_400_000 for post in posts}
    assert len(days) >= 14
    assert max(post.received_ms for post in posts) <= UNTIL.timestamp() * 1000


def test_some_events_have_warnings_and_some_are_rejected() -> None:
    seeding.send(script.posts(1, Period.before(UNTIL, 14), 2_000), lambda _: None)

    assert {rejected.code for rejected in RejectedEvent.objects.all()} >= {"unknown_kind", "missing"}
    assert WarningHour.objects.filter(path="edata.uri", code="missing").exists()


def test_a_new_release_has_more_errors() -> None:
    seeding.send(script.posts(1, Period.before(UNTIL, 14), 6_000), lambda _: None)

    def errors(version: str) -> float:
        events = Event.objects.filter(source__name="portal", version=version)
        return events.filter(kind="error").count() / events.values("session").distinct().count()

    assert errors("2.1.0") > 3 * errors("2.0.4")


def test_bots_visit_the_portal_and_are_left_out_of_figures_of_people() -> None:
    seeding.send(script.posts(1, Period.before(UNTIL, 14), 6_000), lambda _: None)

    bots = Event.objects.filter(is_bot=True)
    assert {event.source.name for event in bots.select_related("source")} == {"portal"}
    assert set(bots.values_list("browser", flat=True)) == {"Googlebot", "HeadlessChrome"}
    assert 50 < bots.count() < 300
    assert bots.filter(kind="assess").exists(), "the page on learning says how many of theirs it leaves out"


def test_a_service_falls_silent() -> None:
    seeding.send(script.posts(1, Period.before(UNTIL, 14), 2_000), lambda _: None)

    last = Event.objects.filter(source__name="content-service").latest("id")
    assert timedelta(days=1) < UNTIL - last.occurred_at < timedelta(days=3)
    assert [each.name for each in silent_sources(UsageHour.objects.all(), UNTIL)] == ["content-service"]


def test_the_demo_is_an_organization_of_its_own() -> None:
    seed_small()

    owners = Owner.objects.filter(organization__slug=home.SLUG)
    assert set(owners.values_list("name", flat=True)) == set(home.CONTACTS)
    assert not Event.objects.exclude(owner__in=owners).exists()


def test_keys_used_for_seeding_cannot_be_used_afterwards() -> None:
    seed_small()

    assert not ApiKey.objects.usable().exists()
