"""Building: a report from its parameters, the same for the pages and the API."""

from dataclasses import dataclass

from django.utils import timezone

from events.access import Access, labels_of
from events.kinds import KINDS
from events.store import retention
from events.store.completeness import Incomplete
from reports.pages import completeness, parameters
from reports.pages.links import Links, Params
from reports.pages.page import Context, Page
from reports.pages.parameters import Choices, Parsed
from reports.pages.report import Report
from reports.pages.words import compared_with

SORT = "sort"  # parameter: block.column, with a minus before the column for descending order


@dataclass(frozen=True, slots=True)
class Built:
    """A report, and what it was built from."""

    page: Page
    report: Report
    parsed: Parsed
    choices: Choices
    context: Context
    incomplete: Incomplete | None  # why figures are incomplete

    @property
    def errors(self) -> tuple[str, ...]:
        """Return what is wrong with the parameters, as sentences. They were left out."""
        return (*self.parsed.errors, *self.report.errors)


def build(page: Page, params: Params, access: Access, zone: str) -> Built:
    """Build a page's report for a person. `zone` is the time zone if the parameters name none."""
    choices, now = choices_of(access), timezone.now()
    parsed = parameters.parse(params, choices, now, own=(*page.own, SORT), zone=zone)
    links = Links(page.name, parsed.params)
    why = completeness.reason(parsed.filters, page, now)
    if why:
        parsed = completeness.without_comparison(parsed)
    context = _context(parsed, choices, links, page, is_incomplete=why is not None)
    report = completeness.explained(page.build(parsed.filters, context), parsed.filters, context.kept)
    if why:
        report = completeness.without_derived(report)
    return Built(page, report, parsed, choices, context, why)


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
