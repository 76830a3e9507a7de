"""Preview of a digest: what it would say now, in a frame that may do nothing, and "send one now"."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone

from events.accounts import audit
from events.admin.base import TallyAdmin
from reports.admin import framed
from reports.admin.mails import sentence
from reports.digests import sending
from reports.digests.content import compose
from reports.digests.rendering import shown_html
from reports.digests.subscription import Subscription
from reports.mail import sending as mails
from reports.mail.letter import Letter
from reports.mail.sent import SentMail
from reports.mail.transport import Line


class Previewed(TallyAdmin):
    """Subscriptions whose digest can be looked at and asked for."""

    def get_urls(self) -> list[Any]:
        """The pages beside those of Django."""
        views = {"preview": self.preview_view, "frame": self.frame_view, "send": self.send_view}
        return [
            *(
                path(
                    f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"digests_subscription_{name}"
                )
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What it would say, with what was sent before."""
        row = self._found(request, pk)
        period = sending.latest_period(row, timezone.now())
        letter = _letter(row)
        sent = SentMail.objects.filter(kind=sending.DIGEST, about=str(pk)).defer("message")[:20]
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Digest to {row.user or row.address}",
            "subscription": row,
            "days": row.written.days(period.first, period.last),
            "letter": letter,
            "mails": [
                {"mail": mail, "url": reverse("admin:mail_sentmail_change", args=[mail.pk])} for mail in sent
            ],
        }
        return TemplateResponse(request, "reports/digest_preview.html", context)

    def frame_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The mail itself, for the frame."""
        letter = _letter(self._found(request, pk))
        if letter is None:
            raise Http404
        return framed.answer(shown_html(letter))

    def send_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send one now."""
        row = self._found(request, pk)
        if request.method == "POST":
            mail = _sent_now(request, row)
            if mail is None:
                messages.warning(
                    request, "Nothing was sent: one was asked for within this minute, or there is no address."
                )
            else:
                messages.info(request, sentence(mail))
        return redirect("admin:digests_subscription_preview", pk)

    def _found(self, request: HttpRequest, pk: int) -> Subscription:
        row: Subscription | None = self.get_queryset(request).filter(pk=pk).first()
        if row is None or not self.has_view_permission(request, row):
            raise Http404
        return row


def _letter(row: Subscription) -> Letter | None:
    address = row.where()
    if address is None or not row.seen():
        return None
    now = timezone.now()
    return sending.letter_for(row, sending.latest_period(row, now), compose, address, now)


def _sent_now(request: HttpRequest, row: Subscription) -> SentMail | None:
    with transaction.atomic():
        mail = sending.send_now(row, compose, timezone.now())
        if mail is not None:
            owner = row.address.owner if row.address else None
            audit.record(audit.actor_of(request), "subscription.asked", row, owner=owner)
    if mail is not None:
        with Line() as line:
            mails.attempt(mail.pk, line)
        mail.refresh_from_db()
    return mail
