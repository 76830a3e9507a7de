"""Replays in the admin, and their progress."""

from django.contrib import admin, messages
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from events.access import access_of
from events.accounts import audit
from events.admin.base import EmptyState, PageAdmin
from events.admin.display import Page, count_column, group, short_text, time_column
from events.admin.lists import KeysetAdmin
from ingestion.rejected import replay_jobs
from ingestion.rejected.replay_jobs import ReplayJob, State


@admin.register(ReplayJob)
class ReplayJobAdmin(PageAdmin, KeysetAdmin):
    """Replays: a person sees those that she asked for, an operator all."""

    page_template = "ingestion/replay_page.html"
    list_display = (
        time_column("created_at", "Requested (UTC)"),
        "by",
        short_text("sentence", 60),
        "state",
        count_column("done"),
        count_column("stored"),
        count_column("rejected"),
    )
    empty_state = EmptyState(
        "No replays yet",
        "Replays of many rejected events are listed here with their progress. To start one, open Rejected,"
        " choose filters and select “Replay all that match”.",
    )

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[ReplayJob]:
        """Return the person's own replays; all for operators."""
        jobs = super().get_queryset(request)
        return jobs if access_of(request).is_operator else jobs.filter(user_id=request.user.pk)

    def has_view_permission(self, request: HttpRequest, obj: ReplayJob | None = None) -> bool:
        """True for the requester and operators; for the list, every member of an owner."""
        access = access_of(request)
        if obj is None:
            return not access.is_empty
        return access.is_operator or obj.user_id == request.user.pk

    def get_urls(self) -> list[URLPattern]:
        """Return the URLs, with that of the Stop button."""
        stop = self.admin_site.admin_view(self.stop_view)
        return [path("<int:pk>/stop/", stop, name="ingestion_replayjob_stop"), *super().get_urls()]

    def stop_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Stop a replay after the block that it is at."""
        job = self.get_queryset(request).filter(pk=pk).first()
        if request.method == "POST" and job is not None and _stop(request, job):
            messages.success(request, "Stopped. Events that were replayed before stay replayed.")
        return redirect("admin:ingestion_replayjob_change", pk)

    def page(self, request: HttpRequest, row: ReplayJob) -> Page:
        """Return the page: its progress in a sentence and in numbers."""
        return Page(
            sentence=sentence(row),
            groups=(
                group(
                    "How far", row, ("state", "total", "done", "stored", "duplicates", "rejected", "skipped")
                ),
                group("What", row, ("sentence", "by")),
                group("When", row, ("created_at", "updated_at", "finished_at")),
            ),
        )


@transaction.atomic
def _stop(request: HttpRequest, job: ReplayJob) -> bool:
    """Stop a replay that isn't finished, and note how far it came."""
    if not replay_jobs.stop(job.pk):
        return False
    job.refresh_from_db()
    after = replay_jobs.counts(job)
    audit.record(audit.actor_of(request), "rejected.replay_stopped", job, after=after)
    return True


def sentence(job: ReplayJob) -> str:
    """Describe the progress of a replay."""
    if job.state == State.WAITING:
        meant = "1 rejected event waits" if job.total == 1 else f"{job.total:,} rejected events wait"
        return f"{meant} to be replayed. A worker starts within seconds."
    found = f"{job.stored:,} stored, {job.duplicates:,} duplicates, {job.rejected:,} rejected again"
    if job.state == State.RUNNING:
        return f"{job.done:,} of {job.total:,} rejected events replayed so far: {found}."
    if job.state == State.STOPPED:
        return f"Stopped after {job.done:,} of {job.total:,} rejected events: {found}."
    return f"{job.done:,} rejected event{'' if job.done == 1 else 's'} replayed: {found}."
