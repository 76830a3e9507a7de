"""Download of a month's charges as FOCUS 1.2, for the owners shown on the cost page."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.access import access_of
from events.accounts import audit
from events.ownership.owner import Owner
from events.spreadsheets.files import FORMATS, download
from reports.cost import focus
from reports.cost.charges import parse_month
from reports.pages import parameters
from reports.pages.building import choices_of

# A person waits for the file, and more rows would keep others waiting too. XLSX can't be streamed.
MOST_ROWS = {"csv": 50_000, "xlsx": 10_000}


@require_safe
def export(request: HttpRequest, form: str) -> HttpResponseBase:
    """Export all charges."""
    access = access_of(request)
    if access.is_empty:
        raise PermissionDenied
    params = {name: request.GET.getlist(name) for name in ("owner", "month")}
    selection = parameters.parse(params, choices_of(access), timezone.now(), own=("month",))
    try:
        month = parse_month("".join(selection.params.get("month", ())))
    except ValueError as error:
        messages.error(request, str(error))
        return redirect("reports:cost")
    owners = selection.filters.owners
    most = MOST_ROWS[form]
    if focus.has_more_than(most, month, owners):
        other = "" if form == "csv" else f" CSV has up to {MOST_ROWS['csv']:,}."
        messages.error(
            request,
            f"This month has more than {most:,} charges, too many to download here as {FORMATS[form].title}."
            f"{other} Choose fewer owners or ask an operator to run: "
            f"manage.py export_focus --month {month:%Y-%m} --output focus-{month:%Y-%m}.{form}",
        )
        return redirect("reports:cost")
    one = Owner.objects.filter(pk__in=owners).first() if owners and len(owners) == 1 else None
    audit.record(
        audit.actor_of(request),
        "export.made",
        f"charges of {month:%Y-%m} as {FORMATS[form].title}",
        owner=one,
        after=dict(selection.params),
    )
    sheet = focus.sheet(focus.charges_of(month, owners), month, form)
    return download(sheet, form, f"focus-{month:%Y-%m}")
