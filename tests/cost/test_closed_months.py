"""Closed months in the change feed: each owner's charges, once, when the month is closed."""

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from events.access import Access
from events.accounts import audit
from events.changes.reading import BEGINNING
from events.feed.followed import FOLLOWED, Question
from events.ownership.owner import Owner
from events.webhooks import delivery, queries
from events.webhooks.webhook import Webhook
from reports.cost import month_feed  # noqa: F401  (registers them, like the worker's tasks)
from reports.cost.charging import closing
from reports.cost.closed_months import ClosedMonth
from tests.cost.ledgers import assign, at, owner, plan, use
from tests.webhooks.receiver import Receiver, receiving

SEPTEMBER = date(2026, 9, 1)
END = at(1, month=10)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]
    with receiving() as found:
        yield found


@pytest.fixture
def owners(db: None) -> tuple[Owner, Owner]:
    a, b = owner("A"), owner("B")
    assign(plan(prices={"events": "2"}))
    use(a, at(1), by="portal", stored=3_000_000)
    use(a, at(2), by="app", stored=500_000)
    use(b, at(1), by="batch", stored=1_000_000)
    return a, b


def test_a_month_is_posted_once_when_it_is_closed(owners: tuple[Owner, Owner], receiver: Receiver) -> None:
    a, _ = owners
    for name, conditions in (("all", ""), ("dear", "cost__gt=7")):
        webhook = Webhook(owner=a, name=name, url=receiver.url, what="months", filter=conditions)
        webhook.begin()
        webhook.save()
    closing.close(a.organization, SEPTEMBER, audit.Actor("olga"), END)
    with pytest.raises(closing.NotClosable):
        closing.close(a.organization, SEPTEMBER, audit.Actor("olga"), END)
    for _ in range(2):
        for each in delivery.due(timezone.now()):
            delivery.deliver(each.pk)
    (request,) = receiver.received
    body = json.loads(request.body)
    assert (body["type"], body["webhook"], body["owner"]) == ("months", "all", "A")
    (month,) = body["data"]
    assert (month["owner"], month["month"], month["cost"]) == ("A", "2026-09-01", "7")
    costs = {each["source"]: each["cost"] for each in month["charges"] if each["meter"] == "events"}
    assert costs == {"app": "1", "portal": "6"}
    assert sum(Decimal(each["cost"]) for each in month["charges"]) == 7


def test_each_owner_gets_only_its_own_closed_months(owners: tuple[Owner, Owner]) -> None:
    a, b = owners
    closing.close(a.organization, SEPTEMBER, audit.Actor("olga"), END)
    assert ClosedMonth.objects.count() == 2
    followed = FOLLOWED["months"]
    for each in owners:
        conditions = queries.conditions_of("months", f"owner={b.name}")
        for asked, expected in ((queries.conditions_of("months", ""), [each]), (conditions, [b])):
            question = Question(followed, followed.named_rows(), asked, owner="", limit=9)
            found, cursor = question.page(BEGINNING, Access.of_owner(each))
            assert [row.row.owner for row in found] == [row for row in expected if row == each]
            assert question.page(cursor, Access.of_owner(each))[0] == []
