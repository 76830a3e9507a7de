"""Query parameters: refuses values that no page and no column accepts, in one place for all pages.

Values that are meaningless to a filter are left to it: it matches nothing, or says so.
"""

import logging
from collections.abc import Callable

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse

from telemetry_project.web import errors

log = logging.getLogger(__name__)
NUMBERED = ("page",)  # read as numbers by views that aren't ours
MAX_DIGITS = 9


class CheckParameters:
    """Middleware that answers 400 for an invalid query, and for a value that no database column accepts."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Refuse, or pass on."""
        without_nul(request)
        if fault := fault_of(request):
            return errors.bad_request(request, BadRequest(fault))
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer 400 for a value that fits no list, column or calendar. Other exceptions are bugs of ours."""
        if isinstance(exception, IncorrectLookupParameters):
            return errors.bad_request(request, exception)
        if request.method not in ("GET", "HEAD") or not isinstance(exception, DataError | OverflowError):
            return None
        log.warning("A parameter has a value that no column can have", exc_info=exception)
        return errors.bad_request(request, exception)


def without_nul(request: HttpRequest) -> None:
    """Replace NUL in the query, which PostgreSQL refuses, as Django replaces bytes that aren't UTF-8.

    The API refuses it by itself, and names the parameter.
    """
    query = request.META.get("QUERY_STRING", "")
    if "%00" in query and not request.path_info.startswith(errors.API):
        request.META["QUERY_STRING"] = query.replace("%00", "%EF%BF%BD")


def fault_of(request: HttpRequest) -> str:
    """Return the error in the query, or an empty text."""
    query = request.META.get("QUERY_STRING", "")
    if not query:
        return ""
    for name in NUMBERED:
        for text in request.GET.getlist(name):
            if text and not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
                return f"`{name}` is a whole number."
    return ""
