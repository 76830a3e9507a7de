"""The view of all report pages: parse the URL, build the report, render it or send a table as a file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from events.access import Access, access_of
from events.accounts import audit
from events.spreadsheets.files import FORMATS
from reports.pages import bots, completeness, files, filter_bar
from reports.pages.building import SORT, Built, build
from reports.pages.filter_bar import offered
from reports.pages.links import SHARED, Links
from reports.pages.page import Page
from reports.pages.parameters import Parsed
from reports.pages.rendering import Shown, shown
from reports.pages.report import Figure, Report
from reports.pages.words import unbroken
from reports.periods import Period
from reports.query.series import ended

ZONE = "tally_zone"  # in the session: the last zone that the person selected
MOMENT = timedelta.resolution


def view_of(page: Page) -> Callable[[HttpRequest], HttpResponseBase]:
    """The view of one page, for who is logged in."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponseBase:
        access = access_of(request)
        if access.is_empty or (page.operators_only and not access.is_operator):
            raise PermissionDenied
        built = _build(request, page, access)
        if form := next((form for form in FORMATS if form in request.GET), ""):
            return _file(request, built, form)
        return _page(request, built)

    view.__name__ = page.name.replace("-", "_")
    return admin.site.admin_view(view)


def _build(request: HttpRequest, page: Page, access: Access) -> Built:
    """Build the report of the URL's filters and remember the zone."""
    usual = str(request.session.get(ZONE, "UTC"))
    built = build(page, {name: request.GET.getlist(name) for name in request.GET}, access, usual)
    chosen = built.parsed.filters.period.zone.key
    if built.parsed.params.get("zone") and chosen != usual:
        request.session[ZONE] = chosen
    return built


def _page(request: HttpRequest, built: Built) -> HttpResponse:
    page, report, parsed, about = built.page, built.report, built.parsed, built.context
    links, kept_since = about.links, completeness.sentence(page, about.kept)
    is_before = completeness.is_before(parsed.filters, about.kept)
    context: dict[str, object] = {
        **admin.site.each_context(request),
        "title": page.title,
        "page": page,
        "report": report,
        "figures": _figures(report, parsed),
        "answer": unbroken(report.answer),
        "attention": report.attention,
        "incomplete": built.incomplete,
        "kept_since": kept_since if is_before else "",
        "notes": " ".join(filter(None, (report.note, "" if is_before else kept_since))),
        "blocks": (blocks := _blocks(report, parsed, links)),
        "has_charts": any(block.spec for block in blocks),
        "errors": built.errors,
        "bar": filter_bar.bar(parsed, built.choices, page, links, offered(parsed.filters, page)),
        "kept": _kept(parsed, page, report),
        "lift_all": links.lifted(),
        "period": unbroken(_in_words(report.period or parsed.filters.period)),
        "bots": bots.note(page, parsed.filters, about),
        "beside": unbroken(_beside(parsed.filters.compare, page, report)),
    }
    request.current_app = str(admin.site.name)
    return TemplateResponse(request, "reports/page.html", context)


def _figures(report: Report, parsed: Parsed) -> list[Figure]:
    """Return the figures, their sparks without the current bucket: half an hour isn't a bad hour."""
    if report.period:
        return list(report.figures)
    now = timezone.now()
    return [replace(each, spark=ended(each.spark, parsed.filters, now)) for each in report.figures]


def _blocks(report: Report, parsed: Parsed, links: Links) -> list[Shown]:
    if report.empty:
        return []
    sort = parsed.params.get(SORT, [""])[-1]
    return [shown(block, sort, links) for block in report.blocks]


def _kept(parsed: Parsed, page: Page, report: Report) -> list[tuple[str, str]]:
    """Return the hidden fields of the filter form: parameters without a field."""
    fields = {*page.filters, *(control.name for control in report.controls)}
    names = {SORT, *page.own, *SHARED} - fields
    if "period" in page.filters:
        names -= {"from", "to"}
    return [(name, value) for name, values in parsed.params.items() if name in names for value in values]


def _in_words(period: Period) -> str:
    return f"{_days(period.first, period.last)}, {period.zone.key}"


def _beside(compare: Period | None, page: Page, report: Report) -> str:
    """Return the compared days. A running period is compared with the same part of them."""
    if compare is None or report.period or report.empty or "compare" not in page.filters:
        return ""
    if compare.lasts is None:
        return _days(compare.first, compare.last)
    end = compare.until.astimezone(compare.zone)
    return f"{_days(compare.first, (end - MOMENT).date())} up to {end:%H:%M}"


def _days(first: date, last: date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def _file(request: HttpRequest, built: Built, form: str) -> HttpResponseBase:
    """Send a table of the page with all its rows."""
    block = built.report.block(request.GET[form])
    if block is None:
        raise Http404
    return files.send(built, block, form, audit.actor_of(request))
