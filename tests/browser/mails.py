"""Mails for screenshots: a contact, its digests, a budget warning, and a sent mail."""

from decimal import Decimal

from django.contrib.auth.models import User
from django.utils import timezone

from events.ownership.owner import Owner
from reports.cost import budget_mails
from reports.cost.analysis.forecasts import Forecast
from reports.cost.budgets import BudgetStatus, Threshold
from reports.digests.content import compose
from reports.digests.models import Subscription
from reports.digests.rendering import html_with_images
from reports.digests.schedule import Rhythm
from reports.digests.sending import digest_content, latest_period
from reports.mail import delivery
from reports.mail.addresses import Address
from reports.mail.message import MailContent
from reports.mail.models import SentMail


def pages(by: str) -> dict[str, str]:
    """Create data for the pages about mail, and return their addresses."""
    now = timezone.now()
    owner = Owner.objects.latest("pk")
    standing = {"confirmed_by": User.objects.get(username=by), "confirmed_at": now, "clicked_at": now}
    address, _ = Address.objects.update_or_create(owner=owner, address="team@example.org", defaults=standing)
    digest = Subscription.objects.filter(address=address).first()
    if digest is None:
        digest = Subscription.objects.create(address=address, also_empty=True, zone="Europe/London")
        digest.owners.set([owner])
    key = f"budget/pictures/{address.pk}"
    content = MailContent("80 % of the budget is spent", "In words.", "<p>In words.</p>")
    delivery.send(content, to=address, kind="budget", key=key, now=now)
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


def mail_bodies(owner: Owner) -> dict[str, str]:
    """Return the HTML of each digest and of a budget warning, as mail programs show them."""
    now = timezone.now()
    digest = (
        Subscription.objects.filter(owners=owner, address__isnull=False).select_related("address").first()
    )
    assert digest is not None, "pages() makes it"
    assert digest.address is not None
    found = {}
    for rhythm in Rhythm:
        digest.rhythm = rhythm
        content = digest_content(digest, latest_period(digest, now), compose, digest.address, now)
        assert content is not None, "it is sent also when nothing came in"
        found[f"letter-digest-{rhythm}"] = html_with_images(content)
    month = now.date().replace(day=1)
    spent = Forecast(Decimal("842.17"), Decimal("1130.4"), {})
    standing = BudgetStatus(owner.pk, Decimal(1000), "EUR", spent)
    mail = budget_mails.budget_warning(digest.address, owner, standing, month, Threshold.MOST)
    found["letter-budget"] = mail.html
    return found
