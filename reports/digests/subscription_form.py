"""The form of a subscription, for the admin and the API."""

from collections.abc import Collection
from datetime import datetime

from django import forms
from django.contrib.auth.models import User

from events.access import Access
from events.managing.audited import Audited
from events.ownership.owner import Owner, OwnerQuerySet
from reports.digests.models import Subscription
from reports.mail.addresses import Address

CHOSEN = ("owners", "rhythm", "hour", "zone", "locale", "attach_csv", "also_empty", "active")
PLANNED = {"rhythm", "hour", "zone", "active"}  # changing one of these moves the next due time
# A person's own subscription isn't shown to leads.
AUDITED = Audited(
    noun="subscription",
    fields=("user", "address", *CHOSEN),
    owner=lambda row: row.address.owner if row.address else None,
)


class SubscriptionForm(forms.ModelForm[Subscription]):
    """A subscription has one recipient, who may see all its owners."""

    reader: User | None = None  # the recipient if the form doesn't ask for one; set by the page

    class Meta:
        model = Subscription
        fields = ("user", "address", *CHOSEN)

    def clean(self) -> dict[str, object]:
        """Require one recipient, who may see all owners."""
        data = super().clean() or {}
        address = data.get("address", self.instance.address)
        user = data.get("user", self.instance.user)
        if address is None and user is None:
            user = self.reader
        if address is not None and user is not None:
            self.add_error("address", "Choose a person or a contact's address, not both.")
            return data
        self.instance.user, self.instance.address = user, address
        if user is not None and "user" in self.fields:
            data["user"] = user  # defaults of empty fields
        self._check_owners(data.get("owners"), user, address)
        return data

    def _check_owners(self, owners: OwnerQuerySet | None, user: User | None, address: Address | None) -> None:
        if not owners:
            return
        seen = Owner.objects.filter(pk=address.owner_id or 0) if address else Access(user).visible_owners
        unseen = owners.exclude(pk__in=seen.values("pk"))
        if unseen.exists():
            names = ", ".join(owner.name for owner in unseen)
            self.add_error("owners", f"The recipient may not see {names}.")


def plan_again(row: Subscription, changed: Collection[str], now: datetime) -> None:
    """Start the schedule again if it changed. The caller saves the row."""
    if PLANNED & set(changed):
        row.schedule_next(now)
        row.ended_why = "" if row.active else row.ended_why
