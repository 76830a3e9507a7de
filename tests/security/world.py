"""Two owners in one organization, acorn and zebra, whose name is part of all their data."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as LoginSession
from django.db import models
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.accounts import audit
from events.accounts.audit import AuditEntry
from events.accounts.invitation import Invitation
from events.changes import change
from events.event import Event
from events.exports import jobs
from events.exports.jobs import ExportJob
from events.kinds import KINDS
from events.ownership.api_key import ApiKey, KeyType
from events.ownership.owner import Membership, Organization, Owner, Role
from events.ownership.source import Source
from events.sessions import summarising
from events.sessions.session import Session
from events.store.usage import UsageHour
from events.webhooks.webhook import Webhook, WebhookAttempt
from ingestion.receiving.inbox import InboxRequest
from ingestion.rejected.event import RejectedEvent
from ingestion.rejected.replay_jobs import ReplayJob
from reports.cost.budgets import Budget
from reports.cost.plans import Discount, PlanAssignment, PlatformCost, Price, PricePlan
from reports.digests.models import Subscription
from reports.mail import delivery
from reports.mail.addresses import Address
from reports.mail.message import MailContent
from reports.mail.models import SentMail
from reports.rollups import folding
from telemetry_project.demo import prices
from tests.factories import person
from tests.sending import AVAILITY, EMIT, SUNBIRD, MakeSender, Sender, file_all, log_event, now_ms
from tests.wire import samples

MINE, THEIRS = "acorn", "zebra"
# The number of received events of each, which occurs nowhere else.
COUNTS = {MINE: 5151515, THEIRS: 7373737}
GROUPED = {word: re.compile(r"[,\s]?".join(str(count))) for word, count in COUNTS.items()}
UUID_TEXT = re.compile("-".join(f"[0-9a-f]{{{length}}}" for length in (8, 4, 4, 4, 12)))
PATHS = {"sunbird": SUNBIRD, "availity": AVAILITY, "buildless": EMIT}
# Changed by visits to pages: setting up a second factor creates a draft.
NOT_SNAPPED = (LoginSession, LogEntry, AuditEntry, TOTPDevice)


@dataclass(frozen=True)
class Side:
    """One owner and all its data."""

    word: str
    owner: Owner
    sender: Sender
    reader: Sender
    lead: User
    viewer: User

    def rows(self, model: type[models.Model]) -> list[Any]:
        """Return the owner's rows of a model. Every model with a page needs an entry in ROWS."""
        found = ROWS[model](self)
        assert found.exists(), f"the world has no {model.__name__} of {self.word}"
        return list(found)

    @cached_property
    def ids(self) -> set[str]:
        """IDs that identify the owner's rows."""
        events = [str(pk) for pk in Event.objects.filter(owner=self.owner).values_list("pk", flat=True)]
        sessions = [str(pk) for pk in Session.objects.filter(owner=self.owner).values_list("pk", flat=True)]
        return {*events, *sessions, str(self.owner.key)}

    def snapshot(self) -> list[str]:
        """Return everything that the database has about this owner, as text."""
        return sorted(row for model in apps.get_models() for row in self._kept(model))

    def _kept(self, model: type[models.Model]) -> Iterable[str]:
        if model in NOT_SNAPPED or not model._meta.managed or model._meta.app_label == "contenttypes":
            return
        own = {Owner: {self.owner.pk}, User: {self.lead.pk, self.viewer.pk}}
        fields = model._meta.concrete_fields
        keys = {each.attname: own[each.related_model] for each in fields if each.related_model in own}
        for row in model._default_manager.values():
            row.pop("last_login", None)
            text = f"{model.__name__} {sorted(row.items(), key=str)}"
            if self.word in text or any(row[name] in ours for name, ours in keys.items()):
                yield text


# An owner's rows of each model with pages.
ROWS: dict[type[models.Model], Any] = {
    Event: lambda side: Event.objects.filter(owner=side.owner),
    Session: lambda side: Session.objects.filter(owner=side.owner),
    RejectedEvent: lambda side: RejectedEvent.objects.filter(owner=side.owner),
    InboxRequest: lambda side: InboxRequest.objects.filter(owner=side.owner),
    Owner: lambda side: Owner.objects.filter(pk=side.owner.pk),
    Membership: lambda side: Membership.objects.filter(owner=side.owner).order_by(
        "-role"
    ),  # the last lead can't be removed
    ApiKey: lambda side: ApiKey.objects.filter(default_owner=side.owner),
    Budget: lambda side: Budget.objects.filter(owner=side.owner),
    Subscription: lambda side: Subscription.objects.filter(owners=side.owner),
    Address: lambda side: Address.objects.filter(owner=side.owner),
    SentMail: lambda side: SentMail.objects.filter(address__owner=side.owner),
    AuditEntry: lambda side: AuditEntry.objects.filter(owner=side.owner),
    Invitation: lambda side: Invitation.objects.filter(owner=side.owner),
    User: lambda side: User.objects.filter(pk__in=(side.lead.pk, side.viewer.pk)),
    ReplayJob: lambda side: ReplayJob.objects.filter(by=f"{side.word}-lead"),
    ExportJob: lambda side: ExportJob.objects.filter(user=side.lead).order_by("-what"),
    Webhook: lambda side: Webhook.objects.filter(owner=side.owner),
    WebhookAttempt: lambda side: WebhookAttempt.objects.filter(webhook__owner=side.owner),
    Source: lambda side: Source.objects.filter(name__startswith=side.word),
    Organization: lambda side: Organization.objects.filter(pk=side.owner.organization_id),
    PricePlan: lambda side: PricePlan.objects.filter(name__startswith=side.word),
    Price: lambda side: Price.objects.filter(plan__name__startswith=side.word),
    PlanAssignment: lambda side: PlanAssignment.objects.filter(owner=side.owner),
    Discount: lambda side: Discount.objects.filter(owner=side.owner),
    PlatformCost: lambda side: PlatformCost.objects.filter(name__startswith=side.word),
}

ROWS |= {
    entry.model: lambda side, model=entry.model: model._default_manager.filter(event__owner=side.owner)
    for entry in KINDS.values()
}


def world(make_sender: MakeSender) -> dict[str, Side]:
    """Create both owners, with every kind of data."""
    sides = {word: side(word, make_sender) for word in (MINE, THEIRS)}
    file_all()
    summarising.summarise_pending(seconds=60.0)
    folding.tick(seconds=60.0)
    change.number_all()  # as any reader of the feed does
    for word, each in sides.items():
        each.sender.batch(_of(word, log_event(), "waiting"))  # stays in the inbox
        UsageHour.objects.filter(owner=each.owner, kind="log").update(received=COUNTS[word])
    return sides


def side(word: str, make_sender: MakeSender) -> Side:
    """Create an owner with members, keys, an audit entry, and events of all kinds in the inbox."""
    sender = make_sender(f"{word} owner", name=f"{word} key")
    reader = make_sender(f"{word} owner", name=f"{word} reader", kind=KeyType.SECRET)
    owner = sender.key.default_owner
    owner.contact = f"{word}@example.org"
    owner.save()
    made = Side(
        word,
        owner,
        sender,
        reader,
        lead=person(f"{word}-lead", owner, role=Role.LEAD),
        viewer=person(f"{word}-viewer", owner),
    )
    for kind in KINDS:
        _post(made, kind)
    sender.batch(_of(word, log_event(eid="IMPRESSION", edata={"type": f"{word} type"}), "bad"))
    _price(made)
    now = timezone.now()
    ReplayJob.objects.create(
        user=made.lead,
        by=f"{word}-lead",
        selection={"owners": [owner.pk]},
        sentence=f"owner {word} owner",
        state="done",
        total=1,
        last=0,
        created_at=now,
        updated_at=now,
        finished_at=now,
    )
    jobs.request_export(made.lead, "events.event", "csv", f"actor={word}-actor", f"{word}-export.csv", now)
    jobs.request_export(made.lead, "", "csv", f"actor={word}-actor", f"{word}-export.csv", now, what="events")
    _mails(made, now)
    Invitation.objects.create(owner=owner, email=f"{word}-new@example.org", invited_by=made.lead, sent_at=now)
    Budget.objects.create(owner=owner, first_month=now.date().replace(day=1), amount=COUNTS[word])
    _webhook(made, now)
    audit.record(audit.Actor(f"{word} actor"), "owner.changed", owner, owner=owner, after={"contact": word})
    return made


def _webhook(made: Side, now: datetime) -> None:
    """Create a webhook, paused so that nothing is sent, and an attempt."""
    webhook = Webhook(owner=made.owner, name=f"{made.word} webhook", url=f"https://{made.word}.example/")
    webhook.begin()
    webhook.paused_at, webhook.reason = now, f"{made.word} reason"
    webhook.save()
    WebhookAttempt.objects.create(
        webhook=webhook,
        message=f"msg_{made.word}",
        begin=webhook.cursor,
        end=webhook.cursor,
        at=now,
        milliseconds=1,
        rows=COUNTS[made.word],
        bytes=1,
        error=f"{made.word} error",
    )


def _mails(made: Side, now: datetime) -> None:
    """Create the contact's address, a subscription, and a waiting mail."""
    address = Address.objects.create(
        owner=made.owner,
        address=f"{made.word}@example.org",
        confirmed_by=made.lead,
        confirmed_at=now,
        clicked_at=now,
    )
    Subscription.objects.create(address=address).owners.set([made.owner])
    content = MailContent(f"{made.word} subject", f"{made.word} text", f"<p>{made.word} html</p>")
    delivery.send(content, to=address, kind="budget", key=f"budget/{made.word}", now=now)


def _post(made: Side, kind: str) -> None:
    event = _of(made.word, samples.complete(kind, ms=now_ms()), kind)
    response = made.sender.post(PATHS[KINDS[kind].schema.dialect], _enveloped(kind, event))
    assert response.status_code in (200, 201), response.content


def _enveloped(kind: str, event: dict[str, Any]) -> dict[str, Any]:
    if KINDS[kind].schema.dialect == "sunbird":
        return {"id": "api.telemetry", "ver": "3.0", "events": [event]}
    return event


def _of(word: str, event: dict[str, Any], number: str) -> dict[str, Any]:
    """Return the event with this owner's name in its identifiers."""
    text = json.dumps(event)
    event = json.loads(text)
    if "eid" in event:
        event["mid"] = f"{word}-mid-{number}"
        event["actor"] = {"id": f"{word}-actor", "type": "User"}
        event["context"] |= {"sid": f"{word}-sid", "did": f"{word}-did", "channel": f"{word}-channel"}
        event["context"]["pdata"] = {"id": f"{word}-app"}
    elif "event" in event:
        event["event"] |= {"id": f"{word}buildeventid1234", "user": f"{word}-actor"}
    else:
        event |= {"owner": f"{word} owner", "source_system": f"{word}-app", "sessionId": f"{word}-sid"}
        event["contact"] = f"{word}@example.org"
    return event


def _price(made: Side) -> None:
    """Create the owner's plan, price, discount and platform cost."""
    owner, since = made.owner, prices.SINCE
    plan = PricePlan.objects.create(name=f"{made.word} plan")
    Price.objects.create(plan=plan, meter="events", sku=f"{made.word}-sku", unit_price=2, valid_from=since)
    PlanAssignment.objects.create(organization=owner.organization, owner=owner, plan=plan, valid_from=since)
    Discount.objects.create(owner=owner, percent=5, valid_from=since)
    PlatformCost.objects.create(
        organization=owner.organization, name=f"{made.word} hosting", amount=1, first_month=since.date()
    )


def tells(body: str, side: Side, asked: str) -> list[str]:
    """Return what a response reveals about an owner, ignoring echoed parameters of the request."""
    for term in sorted({*re.findall(r"[\w@.-]+", asked)}, key=len, reverse=True):
        if side.word in term or len(term) > 8:
            body = body.replace(term, "")
    found = [body[max(0, at.start() - 60) : at.end() + 40] for at in re.finditer(side.word, body)]
    found += side.ids.intersection(UUID_TEXT.findall(body))
    found += [each for each in (side.sender.key.prefix, side.reader.key.prefix) if each in body]
    found += GROUPED[side.word].findall(body)
    return found
