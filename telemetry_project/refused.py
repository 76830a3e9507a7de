"""The page of what somebody may not do: it says whom to ask."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from events.access import access_of, leads_of


@never_cache  # it names people
def permission_denied(
    request: HttpRequest,
    exception: Exception,  # noqa: ARG001  (Django names it)
) -> HttpResponse:
    """Answers 403. The leads named are those of owners that the person is a member of."""
    access = access_of(request)
    leads = [] if access.is_operator else leads_of(access.owners)
    context = {
        **admin.site.each_context(request),
        "title": "Not allowed",
        "leads": [str(lead) for lead in leads if lead != request.user],
        "is_operator": access.is_operator,
    }
    return render(request, "403.html", context, status=403)
