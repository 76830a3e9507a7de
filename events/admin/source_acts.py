"""Actions on sources: merge, undo a merge, delete. For people who lead all owners that they sent to."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from unfold.widgets import UnfoldAdminSelectWidget

from events.access import Access, access_of
from events.accounts import audit
from events.admin.filters import sources_of, visible_sources
from events.ownership.source import Source
from events.store import merging

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

    def __init__(self, targets: models.QuerySet[Source], *args: Any) -> None:
        super().__init__(*args)
        field: Any = self.fields["into"]
        field.queryset = targets


def may_change(access: Access, sources: Sequence[Source]) -> bool:
    """True if a person leads all owners that these sources sent to."""
    if access.is_operator:
        return True
    owners = merging.owners_of(sources)
    return bool(owners) and all(access.leads(owner) for owner in owners)


def _chosen(request: HttpRequest) -> list[Source]:
    """Return the selected sources. Raises PermissionDenied if the person may not change them."""
    texts = request.POST.getlist("ids") or request.GET.getlist("ids")
    ids = [int(text) for text in texts[:MOST] if text.isascii() and text.isdigit() and len(text) < 19]
    rows = visible_sources(access_of(request)).filter(pk__in=ids)
    found = list(rows.select_related("organization", "merged_into").order_by("name"))
    if not found or not may_change(access_of(request), found):
        raise PermissionDenied
    return found


def merge_view(request: HttpRequest) -> HttpResponse:
    """Ask for the target, then merge the selected sources."""
    sources = _chosen(request)
    organization = sources[0].organization_id
    targets = sources_of(access_of(request)).filter(organization=organization, merged_into=None)
    targets = targets.exclude(pk__in=[source.pk for source in sources]).order_by("name")
    form = MergeForm(targets, request.POST or None)
    if request.method == "POST" and form.is_valid():
        into: Source = form.cleaned_data["into"]
        try:
            _do(request, "source.merged", sources, lambda: merging.merge(sources, into), into=into.name)
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


def part_view(request: HttpRequest) -> HttpResponse:
    """Undo the merge of sources."""
    if request.method == "POST":
        sources = [source for source in _chosen(request) if source.merged_into_id is not None]
        _do(request, "source.parted", sources, lambda: merging.take_back(sources))
        messages.success(request, "The merge was undone. New events are filed under the source's own name.")
    return redirect(LIST)


def _do(
    request: HttpRequest, action: str, sources: Sequence[Source], act: Callable[[], None], **after: str
) -> None:
    with transaction.atomic():
        for source in sources:
            audit.record(audit.actor_of(request), action, source, owner=source.owner, after=after)
        act()


def _counted(sources: Sequence[Source]) -> str:
    return "1 source is" if len(sources) == 1 else f"{len(sources):,} sources are"


@admin.action(description="Merge selected", permissions=["act"])
def merge_chosen(_: Any, __: HttpRequest, chosen: models.QuerySet[Source]) -> HttpResponse:
    """Ask for the target of the selected sources."""
    ids = list(chosen.order_by().values_list("pk", flat=True)[:MOST])
    return redirect(f"{reverse('admin:events_source_merge')}?{urlencode({'ids': ids}, doseq=True)}")


@admin.action(description="Delete selected (only without events)", permissions=["act"])
def delete_chosen(_: Any, request: HttpRequest, chosen: models.QuerySet[Source]) -> None:
    """Delete the selected sources; none if one of them has events."""
    sources = list(chosen.select_related("owner")[:MOST])
    if not may_change(access_of(request), sources):
        raise PermissionDenied
    try:
        _do(request, "source.removed", sources, lambda: merging.delete(sources))
    except ValidationError as error:
        messages.error(request, f"Nothing was deleted. {error.message}")
    else:
        messages.success(request, f"{_counted(sources)} deleted.")
