"""Errors that no view answers: problem details under /api/, Django's pages elsewhere."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import defaults
from django.views.decorators.cache import never_cache

from events.access import access_of, leads_of
from events.api import problems

API = "/api/"


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 to requests that Django itself refuses, for example with a foreign Host."""
    if request.path.startswith(API):
        return problems.plain_response(request, 400, "The request was refused.")
    return defaults.bad_request(request, exception)


@never_cache  # it names people
def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  (Django names it)
    """Answer 403. The page names the leads of the owners that the person is a member of."""
    if request.path.startswith(API):
        return problems.plain_response(request, 403, "This reader isn't allowed to do that.")
    access = access_of(request)
    leads = [] if access.is_operator else leads_of(access.owners)
    context = {
        **admin.site.each_context(request),
        "title": "Not allowed",
        "leads": [str(lead) for lead in leads if lead != request.user],
        "is_operator": access.is_operator,
    }
    return render(request, "403.html", context, status=403)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404."""
    if request.path.startswith(API):
        return problems.plain_response(
            request, 404, "There is no such address. /api/docs/ lists all of them."
        )
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500. The log has the reason."""
    if request.path.startswith(API):
        return problems.plain_response(request, 500, "The server failed. Its log has the reason.")
    return defaults.server_error(request)
