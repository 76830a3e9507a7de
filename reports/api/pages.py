"""Report pages in the read API: the same figures and tables, from the same filters."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.http import Http404
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_serializer
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.accounts import audit
from events.api.endpoint import Endpoint
from events.api.problems import BadParameter
from events.spreadsheets.files import FORMATS
from reports.api.tables import CsvRenderer, columns_of, rows_of, unit_of
from reports.pages import files
from reports.pages.building import Built, build
from reports.pages.page import Page
from reports.pages.parameters import BOTS, COMPARES, GRANULARITIES
from reports.pages.registry import PAGES
from reports.pages.report import Block, Figure
from reports.periods import PRESETS, Period

FORMAT, SORT = "format", "sort"
SEPARATOR = ","  # of several values of a filter
BY_NAME = {page.name: page for page in PAGES}
DAYS = ("from", "to")
# The filters of pages by name: what they accept.
DESCRIBED: Mapping[str, str] = {
    "owner": "Names of owners, in any case, or their numbers, separated by commas. Default: all that the"
    " reader may see.",
    "source": "Names of sources, in any case, or their numbers, separated by commas.",
    "kind": "Kinds of event, separated by commas.",
    "version": "Versions of sources, separated by commas.",
    "country": "Countries, as codes of two letters, separated by commas.",
    "bots": f"How bots count: {', '.join(filter(None, BOTS))}. Default: in figures about events, not in those"
    " about people.",
    "period": f"One of {', '.join(PRESETS)}, or `custom` with `from` and `to`. Default: the last 7 days.",
    "from": "First day of the period, as in 2026-01-31.",
    "to": "Last day of the period. Default: today.",
    "compare": f"Period to compare with: {', '.join(COMPARES)}. Default: before.",
    "granularity": f"Length of the buckets: {', '.join(GRANULARITIES)}. Default: as fits the period.",
    "zone": "Time zone of days and hours, as in Europe/Berlin. Default: UTC.",
}


class PeriodSerializer(serializers.Serializer[Any]):
    """Whole days in a time zone."""

    first = serializers.DateField()
    last = serializers.DateField()
    zone = serializers.CharField()


class ReportFigureSerializer(serializers.Serializer[Any]):
    """A number at the top of a page."""

    title = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    unit = serializers.CharField(allow_null=True)
    text = serializers.CharField(help_text="The number as the page shows it.")
    is_estimate = serializers.BooleanField(help_text="Whether it is estimated from a sample.")
    note = serializers.CharField(allow_blank=True)


class ReportSectionSerializer(serializers.Serializer[Any]):
    """A section of a page."""

    name = serializers.CharField()
    title = serializers.CharField()
    rows = serializers.IntegerField()
    address = serializers.CharField(help_text="Address of its rows, with the filters of this request.")


class ReportPageSerializer(serializers.Serializer[Any]):
    """A report page."""

    page = serializers.CharField()
    title = serializers.CharField()
    address = serializers.CharField()
    parameters = serializers.ListField(child=serializers.CharField())


@extend_schema_serializer(many=False)
class ReportPagesSerializer(serializers.Serializer[Any]):
    """All report pages, without pages."""

    results = ReportPageSerializer(many=True)


class ReportSerializer(serializers.Serializer[Any]):
    """The figures and sections of a report page."""

    page = serializers.CharField()
    title = serializers.CharField()
    period = PeriodSerializer()
    compared_with = PeriodSerializer(allow_null=True)
    answer = serializers.CharField(help_text="The page's first sentence.")
    figures = ReportFigureSerializer(many=True)
    attention = serializers.ListField(child=serializers.CharField(), help_text="What needs attention.")
    sections = ReportSectionSerializer(many=True)
    incomplete = serializers.CharField(
        allow_null=True, help_text="Why figures are incomplete. null if they are complete."
    )
    note = serializers.CharField(allow_blank=True, help_text="How it is counted.")


class ReportColumnSerializer(serializers.Serializer[Any]):
    """A column of a section."""

    name = serializers.CharField(help_text="Its member in each row.")
    title = serializers.CharField()
    unit = serializers.CharField(allow_null=True)
    zone = serializers.CharField(allow_null=True, help_text="Time zone of its times.")
    is_estimate = serializers.BooleanField()
    note = serializers.CharField(allow_blank=True)


class ReportTableSerializer(serializers.Serializer[Any]):
    """The rows of a section."""

    page = serializers.CharField()
    section = serializers.CharField()
    title = serializers.CharField()
    period = PeriodSerializer()
    compared_with = PeriodSerializer(allow_null=True)
    incomplete = serializers.CharField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    columns = ReportColumnSerializer(many=True)
    rows = serializers.ListField(
        child=serializers.DictField(), help_text="A member per column. Exact decimals are text."
    )


PARAMETERS = [OpenApiParameter(name, str, description=text) for name, text in DESCRIBED.items()]
OF_FILES = [
    OpenApiParameter(
        FORMAT,
        {"type": "string", "enum": ["json", *FORMATS]},
        description="Default: json, or what `Accept` says.",
    ),
    OpenApiParameter(SORT, str, description="Column to sort by, with a minus for descending order."),
]


class ReportsViewSet(Endpoint, viewsets.GenericViewSet[Any]):
    """Report pages of the owners that the reader may see."""

    pagination_class = None
    filter_backends = ()
    lookup_url_kwarg = "page"
    lookup_value_converter = "str"
    serializer_class = ReportSerializer

    def known_parameters(self) -> set[str]:
        """Return the parameters of the page, and of files for a section."""
        if self.action == "list":
            return set()
        return {*parameters_of(self._page()), *((FORMAT, SORT) if self.action == "section" else ())}

    @extend_schema(responses=ReportPagesSerializer)
    def list(self, request: Request) -> Response:
        """Return the report pages and their parameters."""
        return Response(
            {
                "results": [
                    {
                        "page": page.name,
                        "title": page.title,
                        "address": request.build_absolute_uri(reverse("report-detail", args=[page.name])),
                        "parameters": list(parameters_of(page)),
                    }
                    for page in PAGES
                    if _may_read(self._access, page)
                ]
            }
        )

    @extend_schema(parameters=PARAMETERS, responses=ReportSerializer)
    def retrieve(self, request: Request, page: str) -> Response:
        """Return the figures of a page, and its sections."""
        built = self._built()
        report = built.report
        query = f"?{request.META['QUERY_STRING']}" if request.META["QUERY_STRING"] else ""
        return Response(
            {
                "page": built.page.name,
                "title": built.page.title,
                **_periods(built),
                "answer": report.answer,
                "figures": [_figure(each) for each in report.figures],
                "attention": [each.sentence for each in report.attention],
                "sections": [
                    {
                        "name": block.name,
                        "title": block.title,
                        "rows": len(block.rows.rows),
                        "address": request.build_absolute_uri(
                            reverse("report-section", args=[built.page.name, block.name]) + query
                        ),
                    }
                    for block in sections(built)
                ],
                "incomplete": _incomplete(built),
                "note": report.note,
            }
        )

    @extend_schema(
        operation_id="get_report_section",
        parameters=[*PARAMETERS, *OF_FILES],
        responses={
            (200, "application/json"): ReportTableSerializer,
            **{(200, each.type): OpenApiTypes.STR for each in FORMATS.values()},
        },
    )
    @action(
        detail=True,
        url_path="<str:section>",
        url_name="section",
        serializer_class=ReportTableSerializer,
        renderer_classes=(JSONRenderer, CsvRenderer),
    )
    def section(self, request: Request, page: str, section: str) -> HttpResponseBase:
        """Return the rows of a section, as JSON or as a file."""
        form = self._format()
        built = self._built()
        block = next((each for each in sections(built) if each.name == section), None)
        if block is None:
            raise Http404
        block = self._sorted(block)
        if form in FORMATS:
            return files.send(built, block, form, audit.actor_of(request))
        return Response(
            {
                "page": built.page.name,
                "section": block.name,
                "title": block.title,
                **_periods(built),
                "incomplete": _incomplete(built),
                "note": " ".join(filter(None, (block.sentence, block.note))),
                "columns": columns_of(block.rows),
                "rows": list(rows_of(block.rows)),
            }
        )

    @cached_property
    def _access(self) -> Access:
        return Access(self.request.user)

    def _page(self) -> Page:
        page = page_named(self.kwargs["page"], self._access)
        if page is None:
            raise Http404
        return page

    def _built(self) -> Built:
        given = self.request.query_params.items()
        params = {name: str(text) for name, text in given if name not in (FORMAT, SORT)}
        return build_page(self._page(), params, self._access)

    def _format(self) -> str:
        form: str = self.request.query_params.get(FORMAT) or self.request.accepted_renderer.format
        if form not in ("json", *FORMATS):
            raise BadParameter("bad_parameter", {FORMAT: [f"Formats are json, {', '.join(FORMATS)}."]})
        return form

    def _sorted(self, block: Block) -> Block:
        sort = self.request.query_params.get(SORT, "")
        names = [column.name for column in block.rows.columns]
        if sort and sort.removeprefix("-") not in names:
            raise BadParameter("bad_parameter", {SORT: [f"The columns are {', '.join(names)}."]})
        return replace(block, table=block.rows.ordered(sort))


def page_named(name: str, access: Access) -> Page | None:
    """Return a page by its name in addresses; None if the reader can't read it."""
    page = BY_NAME.get(name)
    return page if page and _may_read(access, page) else None


def build_page(page: Page, params: Mapping[str, str], access: Access) -> Built:
    """Build the report. Raises `BadParameter` where a page would leave a filter out and say so."""
    made = build(page, {name: values_of(name, text, access) for name, text in params.items()}, access, "UTC")
    if made.errors:
        raise BadParameter("bad_parameter", {"filters": refusals(made.errors)})
    return made


def parameters_of(page: Page) -> tuple[str, ...]:
    """Return the parameters of a page's address."""
    days = DAYS if "period" in page.filters else ()
    return tuple(dict.fromkeys((*page.filters, *days, *page.own)))


def values_of(name: str, text: str, access: Access) -> list[str]:
    """Return the values of a filter. Owners and sources may be named; pages know them by number."""
    if name not in ("owner", "source", "kind", "version", "country"):
        return [text]
    numbers: dict[str, list[str]] = {}
    if name in ("owner", "source"):
        rows: Any = access.owners if name == "owner" else access.visible_sources
        for row in rows:
            numbers.setdefault(row.name.casefold(), []).append(str(row.pk))
    if found := numbers.get(text.strip().casefold()):
        return found
    parts = [part.strip() for part in text.split(SEPARATOR) if part.strip()]
    return [number for part in parts for number in numbers.get(part.casefold(), [part])]


def refusals(errors: Iterable[str]) -> list[str]:
    """Return what is wrong, without what a page does about it."""
    return [f"{error.partition(';')[0].removesuffix('.')}." for error in errors]


def _may_read(access: Access, page: Page) -> bool:
    return not access.is_empty and (access.is_operator or not page.operators_only)


def sections(built: Built) -> list[Block]:
    """Return the sections that have a table."""
    return [block for block in built.report.blocks if block.table is not None or block.chart is not None]


def _periods(built: Built) -> dict[str, object]:
    filters = built.parsed.filters
    return {
        "period": period_of(built.report.period or filters.period),
        "compared_with": period_of(filters.compare) if filters.compare and not built.report.period else None,
    }


def period_of(period: Period) -> dict[str, str]:
    """Return the days of a period."""
    return {
        "first": period.first.isoformat(),
        "last": period.last.isoformat(),
        "zone": period.zone.key,
    }


def _figure(figure: Figure) -> dict[str, object]:
    return {
        "title": figure.title,
        "value": None if figure.value is None else float(figure.value),
        "unit": unit_of(figure.unit),
        "text": figure.text,
        "is_estimate": figure.is_about,
        "note": figure.note,
    }


def _incomplete(built: Built) -> str | None:
    return built.incomplete.sentence if built.incomplete else None
