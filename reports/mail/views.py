"""Pages that mails link to. They take no log-in and no cookie: the signed link is the permission.

What only looks (GET) changes nothing, since programs that guard mailboxes follow every link.
"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from reports.mail import links
from reports.mail.address import Address, clicked, waiting
from reports.mail.kinds import KINDS


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether mail may come, then take the yes."""
    found = links.read_confirm(token)
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
    found = links.read_end(token)
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
