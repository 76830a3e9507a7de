"""Lists of events, with any combination of filters and search.

If no index serves the filters, the list searches a bounded number of rows and says how far it got.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from io import BytesIO
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone

from events.access import Access, access_of, person_of
from events.accounts import audit
from events.admin.base import OwnedAdmin
from events.admin.filters import ChoiceFilter, FieldFilter
from events.admin.lists import AFTER, BEFORE, KeysetAdmin, KeysetChangeList
from events.event import Event, EventQuerySet
from events.exports import jobs, parquet_file
from events.exports.formats import EXPORT_FORMATS
from events.fields.conditions import Conditions
from events.fields.event_query import of_time
from events.fields.search import by_name
from events.fields.sql import on_envelopes, on_rows, with_row_of
from events.kinds import KINDS, KindEntry
from events.lib.paging import EventQuery, Order, Slice, WindowEnd
from events.store import retention
from events.store.plain_rows import PlainPair, PlainReader
from events.store.retention import Retention

HELP = "ID, session, actor, page, error code, name:value"


class Search(NamedTuple):
    """A condition on envelopes; `is_indexed` if an index serves it."""

    narrow: Callable[[EventQuerySet], EventQuerySet]
    is_indexed: bool


def search(events: EventQuerySet, term: str, access: Access) -> Search | None:
    """Return the search for a term: by event id, session id, a field, or a text that no index serves.

    None without a term.
    """
    term = term.strip()
    if not term:
        return None
    with suppress(ValueError):
        found = UUID(term)
        if events.filter(pk=found).exists():
            return Search(lambda rows: rows.filter(pk=found), is_indexed=True)
    if events.with_text("session", term).exists():
        return Search(lambda rows: rows.with_text("session", term), is_indexed=True)
    condition = Q(actor=term) | Q(device=term) | Q(client_event_id=term) | Q(object_id=term)
    condition |= _of_kinds(_texts_like(term)) | (by_name(term, access) or Q())
    return Search(lambda rows: rows.filter(condition), is_indexed=False)


def _of_kinds(condition: Callable[[KindEntry], Q]) -> Q:
    """Return the events with a row of their kind that meets a condition. No event matches an empty one."""
    found = Q()
    for entry in KINDS.values():
        if of_kind := condition(entry):
            found |= with_row_of(entry.name, of_kind)
    return found


def _texts_like(term: str) -> Callable[[KindEntry], Q]:
    """Return a condition for a kind: any text column equals the term."""

    def condition(entry: KindEntry) -> Q:
        texts = (column for column in entry.model.columns() if isinstance(column, models.TextField))
        return Q(*((column.attname, term) for column in texts), _connector=Q.OR)

    return condition


class EventChangeList(KeysetChangeList):
    """A list that runs one query, whatever is filtered."""

    event_query: EventQuery
    model_admin: "EventListAdmin"

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> models.QuerySet[models.Model]:
        """Return the rows of the query. Pages are taken from the query itself."""
        specs, self.has_filters, _, _, self.has_active_filters = self.get_filters(request)
        self.filter_specs = list(specs)
        self.clear_all_filters_qs = self.get_query_string(remove=list(self.get_filters_params()))
        chosen = [spec for spec in self.filter_specs if spec.chosen]
        self.event_query = self.model_admin.event_query(request, chosen, self.query)
        return self.event_query.rows.order_by(*(f"-{name}" for name in self.order.keys))

    @property
    def order(self) -> Order:
        """The order of the query: by occurrence or by receipt."""
        return self.event_query.order

    def page_of(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """Return a page of the list."""
        return self.event_query.page(size, key=key, backward=backward)

    @property
    def searched_back_to(self) -> datetime | None:
        """Return the time back to which this page searched without a match, if there is more to search."""
        edge = self.slice.next
        return edge.time if isinstance(edge, WindowEnd) else None

    @property
    def retention(self) -> str:
        """A sentence about the retention of events, if the list would extend beyond it."""
        since = self._since
        return since.sentence if since.events and self._goes_before(since.events) else ""

    @property
    def is_removed(self) -> bool:
        """True if events of the whole selected period have been removed."""
        _, until = self._asked_time()
        return self._since.events is not None and until is not None and until <= self._since.events

    @cached_property
    def _since(self) -> Retention:
        return retention.current()

    def _goes_before(self, since: datetime) -> bool:
        begin, _ = self._asked_time()
        return begin < since if begin else not self.slice.next

    def _asked_time(self) -> tuple[datetime | None, datetime | None]:
        """Return the narrowest period that the filters select."""
        begins, ends = [], []
        for spec in self.filter_specs:
            begin, end = spec.bounds() if spec.chosen and spec.of_time else (None, None)
            begins += [begin] if begin else []
            ends += [end] if end else []
        return max(begins, default=None), min(ends, default=None)

    @property
    def more_filters(self) -> list[ChoiceFilter]:
        """The filters that are shown on demand."""
        return [spec for spec in self.filter_specs if spec.is_folded]

    @property
    def has_more_chosen(self) -> bool:
        """True if one of those is active."""
        return any(spec.chosen for spec in self.more_filters)

    @property
    def offers_parquet(self) -> bool:
        """True if lists can be exported as Parquet."""
        return parquet_file.is_available()

    @property
    def export_query(self) -> str:
        """The query string that exports all rows matching the filters."""
        return str(self.get_query_string(remove=[AFTER, BEFORE]))


class EventListAdmin(OwnedAdmin, KeysetAdmin):
    """A list of events, of all kinds or of one."""

    change_list_template = "admin/walk_list.html"
    search_fields = ("session",)  # Django requires one; `searching` names the searched columns
    search_help_text = HELP

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[KeysetChangeList]:
        """Return the class of the list."""
        return EventChangeList

    def event_query(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> EventQuery:
        """Build the query of the filters and the search."""
        raise NotImplementedError

    def pairs(self, query: EventQuery) -> Iterator[list[PlainPair]]:
        """Yield the events of a query, a page at a time, each with its row of the kind's table."""
        return PlainReader().pages(query)

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of exports."""
        named = f"{self.opts.app_label}_{self.opts.model_name}_export"
        view = self.admin_site.admin_view(self.export)
        return [path("export.<str:form>", view, name=named), *super().get_urls()]

    def export(self, request: HttpRequest, form: str) -> HttpResponse:
        """Export all rows that pass the filters: small exports at once, large ones by a worker."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in EXPORT_FORMATS:
            raise Http404
        if form == "parquet" and not parquet_file.is_available():
            return HttpResponseBadRequest(parquet_file.MISSING, content_type="text/plain; charset=utf-8")
        try:
            listed = self.get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise Http404 from error
        assert isinstance(listed, EventChangeList)
        if listed.unread:  # a file has no place to say what it left out
            return HttpResponseBadRequest(listed.unread_sentence, content_type="text/plain; charset=utf-8")
        self._note(request, listed, form)
        name = f"{self.export_name()}.{form}"
        found = jobs.small_export(self.pairs(listed.event_query), time.monotonic)
        if found is not None:
            file = BytesIO()
            EXPORT_FORMATS[form].write(found, self.model, file, None)
            return HttpResponse(
                file.getvalue(),
                content_type=EXPORT_FORMATS[form].type,
                headers={
                    "Content-Disposition": f'attachment; filename="{name}"',
                    "Cache-Control": "private, no-store",
                },
            )
        query = request.GET.urlencode()
        job = jobs.request_export(
            person_of(request), self.opts.label_lower, form, query, name, timezone.now()
        )
        if job is None:
            messages.warning(
                request,
                f"You have {jobs.MOST_OPEN} unfinished exports. Wait for one to finish, or cancel one.",
            )
            return redirect("admin:events_exportjob_changelist")
        return redirect("admin:events_exportjob_change", job.pk)

    def export_name(self) -> str:
        """Return the name of the file without its suffix."""
        return f"{self.opts.model_name}-{timezone.now():%Y%m%d-%H%M%S}"

    def _note(self, request: HttpRequest, listed: EventChangeList, form: str) -> None:
        owners = access_of(request).owners
        asked = [owner for owner in owners if str(owner.pk) == request.GET.get("owner")]
        owner = asked[0] if asked else owners[0] if len(owners) == 1 else None
        # PostgreSQL can't store NUL, so no filter can match it either.
        filters = {name: str(value).replace("\x00", "") for name, value in request.GET.items()}
        about = f"{self.opts.verbose_name_plural} as {form.upper()}"
        audit.record(audit.actor_of(request), "export.made", about, owner=owner, after=filters)


def conditions_of(filters: list[ChoiceFilter]) -> Conditions:
    """Return the conditions of the filters by a field."""
    return Conditions(
        tuple(each for spec in filters if isinstance(spec, FieldFilter) for each in spec.conditions)
    )


def envelopes_of(
    request: HttpRequest, filters: list[ChoiceFilter], term: str, conditions: Conditions
) -> tuple[models.QuerySet[models.Model], models.QuerySet[models.Model], bool]:
    """Return the envelopes that match, those that match indexed filters, and True if both are equal.

    `conditions` are those of filters by a field that aren't met by rows of a kind.
    """
    access = access_of(request)
    rows: Any = access.limit(Event.objects.all())
    indexed, is_indexed = rows, not conditions.scanned
    found = search(rows, term, access)
    for spec in filters:
        if isinstance(spec, FieldFilter):
            if spec.is_refused:
                rows = rows.none()
            continue
        rows = spec.queryset(request, rows)
        is_indexed = is_indexed and spec.is_indexed
        if spec.is_indexed:
            indexed = spec.queryset(request, indexed)
    rows = rows.filter(on_envelopes(conditions, access))
    indexed = indexed.filter(on_rows(conditions.indexed, access))
    if found is not None:
        rows = found.narrow(rows)
        is_indexed = is_indexed and found.is_indexed
        indexed = found.narrow(indexed) if found.is_indexed else indexed
    return rows, indexed, is_indexed


def in_time(
    request: HttpRequest, filters: list[ChoiceFilter], rows: models.QuerySet[models.Model]
) -> models.QuerySet[models.Model]:
    """Limit rows of any table of events to the selected period."""
    for spec in filters:
        if spec.of_time:
            rows = spec.queryset(request, rows)
    return rows.filter(on_rows(of_time(conditions_of(filters)), access_of(request)))
