"""Errors that no view answers: problem details under /api/, Django's pages elsewhere."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views import defaults

from events.api import problems
from telemetry_project import refused

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django itself refuses, for instance a foreign Host."""
    if request.path.startswith(API):
        return problems.plain_response(request, 400, "The request is refused as it is.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Any) -> HttpResponse:
    """Somebody is known and may not."""
    if request.path.startswith(API):
        return problems.plain_response(request, 403, "This reader may not do that.")
    return refused.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Any) -> HttpResponse:
    """An address that there isn't."""
    if request.path.startswith(API):
        return problems.plain_response(request, 404, "There is no such address; /api/docs/ lists them.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """A failure of ours, which the log has."""
    if request.path.startswith(API):
        return problems.plain_response(request, 500, "The server failed; its log has the reason.")
    return defaults.server_error(request)
