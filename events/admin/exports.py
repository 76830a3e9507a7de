"""Exports in the admin: progress and download."""

from django.contrib import admin, messages
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timezone import localtime

from events.access import access_of
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import Link, Page, count_column, group, short_text, time_column
from events.admin.lists import KeysetAdmin
from events.exports import downloads, jobs
from events.exports.jobs import OPEN, SMALL_ROWS, ExportJob, State
from events.lib.formatting import size_text


@admin.register(ExportJob)
class ExportJobAdmin(PageAdmin, KeysetAdmin):
    """Exports. People see only their own."""

    page_template = "admin/export_page.html"
    list_display = (
        time_column("created_at", "Requested (UTC)"),
        short_text("name", 60),
        "state",
        count_column("rows", "Rows"),
        "size",
    )
    empty_state = EmptyState(
        "No exports yet",
        f"Exports of more than {SMALL_ROWS:,} events appear here and can be downloaded once they are ready. "
        "To request one, open Events, choose filters and select CSV, XLSX or NDJSON.",
    )

    @admin.display(description="Size")
    def size(self, row: ExportJob) -> str:
        """Return the size of its file in readable units."""
        return format_html('<span class="tally-figure">{}</span>', size_text(row.bytes))

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ExportJob]:
        """Return the person's own exports, also for operators: a file contains what its person may see."""
        return super().get_queryset(request).filter(user_id=request.user.pk)

    def has_view_permission(self, request: HttpRequest, obj: ExportJob | None = None) -> bool:
        """True for members of any owner; for an export, only for its person."""
        return not access_of(request).is_empty if obj is None else obj.user_id == request.user.pk

    def get_urls(self) -> list[URLPattern]:
        """Add the URLs of the page's buttons."""
        wrapped = self.admin_site.admin_view
        return [
            path("<int:pk>/cancel/", wrapped(self.cancel_view), name="events_exportjob_cancel"),
            path("download/<str:token>/", wrapped(self.download_view), name="events_exportjob_download"),
            *super().get_urls(),
        ]

    def cancel_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Cancel an export, or delete the file of a finished one."""
        job = self.get_queryset(request).filter(pk=pk).first()
        if job is None or request.method != "POST":
            return redirect("admin:events_exportjob_change", pk)
        is_ready = job.state == State.DONE
        reason = "You deleted its file." if is_ready else "You cancelled this export."
        if jobs.cancel(job, reason, timezone.now()):
            messages.success(request, "The file is deleted." if is_ready else "The export is cancelled.")
        return redirect("admin:events_exportjob_change", pk)

    def download_view(self, request: HttpRequest, token: str) -> HttpResponseBase:
        """Send the file to its person, as long as they have access to everything in it."""
        pk = jobs.job_id_of(token)
        job = self.get_queryset(request).filter(pk=pk).first() if pk is not None else None
        response = downloads.of(job, timezone.now()) if job else None
        if response is None:
            raise Http404
        return response

    def page(self, request: HttpRequest, row: ExportJob) -> Page:
        """Return its progress or result as a sentence, its subject, and a link to the same list."""
        times = ("created_at", "finished_at", *(("expires_at",) if row.state == State.DONE else ()))
        return Page(
            sentence=sentence(row),
            groups=(group("Export", row, ("name", "query")), group("Times", row, times)),
            links=() if row.what else (Link("The list with the same filters", _list_of(row)),),
        )

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the page, with a download link if the export is ready."""
        found = self.get_object(request, object_id) if object_id else None
        more: dict[str, object] = {"is_open": found is not None and found.state in OPEN}
        if found is not None and found.state == State.DONE:
            more["download"] = reverse("admin:events_exportjob_download", args=[found.token()])
        return super().changeform_view(request, object_id, form_url, {**more, **(extra_context or {})})


def _list_of(job: ExportJob) -> str:
    listed = reverse(f"admin:{job.model.lower().replace('.', '_')}_changelist")
    return f"{listed}?{job.query}"


def sentence(job: ExportJob) -> str:
    """Return the progress or the result of an export as a sentence."""
    rows = "rows" if job.what not in ("", "events") else "events"
    size = f"{job.rows:,} {rows}, {size_text(job.bytes)}"
    if job.state == State.WAITING:
        return "This export is waiting for a worker, which usually takes a few seconds."
    if job.state == State.RUNNING:
        return f"{size} so far. You can leave this page; the export continues and stays listed under Exports."
    if job.state == State.DONE and job.expires_at:
        return f"Ready: {size}. Download it before {localtime(job.expires_at):%Y-%m-%d %H:%M} UTC."
    return job.reason if job.state == State.CANCELLED else f"{job.get_state_display()}. {job.reason}"
