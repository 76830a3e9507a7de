"""Sources in the admin: the list and the page of a source, merging and deleting. Filing creates sources."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.db.models import Max, Min, Q, Sum
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget

from events.access import Access, access_of, labels_of
from events.accounts import audit
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import NOTHING, Link, Page, Table, TableRow, daily_sparkline, group
from events.admin.overview import (
    DAYS,
    Card,
    SourceFigures,
    first_day,
    incomplete_for,
    usage_of_sources,
    versions_of,
)
from events.lib.formatting import shorten
from events.managing import sources as managing
from events.ownership.source import Source
from events.store.silent import silent_sources
from events.store.usage import UsageHour
from events.store.versions import SourceVersion

ROWS = 100  # of a table
MOST_MERGED = 10  # links to merged sources
NOT_SENT = "(none sent)"


@dataclass(frozen=True, kw_only=True)
class SourceView(Page):
    """The page of a source, limited to events of the person's owners."""

    cards: tuple[Card, ...]
    tables: tuple[Table, ...]


def source_view(source: Source, access: Access, now: datetime) -> SourceView:
    """Build the page of a source."""
    figures = usage_of_sources(access, [source.pk], now).get(source.pk)
    tables = (_versions(source, access), _kinds(source, access, now), _owners(source, access, now))
    return SourceView(
        sentence=source_sentence(source, figures),
        links=(*_links(source), *_merged(source, access)),
        groups=(group("Which", source, ("name", "organization", "merged_into")),),
        cards=tuple(_cards(source, figures, access, now)) if figures else (),
        tables=tuple(table for table in tables if table.lines),
    )


def source_sentence(source: Source, figures: SourceFigures | None) -> str:
    """Return a sentence: what the source sent recently, and when it was last seen."""
    if source.merged_into is not None:
        return f"{source.name} is merged: new events that name it are filed under {source.merged_into}."
    if figures is None:
        return f"{source.name} has sent nothing yet."
    heard = f"last seen in the hour from {_in_words(figures.last)} UTC"
    if not figures.received:
        return f"{source.name} sent nothing in the last {DAYS} days; {heard}."
    events = "1 event" if figures.received == 1 else f"{figures.received:,} events"
    bad = f"{figures.rejected:,} rejected" if figures.rejected else "none rejected"
    return f"{source.name} sent {events} in the last {DAYS} days, {bad}; {heard}."


def _in_words(at: datetime) -> str:
    """Return an hour for a sentence."""
    at = at.astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:00}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _from(at: datetime) -> str:
    return f"in the hour from {at.astimezone(UTC):%H:00} UTC"


def _links(source: Source) -> Iterable[Link]:
    query = urlencode({"source": source.pk})
    yield Link("Its events", f"{reverse('admin:events_event_changelist')}?{query}")
    yield Link("Its sessions", f"{reverse('admin:events_session_changelist')}?{query}")
    yield Link("Its rejected events", f"{reverse('admin:ingestion_rejectedevent_changelist')}?{query}")


def _merged(source: Source, access: Access) -> Iterable[Link]:
    """Return links to the target and to sources merged into this one, as far as the person sees them."""
    related = Q(pk=source.merged_into_id) | Q(merged_into=source)
    for other in access.visible_sources.filter(related).order_by("name")[:MOST_MERGED]:
        label = "Merged into" if other.pk == source.merged_into_id else "Merged source:"
        yield Link(f"{label} {other}", reverse("admin:events_source_change", args=[other.pk]))


def _cards(source: Source, figures: SourceFigures, access: Access, now: datetime) -> Iterable[Card]:
    events, _, rejected = (link.href for link in _links(source))
    is_incomplete = incomplete_for(access, now) is not None
    hours = access.limit(UsageHour.objects.filter(source=source))
    silent = [] if is_incomplete else silent_sources(hours, now)
    yield Card(
        f"Received in {DAYS} days",
        f"{figures.received:,}",
        "events",
        daily_sparkline(figures.days, "Events received"),
        events,
    )
    yield Card(
        f"Rejected in {DAYS} days",
        f"{figures.rejected:,}",
        "events",
        daily_sparkline(figures.rejected_days, "Events rejected"),
        rejected,
        wants_attention=figures.rejected > 0 and not is_incomplete,
    )
    yield Card("First seen", _day(figures.first), _from(figures.first))
    note = "".join([_from(figures.last), *(f"; silent for {each.since}" for each in silent)])
    yield Card("Last seen", _day(figures.last), note, wants_attention=bool(silent))


def _versions(source: Source, access: Access) -> Table:
    """Return the table of versions, latest first."""
    rows = list(
        access.limit(SourceVersion.objects.filter(source=source))
        .values("version")
        .annotate(first=Min("first_seen"), last=Max("last_seen"), count=Sum("events"))
        .order_by("-last", "version")[: ROWS + 1]
    )
    most = max((row["count"] for row in rows), default=0) or 1
    return Table(
        "Versions, latest first",
        ("Version", "First seen (UTC)", "Last seen (UTC)", "Events stored"),
        tuple(
            TableRow(
                row["version"] or NOT_SENT,
                (_minute(row["first"]), _minute(row["last"]), f"{row['count']:,}"),
                100 * row["count"] / most,
            )
            for row in rows[:ROWS]
        ),
        note=f"The latest {ROWS}." if len(rows) > ROWS else "",
        texts=2,
        is_wide=True,
    )


def _minute(at: datetime) -> str:
    at = at.astimezone(UTC)
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M}")


def _kinds(source: Source, access: Access, now: datetime) -> Table:
    """Return the table of kinds."""
    rows = _usage(source, access, now, "kind")
    listed = reverse("admin:events_event_changelist")
    return Table(
        f"Kinds, {DAYS} days",
        ("Kind", "Rejected", "Received"),
        tuple(
            _line(
                row,
                row["kind"] or "(not known)",
                f"{listed}?{urlencode({'source': source.pk, 'kind': row['kind']})}" if row["kind"] else "",
                rows,
            )
            for row in rows
        ),
    )


def _owners(source: Source, access: Access, now: datetime) -> Table:
    """Return the table of owners, if there are several."""
    rows = _usage(source, access, now, "owner_id")
    names = dict(zip((owner.pk for owner in access.owners), labels_of(access.owners), strict=True))
    listed = reverse("admin:events_event_changelist")
    return Table(
        f"Owners, {DAYS} days",
        ("Owner", "Rejected", "Received"),
        tuple(
            _line(
                row,
                names[row["owner_id"]],
                f"{listed}?{urlencode({'source': source.pk, 'owner': row['owner_id']})}",
                rows,
            )
            for row in rows
        )
        if len(rows) > 1
        else (),
    )


def _usage(source: Source, access: Access, now: datetime, by: str) -> list[dict[str, Any]]:
    hours = access.limit(UsageHour.objects.filter(source=source, hour__gte=first_day(now)))
    sums = hours.values(by).annotate(count=Sum("received"), bad=Sum("rejected"))
    return list(sums.filter(count__gt=0).order_by("-count", by)[:ROWS])


def _line(row: Mapping[str, Any], name: str, href: str, rows: list[dict[str, Any]]) -> TableRow:
    return TableRow(
        name, (f"{row['bad']:,}", f"{row['count']:,}"), 100 * row["count"] / rows[0]["count"], href
    )


LIST = "admin:events_source_changelist"
MOST = 1_000  # sources at a time


class MergeForm(forms.Form):
    """The target of a merge."""

    into = forms.ModelChoiceField(
        Source.objects.none(),
        label="Merge into",
        empty_label="Choose a source",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, targets: models.QuerySet[Source], data: QueryDict | None = None) -> None:
        super().__init__(data)
        field: Any = self.fields["into"]
        field.queryset = targets


def _chosen(request: HttpRequest) -> list[Source]:
    """Return the selected sources. Raises PermissionDenied if the person may not change them."""
    texts = request.POST.getlist("ids") or request.GET.getlist("ids")
    ids = [int(text) for text in texts[:MOST] if text.isascii() and text.isdigit() and len(text) < 19]
    rows = access_of(request).visible_sources.filter(pk__in=ids)
    found = list(rows.select_related("organization", "merged_into").order_by("name"))
    if not found or not managing.may_change(access_of(request), found):
        raise PermissionDenied
    return found


def merge_view(request: HttpRequest) -> HttpResponse:
    """Ask for the target, then merge the selected sources."""
    sources = _chosen(request)
    organization = sources[0].organization_id
    targets = access_of(request).listed_sources.filter(organization=organization, merged_into=None)
    targets = targets.exclude(pk__in=[source.pk for source in sources]).order_by("name")
    form = MergeForm(targets, request.POST or None)
    if request.method == "POST" and form.is_valid():
        into: Source = form.cleaned_data["into"]
        try:
            managing.merge(sources, into, audit.actor_of(request))
        except ValidationError as error:
            form.add_error("into", error)
        else:
            messages.success(request, f"{_counted(sources)} merged. New events are filed under {into}.")
            return redirect("admin:events_source_change", into.pk)
    context = {
        **admin.site.each_context(request),
        "title": "Merge sources",
        "opts": Source._meta,
        "sources": sources,
        "shown": sources[:10],
        "form": form,
        "targets": targets.exists(),
    }
    return TemplateResponse(request, "admin/source_merge.html", context)


def undo_merge_view(request: HttpRequest) -> HttpResponse:
    """Undo the merge of sources."""
    if request.method == "POST":
        managing.undo_merge(_chosen(request), audit.actor_of(request))
        messages.success(request, "The merge was undone. New events are filed under the source's own name.")
    return redirect(LIST)


def _counted(sources: Sequence[Source]) -> str:
    return "1 source is" if len(sources) == 1 else f"{len(sources):,} sources are"


@admin.action(description="Merge selected", permissions=["act"])
def merge_chosen(_: object, __: HttpRequest, chosen: models.QuerySet[Source]) -> HttpResponse:
    """Ask for the target of the selected sources."""
    ids = list(chosen.order_by().values_list("pk", flat=True)[:MOST])
    return redirect(f"{reverse('admin:events_source_merge')}?{urlencode({'ids': ids}, doseq=True)}")


@admin.action(description="Delete selected (only without events)", permissions=["act"])
def delete_chosen(_: object, request: HttpRequest, chosen: models.QuerySet[Source]) -> None:
    """Delete the selected sources; none if one of them has events."""
    sources = list(chosen.select_related("owner")[:MOST])
    if not managing.may_change(access_of(request), sources):
        raise PermissionDenied
    try:
        managing.delete(sources, audit.actor_of(request))
    except ValidationError as error:
        messages.error(request, f"Nothing was deleted. {error.message}")
    else:
        messages.success(request, f"{_counted(sources)} deleted.")


class Listed(Protocol):
    """A source of a list."""

    figures: SourceFigures | None
    latest_versions: list[str]


@admin.register(Source)
class SourceAdmin(PageAdmin):
    """Sources, the sending applications."""

    page_template = "admin/source_page.html"
    list_display = (
        "name",
        "merged_target",
        "organization",
        "versions",
        "first_seen",
        "last_seen",
        "two_weeks",
    )
    list_select_related = ("organization", "merged_into")
    actions: Any = (merge_chosen, delete_chosen)
    search_fields = ("name",)
    search_help_text = "Name of the source"
    empty_state = EmptyState(
        "No sources yet",
        "A source appears here when its first event is filed: you don't have to register it.",
    )

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Return the list with the usage of its sources, with three statements for the whole page."""
        listed = super().get_changelist_instance(request)
        listed.result_list = list(listed.result_list)
        access, keys = access_of(request), [row.pk for row in listed.result_list]
        figures, versions = usage_of_sources(access, keys, timezone.now()), versions_of(access, keys)
        for row in listed.result_list:
            row.figures, row.latest_versions = figures.get(row.pk), versions.get(row.pk, [])
        return listed

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Show the page; a merged source can be separated again."""
        response: Any = super().changeform_view(request, object_id, *args, **kwargs)
        row = getattr(response, "context_data", {}).get("original")
        if row is not None and row.merged_into_id is not None:
            response.context_data["may_part"] = managing.may_change(access_of(request), [row])
        return response

    def has_act_permission(self, request: HttpRequest) -> bool:
        """True for leads. Actions are limited to sources that sent only to owners they lead."""
        return access_of(request).leads_any

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of actions."""
        return [
            path("merge/", self.admin_site.admin_view(merge_view), name="events_source_merge"),
            path("part/", self.admin_site.admin_view(undo_merge_view), name="events_source_part"),
            *super().get_urls(),
        ]

    @admin.display(description="Merged into")
    def merged_target(self, row: Source) -> str:
        """Return the source that it was merged into."""
        return str(row.merged_into) if row.merged_into else NOTHING

    def page(self, request: HttpRequest, row: Source) -> Page:
        """Build the page of a source."""
        return source_view(row, access_of(request), timezone.now())

    @admin.display(description="Versions")
    def versions(self, row: Listed) -> str:
        """Return the latest version and the number of others."""
        if not row.latest_versions:
            return NOTHING
        latest, *others = row.latest_versions
        more = f" and {len(others):,} more" if others else ""
        return format_html('<span title="{}">{}{}</span>', latest, shorten(latest, 24), more)

    @admin.display(description="First seen, hour (UTC)")
    def first_seen(self, row: Listed) -> str:
        """Return the first hour in which it sent something to the person's owners."""
        return _hour(row.figures.first) if row.figures else NOTHING

    @admin.display(description="Last seen, hour (UTC)")
    def last_seen(self, row: Listed) -> str:
        """Return the last hour in which it sent something to the person's owners."""
        return _hour(row.figures.last) if row.figures else NOTHING

    @admin.display(description="Events a day, two weeks")
    def two_weeks(self, row: Listed) -> str:
        """Return the sparkline of its events."""
        return daily_sparkline(row.figures.days, "Events received") if row.figures else NOTHING

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Source]:
        """Return the sources of the list."""
        return access_of(request).listed_sources.order_by("name")

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Source | None:
        """Return the source of a page, which may also be one that only rejected events name."""
        try:
            return access_of(request).visible_sources.filter(pk=object_id).first()
        except (ValueError, OverflowError):
            return None

    def has_view_permission(self, request: HttpRequest, obj: Source | None = None) -> bool:
        """True for members; for a source, only if it sent to their owners."""
        access = access_of(request)
        if obj is None:
            return not access.is_empty
        return access.is_operator or access.visible_sources.filter(pk=obj.pk).exists()


def _hour(at: datetime) -> str:
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:00}")
