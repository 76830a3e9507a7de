"""The charges of a month as a download by FOCUS 1.2, of the owners that the cost page was about."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.access import access_of
from events.accounts import audit
from events.ownership.owner import Owner
from reports.cost import focus
from reports.cost.months import month_of_text
from reports.pages import asking
from reports.pages.views import choices_of

MOST_ROWS = 50_000  # written while somebody waits: more would keep others waiting too


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """All charges, line by line while they are read."""
    access = access_of(request)
    if access.is_empty:
        raise PermissionDenied
    params = {name: request.GET.getlist(name) for name in ("owner", "month")}
    asked = asking.ask(params, choices_of(access), timezone.now(), own=("month",))
    try:
        month = month_of_text("".join(asked.params.get("month", ())))
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("reports:cost")
    owners = asked.filters.owners
    if focus.has_more_than(MOST_ROWS, month, owners):
        messages.error(
            request,
            f"This month has more than {MOST_ROWS:,} charges, too many to download here. Choose fewer owners "
            f"or ask an operator to run: manage.py export_focus --month {month:%Y-%m}",
        )
        return redirect("reports:cost")
    one = Owner.objects.filter(pk__in=owners).first() if owners and len(owners) == 1 else None
    audit.record(
        audit.actor_of(request),
        "export.made",
        f"charges of {month:%Y-%m}",
        owner=one,
        after=dict(asked.params),
    )
    response = StreamingHttpResponse(
        focus.rows(focus.charges_of(month, owners)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="focus-{month:%Y-%m}.csv"'
    response["Cache-Control"] = "private, no-store"
    return response
