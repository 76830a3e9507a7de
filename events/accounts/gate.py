"""The gate of the second factor: who has one, or needs one, gets nowhere before its code."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from events.accounts.second_factor import device_of, is_required

HAS_FACTOR = "has_second_factor"  # in the session, from the log-in on
API = "/api/"


class SecondFactorGate:
    """Stands after the middleware that knows the person, and whether a code was given in this session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Ask for the code, or go on."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and self._must_stop(request):
            return _ask(request)
        return self.get_response(request)

    def _must_stop(self, request: HttpRequest) -> bool:
        user: Any = request.user
        if not user.is_authenticated or user.is_verified() or request.path_info in _open():
            return False
        if is_required(user):
            return True
        # Only who had one at the log-in is looked up: it may have been removed since.
        return bool(request.session.get(HAS_FACTOR)) and device_of(user) is not None


def _open() -> set[str]:
    """Where one may go all the same."""
    names = ("second-factor", "second-factor-check", "admin:logout", "admin:login", "admin:jsi18n")
    return {*map(reverse, names), "/livez", "/readyz"}


def _ask(request: HttpRequest) -> HttpResponse:
    if request.path_info.startswith(API):
        sentence = "This log-in has not given its second factor yet: do so in the admin, or use a secret key."
        problem = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": sentence}
        return JsonResponse(problem, status=403, content_type="application/problem+json")
    page = "second-factor-check" if device_of(request.user) else "second-factor"
    return redirect(f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}")
