"""Months: the cost and state of each organization's months. Operators close months here."""

from datetime import date, datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from events.access import access_of
from events.accounts import audit
from events.ownership.owner import Organization
from reports.charts.table import Amount, Column, Row, Table
from reports.cost.charges import parse_month
from reports.cost.charging import closing
from reports.cost.charging.closing import NotClosable, Preview
from reports.cost.charging.updating import update_charges
from reports.figures.cost import months
from reports.figures.cost.months import Month
from reports.filters import Filters
from reports.pages.cost.months import ZONE
from reports.pages.cost.wording import unit_of
from reports.pages.page import Context, Page
from reports.pages.report import Attention, Block, Empty, Report
from reports.pages.words import plural
from reports.periods import Period, month_of, next_month

NOTE = (
    "Months are calendar months in UTC. A closed month never changes: later changes are charged as"
    " corrections in the next open month. Amounts are rounded only for display."
)


def build(_: Filters, context: Context) -> Report:
    """Build the report."""
    found = months.months()
    due = [each for each in found if each.is_due(context.now)]
    return Report(
        answer=_answer(found, due),
        attention=tuple(
            Attention(
                f"{each.month:%B %Y} of {each.organization} is over and still open.", _href(each), "Close it"
            )
            for each in due[:3]
        ),
        blocks=(_block(found, context.now),),
        note=NOTE,
        period=_period(found, context.now),
        empty=None if found else Empty("No months yet", "The first month appears with the first usage."),
    )


def _answer(found: list[Month], due: list[Month]) -> str:
    if not found:
        return "Nothing was charged yet."
    closed = sum(each.is_closed for each in found)
    are = "is" if closed == 1 else "are"
    waiting = plural(len(due), "month") if due else "No month"
    return f"{waiting} can be closed. {closed} of {plural(len(found), 'month')} {are} closed."


def _period(found: list[Month], now: datetime) -> Period:
    """Return the period of all months."""
    shown = [each.month for each in found] or [month_of(now.date())]
    return Period(min(shown), next_month(max(shown)), ZONE)


def _block(found: list[Month], now: datetime) -> Block:
    columns = (
        Column("month", "Month"),
        Column("organization", "Organization"),
        Column("cost", "Cost", is_amounts=True),
        Column("state", "State"),
        Column("corrections", "Including corrections", is_amounts=True),
        Column("until", "Charged until (UTC)"),
        Column("closed_by", "Closed by"),
        Column("closed_at", "Closed at (UTC)"),
    )
    rows = tuple(
        Row(
            (
                f"{each.month:%Y-%m}",
                each.organization,
                Amount(each.cost, unit_of(each.currency)),
                each.state(now),
                Amount(each.corrections, unit_of(each.currency)),
                each.charged_until and min(each.charged_until, now),
                each.closed_by,
                each.closed_at,
            ),
            href=f"{reverse('reports:cost')}?month={each.month:%Y-%m}",
            hrefs={"state": _href(each)} if each.is_due(now) else {},
        )
        for each in found
    )
    return Block("months", "Months", table=Table(columns, rows))


def _href(each: Month) -> str:
    return f"{reverse('reports:close-month')}?organization={each.organization_id}&month={each.month:%Y-%m}"


class Changed(Exception):
    """The cost changed since the page was shown."""


@require_http_methods(["GET", "POST"])
def close_month(request: HttpRequest) -> HttpResponse:
    """Show what closing a month makes final, and close it on POST if that hasn't changed since.

    GET writes nothing and shows the latest charges. POST brings charges up to date first.
    """
    if not access_of(request).is_operator:
        raise PermissionDenied
    selection = request.POST if request.method == "POST" else request.GET
    back = redirect("reports:months")
    try:
        organization = Organization.objects.get(pk=int(selection.get("organization", "")))
        month = parse_month(selection.get("month", ""))
    except (ValueError, OverflowError, Organization.DoesNotExist):
        messages.error(request, "Choose a month of an organization.")
        return back
    now = timezone.now()
    try:
        if request.method == "POST" and selection.get("sure") == "yes":
            fixed = _close(request, organization, month, selection, now)
            messages.success(request, f"{month:%B %Y} of {organization} is closed: {_sum(fixed)}.")
            return back
        shown = closing.preview(organization, month, now)
    except Changed:
        messages.error(request, "Charges have changed since this page was shown. These are the current ones.")
        update_charges(organization.pk, now)
        shown = closing.preview(organization, month, now)
    except NotClosable as error:
        messages.error(request, str(error))
        return back
    return _confirm(request, organization, shown)


def _close(
    request: HttpRequest, organization: Organization, month: date, selection: QueryDict, now: datetime
) -> Preview:
    """Close the month, unless the amounts differ from those that the person saw."""
    with transaction.atomic():
        fixed = closing.close(organization, month, audit.actor_of(request), now)
        if selection.get("seen") != _seen(fixed):
            raise Changed
    return fixed


def _seen(shown: Preview) -> str:
    return f"{shown.total} {shown.rows}"


def _sum(shown: Preview) -> str:
    return f"{unit_of(shown.currency).short(shown.total)} in {plural(shown.rows, 'charge')}"


def _confirm(request: HttpRequest, organization: Organization, shown: Preview) -> HttpResponse:
    money = unit_of(shown.currency)
    costs = money.writer([each.cost for each in shown.owners])
    corrections = money.writer([each.corrections for each in shown.owners])
    owners = [
        {
            "name": each.owner,
            "cost": costs(each.cost),
            "exact": money.exact(each.cost),
            "corrections": corrections(each.corrections) if each.corrections else "",
        }
        for each in sorted(shown.owners, key=lambda each: -each.cost)
    ]
    context = {
        **admin.site.each_context(request),
        "title": f"Close {shown.month:%B %Y}",
        "organization": organization,
        "shown": shown,
        "month": f"{shown.month:%Y-%m}",
        "sum": _sum(shown),
        "exact": money.exact(shown.total),
        "owners": owners,
        "seen": _seen(shown),
        "back": reverse("reports:months"),
    }
    request.current_app = str(admin.site.name)
    return TemplateResponse(request, "reports/close_month.html", context)


PAGE = Page("months", "Months", "event_available", build, group="Cost", operators_only=True, filters=())
