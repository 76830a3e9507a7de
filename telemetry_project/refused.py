"""The page of what somebody may not do: it says whom to ask."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from events.admin.scope import scope_of
from events.ownership.membership import Membership, Role


@never_cache  # it names people
def permission_denied(
    request: HttpRequest,
    exception: Exception,  # noqa: ARG001  (Django names it)
) -> HttpResponse:
    """Answers 403. The leads named are those of owners that the person is a member of."""
    is_operator = scope_of(request).is_operator
    owners = [] if is_operator else scope_of(request).owners
    leads = Membership.objects.filter(owner__in=owners, role=Role.LEAD, user__is_active=True)
    names = sorted({str(each.user) for each in leads.select_related("user")} - {str(request.user)})
    context = {
        **admin.site.each_context(request),
        "title": "Not allowed",
        "leads": names,
        "is_operator": is_operator,
    }
    return render(request, "403.html", context, status=403)
