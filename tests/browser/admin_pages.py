"""Pages of the admin for screenshots: lists, details, forms to add, change and delete, errors."""

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone

from events.accounts.audit import AuditEntry
from events.kinds import KINDS
from events.ownership.api_key import ApiKey
from events.ownership.owner import Membership, Organization, Owner, Role
from events.webhooks.webhook import Webhook, WebhookAttempt

# Lists, by their names in the navigation.
LISTS = {
    "events": "events/event",
    "sessions": "events/session",
    "exports": "events/exportjob",
    "owners": "events/owner",
    "members": "events/membership",
    "sources": "events/source",
    "keys": "events/apikey",
    "organizations": "events/organization",
    "people": "auth/user",
    "webhooks": "events/webhook",
    "webhook-deliveries": "events/webhookattempt",
    "audit-trail": "accounts/auditentry",
    "rejected": "ingestion/rejectedevent",
    "replays": "ingestion/replayjob",
    "waiting": "ingestion/inboxrequest",
}
# Models whose change, add and delete pages are pictured.
FORMS: dict[str, type[models.Model]] = {
    "owner": Owner,
    "member": Membership,
    "organization": Organization,
    "person": User,
    "key": ApiKey,
    "webhook": Webhook,
}


# Pages of a lead whose owner has no data yet.
EMPTY = (
    "overview",
    "events",
    "sessions",
    "exports",
    "sources",
    "keys",
    "webhooks",
    "invitations",
    "replays",
    "rejected-groups",
    "rejected",
    "rejected-accounts",
)


def pages() -> dict[str, str]:
    """Return the addresses of pages by the names of their screenshots."""
    # The first of each model: the newcomer, who was created last, has no data.
    Membership.objects.get_or_create(user=User.objects.earliest("pk"), owner=Owner.objects.latest("pk"))
    _webhook(Owner.objects.latest("pk"))
    found = {name: f"/admin/{path}/" for name, path in LISTS.items()}
    for each in KINDS.values():
        found[f"events-kind-{each.name}"] = f"/admin/events/{each.model._meta.model_name}/"
    for name, model in FORMS.items():
        at = f"/admin/{model._meta.app_label}/{model._meta.model_name}"
        one = f"{at}/{model._default_manager.latest('pk').pk}"
        found |= {name: f"{one}/change/", f"{name}-add": f"{at}/add/", f"{name}-history": f"{one}/history/"}
        if model is not ApiKey:  # keys are revoked instead
            found[f"{name}-remove"] = f"{one}/delete/"
    found["person-password"] = f"/admin/auth/user/{User.objects.latest('pk').pk}/password/"
    found["key-rotate"] = f"/admin/events/apikey/{ApiKey.objects.latest('pk').pk}/rotate/"
    entry = AuditEntry.objects.order_by("-pk").first()
    if entry:
        found["audit-entry"] = f"/admin/accounts/auditentry/{entry.pk}/change/"
    return found | {
        "overview": "/admin/",
        "events-filtered": "/admin/events/event/?kind=interact&dialect=sunbird&period=7d",
        "events-nothing": "/admin/events/event/?q=no-such-session",
        "events-kind-narrowed": "/admin/events/emittedevent/?final=no&period=30d",
        "partitions": "/admin/events/event/partitions/",
        "rejected-groups": "/admin/ingestion/rejectedevent/groups/",
        "rejected-accounts": "/admin/ingestion/rejectedevent/accounts/",
        "second-factor": "/admin/second-factor/",
        "error-not-allowed": "/admin/events/event/add/",
        "error-no-page": "/admin/no/such/page/",
        "error-no-event": "/admin/events/event/0190f000-0000-8000-8000-000000000000/change/",
    }


def _webhook(owner: Owner) -> None:
    """Create a paused webhook with a successful and a failed attempt."""
    now = timezone.now()
    if Webhook.objects.filter(owner=owner).exists():
        return
    webhook = Webhook(owner=owner, name="chat", url="https://chat.example/hooks/tally", filter="kind=error")
    webhook.begin()
    webhook.paused_at, webhook.reason = now, "All attempts failed for a day. The last error: Status 503."
    webhook.save()
    for status, error in ((200, ""), (503, "Status 503.")):
        WebhookAttempt.objects.create(
            webhook=webhook,
            message="msg_2c1f6fba0a5c4f1f8c9c1f2a6f0d7e11",
            begin=webhook.cursor,
            end=webhook.cursor,
            at=now,
            rows=3,
            bytes=1_234,
            status=status,
            error=error,
            milliseconds=87,
        )


def newcomer(name: str) -> User:
    """Create the lead of an owner without data."""
    organization, _ = Organization.objects.get_or_create(slug="newcomers", defaults={"name": "Newcomers"})
    owner, _ = Owner.objects.get_or_create(organization=organization, name="Nothing yet")
    user = User.objects.create_user(name, is_staff=True)
    Membership.objects.create(user=user, owner=owner, role=Role.LEAD)
    return user
