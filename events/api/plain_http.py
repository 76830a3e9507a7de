"""Plain HTTP: if HTTPS is required, a request with a key is refused instead of redirected with its key."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from events.api.problems import MEDIA_TYPE, body
from events.ownership import senders

SENTENCE = "Send this over HTTPS, and replace the key: others may have read it in this request."


def is_demanded(request: HttpRequest) -> bool:
    """True for a request over plain HTTP if HTTPS is required."""
    return bool(settings.SECURE_SSL_REDIRECT) and not request.is_secure()


class RefusePlainHttp:
    """Middleware before Django's redirect to HTTPS, which clients would follow with the same key."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse plain HTTP with a key, and pass on everything else."""
        scheme, _, text = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
        if not request.path_info.startswith("/api/") or not text or not is_demanded(request):
            return self.get_response(request)
        sender = senders.find(text.strip()) if scheme.lower() == "bearer" else None
        if sender is not None:
            senders.note_exposed(sender)
        problem = body("https_required", SENTENCE, request.path)
        return JsonResponse(problem, status=403, content_type=MEDIA_TYPE)
