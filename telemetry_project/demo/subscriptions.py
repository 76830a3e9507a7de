"""The demo's digests: a lead of its owners gets them daily and weekly, as files."""

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from events.access import Access
from reports.digests.models import Subscription
from reports.digests.schedule import Rhythm
from reports.mail import addresses
from reports.mail.addresses import Address

RHYTHMS = (Rhythm.DAILY, Rhythm.WEEKLY)


@transaction.atomic
def subscribe(user: User, now: datetime) -> bool:
    """Subscribe a person to all owners that they see, with digests due at once; True if that was new.

    People who were subscribed before aren't subscribed again, since they may have ended it.
    """
    if Address.objects.filter(user=user).exists() or Subscription.objects.filter(user=user).exists():
        return False
    if not user.email:
        user.email = f"{user.get_username()}@demo.example"
        user.save(update_fields=["email"])
    addresses.of_person(user)
    owners = list(Access(user).visible_owners)
    for rhythm in RHYTHMS:
        made = Subscription.objects.create(user=user, rhythm=rhythm, attach_csv=True, next_at=now)
        made.owners.set(owners)
    return True
