"""Lists of events that any filter may narrow: without an index one looks through windows and says how far."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cached_property
from io import BytesIO
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone

from events import export_job
from events.access import access_of
from events.accounts import audit
from events.admin.base import OwnedAdmin
from events.admin.exporting import FORMS
from events.admin.filters import ChoiceFilter
from events.admin.paging import AFTER, BEFORE, KeysetAdmin, KeysetChangeList
from events.admin.searching import HELP, search
from events.details import Pair
from events.event import Event
from events.identity import moment, occurred_ms
from events.keyset import Order, Slice
from events.store import retained
from events.store.retained import Since
from events.walk import Edge, Question


class WalkChangeList(KeysetChangeList):
    """A list that asks one question, whatever is filtered."""

    question: Question

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> models.QuerySet[Any]:
        """The question's rows; the question itself is what pages are cut from."""
        specs: Any
        specs, self.has_filters, _, _, self.has_active_filters = self.get_filters(request)
        self.filter_specs = specs
        self.clear_all_filters_qs = self.get_query_string(remove=list(self.get_filters_params()))
        chosen = [spec for spec in self.filter_specs if spec.chosen]
        self.question = self.model_admin.question(request, chosen, self.query)
        return self.question.rows.order_by(*(f"-{name}" for name in self.order.keys))

    @property
    def order(self) -> Order:
        """That of the question: by occurrence, or by receipt."""
        return self.question.order

    def turn(self, size: int, *, key: Sequence[str] = (), backward: bool = False) -> Slice:
        """A page of the answer."""
        return self.question.page(size, key=key, backward=backward)

    @property
    def looked_back_to(self) -> datetime | None:
        """The time up to which this page looked in vain, where there is more behind it."""
        edge = self.slice.next
        if not isinstance(edge, Edge):
            return None
        return edge.received_at or moment(occurred_ms(edge.pk.int))

    @property
    def retention(self) -> str:
        """Say since when single events are kept, where the list would go further back."""
        since = self._since
        return since.sentence if since.events and self._goes_before(since.events) else ""

    @property
    def is_removed(self) -> bool:
        """True if all of the time that is asked for has been removed."""
        _, until = self._asked_time()
        return self._since.events is not None and until is not None and until <= self._since.events

    @cached_property
    def _since(self) -> Since:
        return retained.since()

    def _goes_before(self, since: datetime) -> bool:
        begin, _ = self._asked_time()
        return begin < since if begin else not self.slice.next

    def _asked_time(self) -> tuple[datetime | None, datetime | None]:
        """The narrowest time that the filters leave."""
        begins, ends = [], []
        for spec in self.filter_specs:
            begin, end = spec.bounds() if spec.chosen and spec.of_time else (None, None)
            begins += [begin] if begin else []
            ends += [end] if end else []
        return max(begins, default=None), min(ends, default=None)

    @property
    def more_filters(self) -> list[Any]:
        """The filters that are rarely used, or too many."""
        return [spec for spec in self.filter_specs if spec.is_folded]

    @property
    def has_more_chosen(self) -> bool:
        """Whether one of those is in force."""
        return any(spec.chosen for spec in self.more_filters)

    @property
    def export_query(self) -> str:
        """The address' query of everything that passes the filters."""
        return str(self.get_query_string(remove=[AFTER, BEFORE]))


class WalkAdmin(OwnedAdmin, KeysetAdmin):
    """A list of events, of all kinds or of one."""

    change_list_template = "admin/walk_list.html"
    search_fields = ("session",)  # Django wants one; `searching` says what is searched
    search_help_text = HELP

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """The list by windows."""
        return WalkChangeList

    def question(self, request: HttpRequest, filters: list[ChoiceFilter], term: str) -> Question:
        """What filters and search ask."""
        raise NotImplementedError

    def pairs(self, question: Question) -> Iterator[list[Pair]]:
        """Everything that answers, a page at a time, each event with its row of the kind."""
        raise NotImplementedError

    def get_urls(self) -> list[Any]:
        """The exports beside the list."""
        named = f"{self.opts.app_label}_{self.opts.model_name}_export"
        view = self.admin_site.admin_view(self.export)
        return [path("export.<str:form>", view, name=named), *super().get_urls()]

    def export(self, request: HttpRequest, form: str) -> HttpResponse:
        """Export all rows that pass the filters: small exports at once, large ones by a worker."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in FORMS:
            raise Http404
        try:
            listed: Any = self.get_changelist_instance(request)
        except IncorrectLookupParameters as error:
            raise Http404 from error
        self._note(request, listed, form)
        name = f"{self.export_name()}.{form}"
        found = export_job.small(self.pairs(listed.question), time.monotonic)
        if found is not None:
            file = BytesIO()
            FORMS[form].write(found, self.model, file, None)
            return HttpResponse(
                file.getvalue(),
                content_type=FORMS[form].type,
                headers={
                    "Content-Disposition": f'attachment; filename="{name}"',
                    "Cache-Control": "private, no-store",
                },
            )
        query = request.GET.urlencode()
        job = export_job.ask(request.user, self.opts.label_lower, form, query, name, timezone.now())
        if job is None:
            messages.warning(
                request,
                f"You have {export_job.MOST_OPEN} unfinished exports. Wait for one to finish, or cancel one.",
            )
            return redirect("admin:events_exportjob_changelist")
        return redirect("admin:events_exportjob_change", job.pk)

    def export_name(self) -> str:
        """What the file is called: what of, and until when."""
        return f"{self.opts.model_name}-{timezone.now():%Y%m%d-%H%M%S}"

    def _note(self, request: HttpRequest, listed: Any, form: str) -> None:
        owners = access_of(request).owners
        asked = [owner for owner in owners if str(owner.pk) == request.GET.get("owner")]
        owner = asked[0] if asked else owners[0] if len(owners) == 1 else None
        # PostgreSQL keeps no NUL, which no filter finds either.
        filters = {name: str(value).replace("\x00", "") for name, value in request.GET.items()}
        about = f"{self.opts.verbose_name_plural} as {form.upper()}"
        audit.record(audit.actor_of(request), "export.made", about, owner=owner, after=filters)


def envelopes_of(
    request: HttpRequest, filters: list[ChoiceFilter], term: str
) -> tuple[models.QuerySet[Any], models.QuerySet[Any], bool]:
    """The envelopes that the person may see and that are asked for; without what no index helps with; whether
    that is the same.
    """
    rows: Any = access_of(request).limit(Event.objects.all())
    indexed, is_indexed = rows, True
    found = search(rows, term)
    for spec in filters:
        if spec.of_kind:
            continue
        rows = spec.queryset(request, rows)
        is_indexed = is_indexed and spec.is_indexed
        if spec.is_indexed:
            indexed = spec.queryset(request, indexed)
    if found is not None:
        rows = found.narrow(rows)
        is_indexed = is_indexed and found.is_indexed
        indexed = found.narrow(indexed) if found.is_indexed else indexed
    return rows, indexed, is_indexed


def in_time(request: HttpRequest, filters: list[ChoiceFilter], rows: Any) -> Any:
    """Rows of any table of events, of the time that is asked for."""
    for spec in filters:
        if spec.of_time:
            rows = spec.queryset(request, rows)
    return rows
