"""The audit trail: who did what, recorded by `audit.record(audit.actor_of(request), ACTION, row, owner=…)`.

Nothing changes or removes an entry, except that the erasure of an actor redacts their names. The database
enforces that: it allows a change only in a transaction that sets `tally.erasing`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.db.models.functions import Now

from events.ownership.erased import Erased, forgets
from events.ownership.owner import Owner


class AuditEntry(models.Model):
    """One row per action of a person, key or command.
    A trigger of the database refuses changes and deletions.

    The keys of people and owners have no constraint and outlive them; their names are stored as well.
    """

    at = models.DateTimeField(db_default=Now(), help_text="Time of the action.")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        help_text="Account that did it.",
    )
    actor_name = models.TextField(help_text="Name of the person, key or command that did it, at that time.")
    action = models.TextField(help_text="Action, from the list in events/accounts/audit.py.")
    about_type = models.TextField(blank=True, help_text="Type of the object.")
    about_id = models.TextField(blank=True, help_text="Primary key of the object.")
    about = models.TextField(blank=True, help_text="Name of the object at that time.")
    owner = models.ForeignKey(
        Owner,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="+",
        help_text="Owner whose leads see the entry. Empty: only operators see it.",
    )
    owner_name = models.TextField(blank=True, help_text="Name of the owner at that time.")
    before = models.JSONField(default=dict, help_text="Values before the change. Never a secret.")
    after = models.JSONField(default=dict, help_text="Values after the change. Never a secret.")
    address_hash = models.TextField(blank=True, help_text="Hash of the IP address.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "audit entry"
        verbose_name_plural = "audit trail"
        indexes = [
            models.Index(fields=["owner", "-id"], name="audit_of_owner"),
            models.Index(fields=["action", "-id"], name="audit_of_action"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.about}".rstrip()


# All actions, as the verb phrases that pages show. Actions of other apps are listed here too.
ACTIONS = {
    "login.succeeded": "logged in",
    "login.failed": "failed to log in",
    "logout": "logged out",
    "factor.added": "set up the second factor of",
    "factor.failed": "gave a wrong code for the second factor of",
    "factor.recovered": "used a recovery code of",
    "factor.codes_made": "generated new recovery codes for",
    "factor.removed": "removed the second factor of",
    "person.made": "created the account",
    "person.changed": "changed the account",
    "person.removed": "removed the account",
    "person.password_reset": "used a mailed link to reset the password of",
    "person.password_changed": "changed the password of",
    "member.made": "added the member",
    "member.changed": "changed the member",
    "member.removed": "removed the member",
    "invitation.made": "invited",
    "invitation.sent_again": "invited again",
    "invitation.withdrawn": "withdrew the",
    "invitation.accepted": "accepted the",
    "key.made": "made the key",
    "key.changed": "changed the key",
    "key.revoked": "revoked the key",
    "key.rotated": "replaced the key",
    "key.handed_over": "handed over the key",
    "webhook.made": "created the webhook",
    "webhook.changed": "changed the webhook",
    "webhook.removed": "removed the webhook",
    "webhook.rotated": "replaced the secret of the webhook",
    "webhook.paused": "paused the webhook",
    "webhook.resumed": "resumed the webhook",
    "webhook.sent_again": "had a message sent again by the webhook",
    "reader.made": "created the SQL reader",
    "reader.changed": "changed the owners of the SQL reader",
    "reader.removed": "removed the SQL reader",
    "owner.made": "created the owner",
    "owner.changed": "changed the settings of",
    "owner.removed": "removed the owner",
    "organization.made": "created the organization",
    "organization.changed": "changed the organization",
    "organization.removed": "removed the organization",
    "rejected.replay_asked": "requested a replay of rejected events:",
    "rejected.replay_stopped": "stopped the replay of rejected events:",
    "rejected.replayed": "replayed rejected events:",
    "rejected.edited": "edited and replayed a rejected event:",
    "rejected.discarded": "discarded rejected events:",
    "events.imported": "imported the events of",
    "events.removed": "removed the events of",
    "reports.removed": "removed the sessions and rollups from",
    "source.merged": "merged the source",
    "source.parted": "undid the merge of the source",
    "source.removed": "deleted the source",
    "export.made": "exported",
    "price.made": "added the price",
    "price.changed": "changed the price",
    "price.removed": "removed the price",
    "budget.made": "created the budget",
    "budget.changed": "changed the budget",
    "budget.removed": "removed the budget",
    "subscription.made": "created the subscription",
    "subscription.changed": "changed the subscription",
    "subscription.removed": "removed the subscription",
    "month.closed": "closed the month",
    "plan.made": "created the price plan",
    "plan.changed": "changed the price plan",
    "plan.removed": "removed the price plan",
    "discount.made": "added the discount",
    "discount.changed": "changed the discount",
    "discount.removed": "removed the discount",
    "platform_cost.made": "added the platform cost",
    "platform_cost.changed": "changed the platform cost",
    "platform_cost.removed": "removed the platform cost",
    "subscription.asked": "requested an extra mail of the subscription",
    "address.made": "added and confirmed the address",
    "address.removed": "removed the address",
    "address.asked": "asked for confirmation again at the address",
    "address.resumed": "resumed mail to",
    "mail.sent_again": "resent the mail",
    "mail.taken_as_sent": "marked as sent: mail",
    "actor.erasure_begun": "began to erase an actor:",
    "actor.erased": "erased an actor:",
    "actor.exported": "exported an actor:",
}
SECRETS = frozenset({"password", "hash", "secret", "token", "key_hash", "code"})
HIDDEN = "(secret)"


@dataclass(frozen=True)
class Actor:
    """The person, key or command that acts, and its address."""

    name: str
    user_id: int | None = None
    address_hash: str = ""


def actor_of(request: Any) -> Actor:
    """Return the person or key that sent a request of Django or of the REST framework."""
    user = request.user
    address_hash = getattr(request, "address_hash", "")
    if user.pk is not None:
        return Actor(user.get_username(), user.pk, address_hash)
    # The user of an API key has the key's name. Any other user without an account is anonymous.
    return Actor(str(user) if user.is_authenticated else "somebody", None, address_hash)


def command(name: str) -> Actor:
    """Return the actor of a management command."""
    return Actor(f"manage.py {name}")


def record(
    actor: Actor,
    action: str,
    about: models.Model | str = "",
    *,
    owner: Owner | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Note that `actor` did `action` to `about`. In the transaction of what was done, where there is one.

    Of `before` and `after` only what differs is kept; values that JSON doesn't know become text.
    Raises KeyError for an action that ACTIONS doesn't list.
    """
    if action not in ACTIONS:
        raise KeyError(action)
    was, became = differences(_plain(before or {}), _plain(after or {}))
    row = about if isinstance(about, models.Model) else None
    return AuditEntry.objects.create(
        actor_id=actor.user_id,
        actor_name=actor.name,
        action=action,
        about_type=str(row._meta.model_name) if row is not None else "",
        about_id=str(row.pk) if row is not None else "",
        about=str(about),
        owner=owner,
        owner_name=owner.name if owner else "",
        before=was,
        after=became,
        address_hash=actor.address_hash,
    )


def differences(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """Return what differs between two states: the old and the new values. Secrets are hidden."""
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    was, became = (
        {name: HIDDEN if name in SECRETS else state[name] for name in changed if name in state}
        for state in (before, after)
    )
    return was, became


def state(row: models.Model, fields: Iterable[str]) -> dict[str, object]:
    """Return the named fields of a row as an entry stores them: another row as its name, many as keys."""
    return {name: _told(row, name) for name in fields}


def _told(row: models.Model, name: str) -> object:
    field = row._meta.get_field(name)
    if field.many_to_many:
        # By key, since readers of one owner may not know the others' names.
        return sorted(other.pk for other in getattr(row, name).all())
    value = getattr(row, name)
    return str(value) if isinstance(value, models.Model) else value


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    encoder = DjangoJSONEncoder()
    return {
        name: value if isinstance(value, str | int | float | list | dict | None) else encoder.default(value)
        for name, value in values.items()
    }


READ = 2_000
_FILTERS = ("export.made", "webhook.")  # beginnings of actions whose values have filters and searches


@forgets("audit_entries")
def erase_from_audit_trail(erased: Erased, _: datetime) -> int:
    """Redact the entries of the actor's owner, and those of no single owner."""
    entries = AuditEntry.objects.filter(models.Q(owner=erased.owner) | models.Q(owner=None)).order_by("pk")
    changed = 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tally.erasing = 'on'")
        for entry in entries.only("action", "about", "before", "after").iterator(READ):
            thoroughly = entry.action.startswith(_FILTERS)
            redacted = {
                "about": erased.redact(entry.about),
                "before": erased.redact_json(entry.before, thoroughly=thoroughly),
                "after": erased.redact_json(entry.after, thoroughly=thoroughly),
            }
            if any(getattr(entry, name) != value for name, value in redacted.items()):
                AuditEntry.objects.filter(pk=entry.pk).update(**redacted)
                changed += 1
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tally.erasing = 'off'")
    return changed
