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

from events.access import Access, access_of, labels_of
from events.accounts import audit
from events.kinds import KINDS
from events.ownership.owner import Owner
from events.spreadsheets.files import FORMATS, download
from events.store import retention
from events.store.completeness import Incomplete
from reports.pages import bots, completeness, filter_bar, parameters
from reports.pages.filter_bar import offered
from reports.pages.links import SHARED, Links
from reports.pages.page import Context, Page
from reports.pages.parameters import Choices, Parsed
from reports.pages.rendering import Shown, shown
from reports.pages.report import Figure, Report
from reports.pages.words import compared_with, unbroken
from reports.periods import Period
from reports.query.series import ended

ZONE = "tally_zone"  # in the session: the last zone that the person selected
MOMENT = timedelta.resolution
SORT = "sort"  # parameter: block.column, with a minus before the column for descending order


def view_of(page: Page) -> Callable[[HttpRequest], HttpResponseBase]:
    """The view of one page, for who is logged in."""

    @require_safe
    def view(request: HttpRequest) -> HttpResponseBase:
        access = access_of(request)
        if access.is_empty or (page.operators_only and not access.is_operator):
            raise PermissionDenied
        choices = choices_of(access)
        parsed = _ask(request, page, choices)
        links = Links(page.name, parsed.params)
        why = completeness.reason(parsed.filters, page, timezone.now())
        if why:
            parsed = completeness.without_comparison(parsed)
        context = _context(parsed, choices, links, page, is_incomplete=why is not None)
        report = completeness.explained(page.build(parsed.filters, context), parsed.filters, context.kept)
        if why:
            report = completeness.without_derived(report)
        if form := next((form for form in FORMATS if form in request.GET), ""):
            return _file(request, page, report, parsed, form)
        return _page(request, page, report, parsed, choices, context, why)

    view.__name__ = page.name.replace("-", "_")
    return admin.site.admin_view(view)


def choices_of(access: Access) -> Choices:
    """Return what a person may choose from, in three statements."""
    owners, sources = access.owners, list(access.visible_sources.select_related("organization"))
    stored = frozenset(access.listed_sources.values_list("pk", flat=True))
    return Choices(
        owners={owner.pk: label for owner, label in zip(owners, labels_of(owners), strict=True)},
        sources={source.pk: label for source, label in zip(sources, labels_of(sources), strict=True)},
        kinds=tuple(sorted(KINDS)),
        sees_all=access.is_operator,
        merged={source.pk: source.merged_into_id for source in sources if source.merged_into_id},
        unstored=frozenset(source.pk for source in sources if source.pk not in stored),
    )


def _ask(request: HttpRequest, page: Page, choices: Choices) -> Parsed:
    """Parse the filters in the URL and remember the zone."""
    params = {name: request.GET.getlist(name) for name in request.GET}
    usual = str(request.session.get(ZONE, "UTC"))
    parsed = parameters.parse(params, choices, timezone.now(), own=(*page.own, SORT), zone=usual)
    chosen = parsed.filters.period.zone.key
    if parsed.params.get("zone") and chosen != usual:
        request.session[ZONE] = chosen
    return parsed


def _context(parsed: Parsed, choices: Choices, links: Links, page: Page, *, is_incomplete: bool) -> Context:
    return Context(
        now=timezone.now(),
        links=links,
        owners=dict(choices.owners),
        sources=dict(choices.sources),
        sees_all=choices.sees_all,
        params={name: tuple(parsed.params.get(name, ())) for name in page.own},
        compared=compared_with(parsed.compare, parsed.filters.period),
        kept=retention.current(),
        is_incomplete=is_incomplete,
    )


def _page(
    request: HttpRequest,
    page: Page,
    report: Report,
    parsed: Parsed,
    choices: Choices,
    about: Context,
    why: Incomplete | None,
) -> HttpResponse:
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
        "incomplete": why,
        "kept_since": kept_since if is_before else "",
        "notes": " ".join(filter(None, (report.note, "" if is_before else kept_since))),
        "blocks": (blocks := _blocks(report, parsed, links)),
        "has_charts": any(block.spec for block in blocks),
        "errors": (*parsed.errors, *report.errors),
        "bar": filter_bar.bar(parsed, choices, page, links, offered(parsed.filters, page)),
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


def _file(request: HttpRequest, page: Page, report: Report, parsed: Parsed, form: str) -> HttpResponseBase:
    """Send a table of the page with all its rows. Like every export, it is audited."""
    name = request.GET[form]
    block = report.block(name)
    if block is None:
        raise Http404
    filters = {each: ", ".join(values) for each, values in parsed.params.items()}
    about = f"{page.title}, {block.title.lower()}, as {FORMATS[form].title}"
    audit.record(audit.actor_of(request), "export.made", about, owner=_owner_of(parsed), after=filters)
    period = report.period or parsed.filters.period
    file = f"{page.name}-{name}-{period.first:%Y-%m-%d}-{period.last:%Y-%m-%d}"
    return download(block.rows.sheet(block.title), form, file)


def _owner_of(parsed: Parsed) -> Owner | None:
    """Return the only owner in the report, if there is one. Its leads see the audit entry."""
    owners = parsed.filters.owners or ()
    return Owner.objects.filter(pk=owners[0]).first() if len(owners) == 1 else None
