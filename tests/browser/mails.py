"""Mails for pictures: a contact, its digest, and a mail that was sent."""

from django.utils import timezone

from events.ownership.owner import Owner
from reports.digests.subscription import Subscription
from reports.mail import sending
from reports.mail.address import Address
from reports.mail.letter import Letter
from reports.mail.sent import SentMail


def pages() -> dict[str, str]:
    """The pages of mail, with something on each."""
    now = timezone.now()
    owner = Owner.objects.latest("pk")
    address, _ = Address.objects.get_or_create(
        owner=owner, address="team@example.org", defaults={"confirmed_at": now, "clicked_at": now}
    )
    digest = Subscription.objects.filter(address=address).first()
    if digest is None:
        digest = Subscription.objects.create(address=address, also_empty=True, zone="Europe/London")
        digest.owners.set([owner])
    key = f"budget/pictures/{address.pk}"
    letter = Letter("80 % of the budget is spent", "In words.", "<p>In words.</p>")
    sending.send(letter, to=address, kind="budget", key=key, now=now)
    mail = SentMail.objects.get(key=key)
    return {
        "subscriptions": "/admin/digests/subscription/",
        "subscription-add": "/admin/digests/subscription/add/",
        "subscription": f"/admin/digests/subscription/{digest.pk}/change/",
        "subscription-preview": f"/admin/digests/subscription/{digest.pk}/preview/",
        "addresses": "/admin/mail/address/",
        "address": f"/admin/mail/address/{address.pk}/change/",
        "address-add": "/admin/mail/address/add/",
        "mails": "/admin/mail/sentmail/",
        "mail": f"/admin/mail/sentmail/{mail.pk}/change/",
    }
