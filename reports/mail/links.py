"""Signed links in mails, and the pages that they open. The link is the permission: no login, no cookie.

GET changes nothing, because programs that scan mailboxes follow every link.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reports.mail.addresses import Address, find_confirmable
from reports.mail.addresses import confirm as confirm_address
from reports.mail.kinds import KINDS

CONFIRM = "reports.mail.confirm"
END = "reports.mail.end"
CONFIRM_WITHIN = timedelta(days=7)


def absolute(path: str) -> str:
    """Return the full URL of a path."""
    return str(settings.BASE_URL).rstrip("/") + path


def confirm_url(address: Address) -> str:
    """Return the link that confirms an address, valid for a week."""
    token = signing.dumps([address.pk, address.address], salt=CONFIRM)
    return absolute(reverse("mail-confirm", args=[token]))


def unsubscribe_url(kind: str, about: str, address: Address) -> str:
    """Return the link that unsubscribes from a kind of mail. It never expires, so old mails keep working."""
    token = signing.dumps([kind, about, address.pk], salt=END)
    return absolute(reverse("mail-end", args=[token]))


def read_confirm(token: str) -> tuple[int, str] | None:
    """Return the key and text of the address in a link; None if it is invalid or expired."""
    found = _read(token, CONFIRM, CONFIRM_WITHIN)
    return None if found is None else (found[0], found[1])


def read_unsubscribe(token: str) -> tuple[str, str, int] | None:
    """Return the kind, object and address key in a link; None if it is invalid."""
    found = _read(token, END, None)
    return None if found is None else (found[0], found[1], found[2])


def _read(token: str, salt: str, within: timedelta | None) -> Any:
    try:
        return signing.loads(token, salt=salt, max_age=within)
    except signing.BadSignature:
        return None


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for confirmation, then confirm."""
    found = read_confirm(token)
    if found is None:
        return _invalid_link(request)
    is_yes = request.method == "POST"
    address = confirm_address(*found, timezone.now()) if is_yes else find_confirmable(*found)
    if address is None:
        return _invalid_link(request)
    if is_yes:
        return _done(request, f"{address} now gets reports about {address.owner}.")
    question = f"Get reports about {address.owner} at {address}?"
    return _question(request, question, "Confirm")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Unsubscribe, by the page's button or by a mail program's one click (RFC 8058)."""
    found = read_unsubscribe(token)
    address = Address.objects.filter(pk=found[2]).first() if found else None
    if found is None or found[0] not in KINDS or address is None:
        return _invalid_link(request)
    kind = KINDS[found[0]]
    if request.method != "POST":
        return _question(request, f"Unsubscribe {address} from {kind.title}?", "Unsubscribe")
    return _done(request, kind.unsubscribe(kind.name, found[1], address))


def _question(request: HttpRequest, question: str, yes: str) -> HttpResponse:
    return render(request, "mail/page.html", {"title": question, "yes": yes})


def _done(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "mail/page.html", {"title": sentence})


def _invalid_link(request: HttpRequest) -> HttpResponse:
    sentence = "This link is no longer valid"
    advice = "It may have expired or be incomplete. Ask the team's lead for a new one."
    return render(request, "mail/page.html", {"title": sentence, "advice": advice}, status=404)


urlpatterns = [
    path("confirm/<str:token>", confirm, name="mail-confirm"),
    path("end/<str:token>", unsubscribe, name="mail-end"),
]
