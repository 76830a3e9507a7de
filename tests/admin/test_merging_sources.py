"""Sources can be merged, unmerged and deleted, which frees room under the cap and keeps counters correct."""

from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from events.accounts.audit import AuditEntry
from events.event import Event
from events.ownership.source import Source
from events.store.details import as_wire
from events.store.usage import UsageHour
from ingestion.rejected.event import RejectedEvent
from tests.admin.conftest import html_of
from tests.sending import Sender, file_all, log_event
from tests.sessions.stored import summarise_due
from tests.store.test_removal import differences

LIST = "/admin/events/source/"
MERGE = f"{LIST}merge/"


def send(sender: Sender, mid: str, name: str, **changes: Any) -> None:
    context = {"channel": "c1", "env": "home", "pdata": {"id": name}, "sid": "s1"}
    sender.batch(log_event(mid, context=context, **changes))
    file_all()


def of(name: str) -> Source:
    return Source.objects.get(name=name)


def usage() -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for name, received in UsageHour.objects.values_list("source__name", "received"):
        found[name] = found.get(name, Decimal(0)) + received
    return found


@pytest.fixture
def two(team_a: Sender) -> Sender:
    """A sender of two sources."""
    send(team_a, "1", "shop")
    send(team_a, "2", "old shop")
    return team_a


def test_after_a_merge_new_events_are_filed_under_the_target(two: Sender, lead: Client) -> None:
    old = of("old shop")
    answer = lead.post(LIST, {"action": "merge_chosen", "_selected_action": [old.pk]})
    assert answer["Location"] == f"{MERGE}?ids={old.pk}"
    html = html_of(lead, answer["Location"])
    assert "Merge 1 source into another" in html
    assert ">shop</option>" in html
    assert ">old shop</option>" not in html
    html = lead.post(MERGE, {"ids": old.pk, "into": of("shop").pk}, follow=True).content.decode()
    assert "1 source is merged. New events are filed under shop." in html
    send(two, "3", "OLD SHOP")
    assert usage() == {"shop": 2, "old shop": 1}
    newest = Event.objects.get(client_event_id="3")
    assert newest.source == of("shop")
    assert as_wire(newest)["context"]["pdata"]["id"] == "OLD SHOP"
    note = AuditEntry.objects.get(action="source.merged")
    assert (note.actor_name, note.about, note.after) == ("lena", "old shop", {"into": "shop"})
    summarise_due()
    assert differences() == []


def test_merged_sources_and_their_target_link_to_each_other(two: Sender, lead: Client) -> None:
    shop, old = of("shop"), of("old shop")
    lead.post(MERGE, {"ids": old.pk, "into": shop.pk})
    html = html_of(lead, f"{LIST}{old.pk}/change/")
    assert "old shop is merged: new events that name it are filed under shop." in html
    assert f'href="{LIST}{shop.pk}/change/">Merged into shop</a>' in html
    assert f'href="{LIST}{old.pk}/change/">Merged source: old shop</a>' in html_of(
        lead, f"{LIST}{shop.pk}/change/"
    )


def test_the_page_says_so_if_there_is_nothing_to_merge_into(two: Sender, lead: Client) -> None:
    html = html_of(lead, f"{MERGE}?ids={of('shop').pk}&ids={of('old shop').pk}")
    assert "There is no other source to merge into." in html
    assert ">Merge</button>" not in html


def test_a_filter_by_the_target_includes_merged_sources(two: Sender, lead: Client) -> None:
    shop, old = of("shop"), of("old shop")
    lead.post(MERGE, {"ids": old.pk, "into": shop.pk})
    for source, count in ((shop, 2), (old, 1)):
        response: Any = lead.get("/admin/events/event/export.ndjson", {"source": source.pk})
        assert len(response.content.splitlines()) == count
    html = html_of(lead, f"/reports/quality/?source={shop.pk}&period=today")
    assert "old shop" in html


def test_merging_frees_room_under_the_cap_and_can_be_undone(two: Sender, lead: Client, settings: Any) -> None:
    settings.MAX_SOURCES = 2
    old = of("old shop")
    lead.post(MERGE, {"ids": old.pk, "into": of("shop").pk})
    send(two, "3", "new shop")
    assert of("new shop").owner == two.key.default_owner
    assert "Undo the merge" in html_of(lead, f"{LIST}{old.pk}/change/")
    lead.post(f"{LIST}part/", {"ids": old.pk})
    send(two, "4", "old shop")
    assert Event.objects.get(client_event_id="4").source == old
    assert AuditEntry.objects.filter(action="source.parted").count() == 1


def test_repeated_merges_point_directly_at_the_last_target(two: Sender, lead: Client) -> None:
    send(two, "3", "third")
    lead.post(MERGE, {"ids": of("old shop").pk, "into": of("shop").pk})
    lead.post(MERGE, {"ids": of("shop").pk, "into": of("third").pk})
    assert {of(name).merged_into for name in ("shop", "old shop")} == {of("third")}
    html = lead.post(MERGE, {"ids": of("third").pk, "into": of("shop").pk}).content.decode()
    assert "Select a valid choice" in html


def test_sources_that_send_to_other_owners_cannot_be_merged_or_deleted(
    two: Sender, team_b: Sender, lead: Client, alice: Client, bob: Client
) -> None:
    shop, old = of("shop"), of("old shop")
    assert alice.get(f"{MERGE}?ids={old.pk}").status_code == 403
    assert bob.post(MERGE, {"ids": old.pk, "into": shop.pk}).status_code == 403
    send(team_b, "4", "old shop")
    assert lead.post(MERGE, {"ids": old.pk, "into": shop.pk}).status_code == 403
    assert lead.post(LIST, {"action": "delete_chosen", "_selected_action": [old.pk]}).status_code == 403
    assert of("old shop").merged_into is None


def test_a_source_with_events_can_only_be_deleted_with_them(two: Sender, lead: Client, settings: Any) -> None:
    settings.MAX_SOURCES = 2
    old = of("old shop")
    chosen = {"action": "delete_chosen", "_selected_action": [old.pk]}
    html = lead.post(LIST, chosen, follow=True).content.decode()
    assert "Nothing was deleted. old shop still has events" in html
    with pytest.raises(CommandError, match="still has events"):
        call_command("delete_sources", "--organization=acme", "old shop")
    out = StringIO()
    call_command(
        "delete_sources", "--organization=acme", "old shop", "--with-events", "--yes", stdout=out, stderr=out
    )
    assert "old shop: 1 events deleted." in out.getvalue()
    assert Event.objects.get().source == of("shop")
    # Its row stays because usage refers to it, but it isn't listed and a new source has room.
    assert usage() == {"shop": 1, "old shop": 1}
    assert ">old shop<" not in html_of(lead, LIST)
    send(two, "3", "new shop")
    assert of("new shop").owner == two.key.default_owner
    summarise_due()
    assert differences() == []


def test_a_deleted_source_reappears_when_it_sends_again(two: Sender, operator: Client) -> None:
    call_command(
        "delete_sources", "--organization=acme", "old shop", "--with-events", "--yes", stdout=StringIO()
    )
    assert of("old shop").closed_at is not None
    send(two, "3", "old shop")
    assert (of("old shop").closed_at, of("old shop").owner) == (None, two.key.default_owner)


def test_a_source_without_references_is_deleted_completely(two: Sender, operator: Client) -> None:
    owner = two.key.default_owner
    unheard = Source.objects.create(organization=two.key.organization, owner=owner, name="typo")
    operator.post(LIST, {"action": "delete_chosen", "_selected_action": [unheard.pk]})
    assert not Source.objects.filter(name="typo").exists()
    assert AuditEntry.objects.get(action="source.removed").about == "typo"


def test_a_source_named_by_rejected_events_cannot_be_deleted(two: Sender, operator: Client) -> None:
    send(two, "3", "bad", eid="NOPE")
    send(two, "4", "bad")
    Event.objects.filter(source=of("bad")).delete()
    UsageHour.objects.filter(source=of("bad")).update(stored=0)
    assert RejectedEvent.objects.exists()
    html = operator.post(
        LIST, {"action": "delete_chosen", "_selected_action": [of("bad").pk]}, follow=True
    ).content.decode()
    assert "bad still has events or rejected events" in html


def test_the_command_deletes_a_source_without_events_left(two: Sender, operator: Client) -> None:
    send(two, "3", "bad", eid="NOPE")
    with pytest.raises(CommandError, match="rejected events"):
        call_command("delete_sources", "--organization=acme", "bad", stdout=StringIO())
    RejectedEvent.objects.all().delete()
    call_command("delete_sources", "--organization=acme", "bad", stdout=StringIO())
    assert of("bad").closed_at is not None


def test_merge_sources_merges_and_undoes(two: Sender) -> None:
    out = StringIO()
    call_command("merge_sources", "--organization=acme", "old shop", "--into=Shop", stdout=out)
    assert of("old shop").merged_into == of("shop")
    call_command("merge_sources", "--organization=acme", "old shop", "--take-back", stdout=out)
    assert of("old shop").merged_into is None
    for names, why in ((["shop", "--into=shop"], "into itself"), (["nowhere", "--into=shop"], "no source")):
        with pytest.raises(CommandError, match=why):
            call_command("merge_sources", "--organization=acme", *names, stdout=out)
    send(two, "3", "")
    with pytest.raises(CommandError, match="can't be merged or deleted"):
        call_command("merge_sources", "--organization=acme", "(unknown)", "--into=shop", stdout=out)
