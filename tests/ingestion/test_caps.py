"""Caps on sources and owners hold exactly under concurrency, and for each owner separately."""

from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection, transaction

from events.event import Event
from events.ownership import senders
from events.ownership.owner import Owner
from events.ownership.source import OVERFLOW, UNKNOWN, Source
from events.store import sources
from ingestion.dialects.decoding import Refused
from ingestion.receiving import admission
from ingestion.rejected.event import RejectedEvent
from tests.sending import MakeSender, Sender, file_all, log_event


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Run functions in threads at the same time, and return the exceptions they raised."""
    barrier, raised = Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:  # noqa: BLE001  (checked by the caller)
            raised.append(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def of(name: str) -> dict[str, Any]:
    return {"channel": "c1", "env": "home", "pdata": {"id": name}}


def names_of(owner: Owner | None) -> set[str]:
    return set(Source.objects.filter(owner=owner).values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_concurrent_drains_create_sources_up_to_the_cap(sender: Sender, settings: Any) -> None:
    settings.MAX_SOURCES = 50
    owner = sender.key.default_owner

    def make(number: int) -> Callable[[], object]:
        names = [sources.SourceName(owner.organization_id, owner.pk, f"app-{number}-{n}") for n in range(40)]

        def work() -> None:
            with transaction.atomic():
                found = sources.resolve(names)
            assert set(found) == set(names)

        return work

    assert together(*map(make, range(6))) == []
    assert Source.objects.filter(owner=owner).count() == 50
    assert names_of(None) == {OVERFLOW}


def test_names_beyond_the_cap_are_looked_up_only_twice(
    sender: Sender, settings: Any, django_assert_max_num_queries: Any
) -> None:
    """Once before taking the lock and once under it, in a single query each."""
    settings.MAX_SOURCES = 3
    owner = sender.key.default_owner
    names = [sources.SourceName(owner.organization_id, owner.pk, f"app-{number}") for number in range(50)]
    sources.resolve(names)

    with django_assert_max_num_queries(6):
        found = sources.resolve(names)

    assert {source.name for source in found.values()} == {"app-0", "app-1", "app-2", OVERFLOW}


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_create_owners_up_to_the_cap(sender: Sender, settings: Any) -> None:
    settings.MAX_OWNERS = 10
    known = senders.find(sender.text)
    assert known

    def make(number: int) -> Callable[[], object]:
        return lambda: admission.create_owner(known, f"Team {number % 16}", "")

    raised = together(*map(make, range(32)))
    assert {type(error) for error in raised} == {Refused}
    assert Owner.objects.filter(organization=sender.key.organization).count() == 10


def test_an_owner_at_its_cap_does_not_use_up_sources_of_others(
    make_sender: MakeSender, settings: Any
) -> None:
    settings.MAX_SOURCES = 2
    loud, quiet = make_sender("Loud"), make_sender("Quiet")
    for n in range(4):
        loud.batch(log_event(str(n), context=of(f"junk-{n}")))
        file_all()
    quiet.batch(log_event("1", context=of("shop")), log_event("2", context=of("junk-1")))
    file_all()
    assert names_of(loud.key.default_owner) == {"junk-0", "junk-1"}
    assert names_of(quiet.key.default_owner) == {"shop"}
    placed = Event.objects.filter(owner=quiet.key.default_owner).values_list("source__name", flat=True)
    assert set(placed) == {"shop", "junk-1"}  # an existing source is used, whichever owner named it first


def test_sources_of_rejected_events_count_against_no_owners_cap(sender: Sender, settings: Any) -> None:
    settings.MAX_SOURCES = 2
    bad: Sequence[Any] = [log_event(str(n), eid="NOPE", context=of(f"bad-{n}")) for n in range(4)]
    sender.batch(*bad)
    file_all()
    assert names_of(None) == {"bad-0", "bad-1", OVERFLOW}
    assert set(RejectedEvent.objects.values_list("source__name", flat=True)) == {"bad-0", "bad-1", OVERFLOW}
    sender.batch(*(log_event(f"good-{n}", context=of(f"good-{n}")) for n in range(2)))
    file_all()
    assert names_of(sender.key.default_owner) == {"good-0", "good-1"}


def test_a_source_counts_against_the_cap_from_its_first_stored_event(sender: Sender, settings: Any) -> None:
    settings.MAX_SOURCES = 1
    sender.batch(log_event("1", eid="NOPE", context=of("app")), log_event("2", eid="NOPE", context=of("")))
    file_all()
    assert names_of(None) == {"app", UNKNOWN}
    sender.batch(log_event("3", context=of("App")))
    file_all()
    assert names_of(sender.key.default_owner) == {"app"}
    sender.batch(log_event("4", context=of("other")))
    file_all()
    assert names_of(None) == {UNKNOWN, OVERFLOW}
