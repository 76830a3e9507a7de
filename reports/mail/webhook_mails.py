"""Mails about webhooks: leads are told that one was paused."""

from datetime import datetime

from django.template.loader import render_to_string
from django.urls import reverse

from events.access import leads_of
from events.webhooks.webhook import Webhook
from reports.mail import delivery, links
from reports.mail.addresses import Address, of_person
from reports.mail.kinds import Kind, register
from reports.mail.message import MailContent
from reports.mail.text import isolated, one_line

KIND = "webhook"


def tell_leads(webhook: Webhook, now: datetime) -> None:
    """Send each lead of a paused webhook's owner a mail within a minute."""
    for lead in leads_of([webhook.owner]):
        address = of_person(lead)
        if address is not None:
            key = f"webhook/{webhook.pk}/{now.isoformat()}/{address.pk}"
            content = paused_mail(webhook, address)
            delivery.send(content, to=address, kind=KIND, key=key, now=now, about=str(webhook.pk))


def paused_mail(webhook: Webhook, address: Address) -> MailContent:
    """Write the mail that tells a lead of a paused webhook."""
    unsubscribe_url = links.unsubscribe_url(KIND, str(webhook.pk), address)
    context = {
        "webhook": webhook,
        "owner": webhook.owner,
        "url": links.absolute(reverse("admin:events_webhook_change", args=[webhook.pk])),
        "unsubscribe_url": unsubscribe_url,
    }
    return MailContent(
        subject=f"The webhook {isolated(one_line(webhook.name))} is paused",
        text=render_to_string("mail/webhook.txt", context),
        html=render_to_string("mail/webhook.html", context),
        unsubscribe_url=unsubscribe_url,
    )


register(Kind(KIND, "notices of paused webhooks"))
