"""Links in mails: signed, so that nobody makes one for somebody else; they work without a log-in."""

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

from reports.mail.addresses import Address, clicked, waiting
from reports.mail.kinds import KINDS

CONFIRM = "reports.mail.confirm"
END = "reports.mail.end"
CONFIRM_WITHIN = timedelta(days=7)


def absolute(path: str) -> str:
    """An address of ours as a mail needs it."""
    return str(settings.BASE_URL).rstrip("/") + path


def confirm_url(address: Address) -> str:
    """Where the reader of an address says yes, within a week."""
    token = signing.dumps([address.pk, address.address], salt=CONFIRM)
    return absolute(reverse("mail-confirm", args=[token]))


def end_url(kind: str, about: str, address: Address) -> str:
    """Where a reader ends a kind of mail. It has no date: one must be able to end what an old mail began."""
    token = signing.dumps([kind, about, address.pk], salt=END)
    return absolute(reverse("mail-end", args=[token]))


def read_confirm(token: str) -> tuple[int, str] | None:
    """Key and text of the address that a link is about; None where it is not ours or too old."""
    found = _read(token, CONFIRM, CONFIRM_WITHIN)
    return None if found is None else (found[0], found[1])


def read_end(token: str) -> tuple[str, str, int] | None:
    """Kind, subject and address that a link is about; None where it is not ours."""
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
    """Ask whether mail may come, then take the yes."""
    found = read_confirm(token)
    if found is None:
        return _void(request)
    is_yes = request.method == "POST"
    address = clicked(*found, timezone.now()) if is_yes else waiting(*found)
    if address is None:
        return _void(request)
    if is_yes:
        return _told(request, f"Reports may come to {address} from now on.")
    question = f"May Tally send reports about {address.owner} to {address}?"
    return _asking(request, question, "Yes, send them")


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, token: str) -> HttpResponse:
    """End a kind of mail: by the button of the page, or by a mail program's one click (RFC 8058)."""
    found = read_end(token)
    address = Address.objects.filter(pk=found[2]).first() if found else None
    if found is None or found[0] not in KINDS or address is None:
        return _void(request)
    kind = KINDS[found[0]]
    if request.method != "POST":
        return _asking(request, f"End {kind.title} to {address}?", "Yes, stop sending")
    return _told(request, kind.end(kind.name, found[1], address))


def _asking(request: HttpRequest, question: str, yes: str) -> HttpResponse:
    return render(request, "mail/page.html", {"title": question, "yes": yes})


def _told(request: HttpRequest, sentence: str) -> HttpResponse:
    return render(request, "mail/page.html", {"title": sentence})


def _void(request: HttpRequest) -> HttpResponse:
    sentence = "This link can't be used"
    advice = "It may be too old or cut short. Ask the lead of the team for a new one."
    return render(request, "mail/page.html", {"title": sentence, "advice": advice}, status=404)


urlpatterns = [
    path("confirm/<str:token>", confirm, name="mail-confirm"),
    path("end/<str:token>", end, name="mail-end"),
]
