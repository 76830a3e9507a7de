"""Mails in the admin: delivery status, the copy as sent, the server's answers, and resending."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from django.contrib import admin, messages
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone

from events.access import access_of
from events.accounts import audit
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import Document, Page, group, short_text, time_column
from reports.digests.rendering import html_with_images
from reports.mail import delivery
from reports.mail.kinds import KINDS
from reports.mail.message import Image, MailContent
from reports.mail.models import SentMail, State
from reports.mail.transport import ServerConnection

# Explanations on the page, by state.
SENTENCES = {
    State.CLAIMED: "This mail is waiting to be sent or retried.",
    State.SENDING: "This mail is being handed to the mail server.",
    State.SENT: "The mail server accepted this mail.",
    State.FAILED: "This mail couldn't be sent and won't be retried.",
    State.UNKNOWN: "It is unknown whether this mail was sent: the connection ended before the server"
    " responded.",
    State.SKIPPED: "This mail was not sent:",
}


@admin.register(SentMail)
class SentMailAdmin(PageAdmin):
    """Mails: people see their own, leads those to their owners' contacts, operators all."""

    page_template = "reports/mail_page.html"
    list_display = (
        time_column("claimed_at", "Decided (UTC)"),
        "to",
        short_text("subject", 60),
        "state",
        short_text("answer", 40),
    )
    list_filter = ("state",)
    empty_state = EmptyState(
        "No mails yet", "Every mail that Tally sends is listed here, with its delivery status."
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[SentMail]:
        """Limit to mails that the person may see, without their messages, which lists don't show."""
        rows = super().get_queryset(request).select_related("address").defer("message")
        access = access_of(request)
        if access.is_operator:
            return rows
        mine = models.Q(address__user_id=request.user.pk) | models.Q(
            address__owner__in=access.led.values("pk")
        )
        return rows.filter(mine)

    def has_view_permission(self, request: HttpRequest, obj: SentMail | None = None) -> bool:
        """Allow members to see the list, and recipients and leads to see a mail."""
        access = access_of(request)
        if obj is None or access.is_operator:
            return not access.is_empty
        if obj.address is None:
            return False
        return access.is_person(obj.address.user_id) or (
            obj.address.owner_id is not None and access.leads(obj.address.owner_id)
        )

    def get_urls(self) -> list[URLPattern]:
        """Add the copy and the buttons."""
        views = {"copy": self.copy_view, "again": self.again_view, "taken": self.taken_view}
        return [
            *(
                path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=f"mail_sentmail_{name}")
                for name, view in views.items()
            ),
            *super().get_urls(),
        ]

    def page(self, request: HttpRequest, row: SentMail) -> Page:
        """Show the delivery of the mail."""
        tries = [
            f"{each.at:%Y-%m-%d %H:%M:%S} UTC  {each.verdict}: {each.answer}" for each in row.tries.all()
        ]
        message = bytes(row.message)
        documents = [
            Document("Answers", "The mail server's answer to each attempt.", "\n".join(tries), is_open=True)
        ]
        if message and may_be_read(row):
            text = parse_message(message).text
            documents += [
                Document("Plain text", "For mail programs that don't show HTML.", text),
                Document("Message", "As it was sent.", message.decode("ascii", "replace")),
            ]
        return Page(
            sentence=sentence(row),
            groups=(
                group("What", row, ("subject", "kind", "period_first", "period_last", "key")),
                group("Where", row, ("to",)),
                group("How", row, ("state", "answer", "attempts")),
                group("When", row, ("claimed_at", "sent_at", "changed_at")),
            ),
            documents=tuple(documents if tries or len(documents) > 1 else ()),
        )

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Show the page, with the buttons that its state allows."""
        response: Any = super().changeform_view(request, object_id, *args, **kwargs)
        mail = getattr(response, "context_data", {}).get("original")
        if mail is not None:
            response.context_data |= {
                "has_copy": bool(mail.message) and may_be_read(mail),
                "may_go_again": mail.state in delivery.resendable_states(mail),
                "may_be_taken": mail.state == State.UNKNOWN,
            }
        return response

    def copy_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Serve the HTML as sent, for the frame of the page."""
        mail = self._found(request, pk)
        if not mail.message or not may_be_read(mail):
            raise Http404
        return copy_of(bytes(mail.message))

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Resend the same message."""
        mail = self._found(request, pk)
        if request.method == "POST":
            now = timezone.now()
            if self._noted(request, mail, "mail.sent_again", delivery.resend(mail, now)):
                with ServerConnection() as server:
                    delivery.attempt(mail.pk, server)
                mail.refresh_from_db()
                messages.info(request, sentence(mail))
        return redirect("admin:mail_sentmail_change", pk)

    def taken_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Mark it as sent."""
        mail = self._found(request, pk)
        if request.method == "POST":
            self._noted(request, mail, "mail.taken_as_sent", delivery.mark_sent(mail, timezone.now()))
        return redirect("admin:mail_sentmail_change", pk)

    def _found(self, request: HttpRequest, pk: int) -> SentMail:
        mail: SentMail | None = self.get_queryset(request).filter(pk=pk).first()
        if mail is None or not self.has_view_permission(request, mail):
            raise Http404
        return mail

    @transaction.atomic
    def _noted(self, request: HttpRequest, mail: SentMail, action: str, is_done: bool) -> bool:
        if is_done:
            owner = mail.address.owner if mail.address else None
            audit.record(audit.actor_of(request), action, mail, owner=owner, after={"to": mail.to})
        return is_done


def may_be_read(mail: SentMail) -> bool:
    """True if its text may be shown. A mail with a secret link has no copy."""
    return not KINDS[mail.kind].is_secret


def sentence(mail: SentMail) -> str:
    """Return the delivery status of a mail in words."""
    said = SENTENCES[State(mail.state)]
    if KINDS[mail.kind].is_secret and mail.state != State.SKIPPED:
        return f"{said} No copy is kept, because anybody with its link could use it."
    if mail.state == State.SENT and not mail.message:
        return f"{said} Its copy was removed: it was too old, or named an erased actor."
    return f"{said} {mail.answer}" if mail.state == State.SKIPPED else said


# No scripts, forms or origin; inline styles, embedded pictures.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def framed(html: str) -> HttpResponse:
    """Return a mail's HTML as a page for a frame, which may run nothing and load nothing."""
    response = HttpResponse(html)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Cache-Control"] = "no-store"
    return response


def parse_message(message: bytes) -> MailContent:
    """Parse a message as it was sent."""
    parsed = message_from_bytes(message, policy=policy.default)
    return MailContent(
        subject=str(parsed["Subject"]),
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
        images=tuple(
            Image(str(part["Content-ID"]).strip("<>"), cast(bytes, part.get_payload(decode=True)))
            for part in parsed.walk()
            if part.get_content_type() == "image/png"
        ),
    )


def copy_of(message: bytes) -> HttpResponse:
    """Serve a message as it was sent, as a page."""
    return framed(html_with_images(parse_message(message)))


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
