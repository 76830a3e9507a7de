"""Actions of leads on rejected events of their owners: replay, edit, discard."""

from collections.abc import Iterable

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from events.access import Access, access_of
from events.accounts import audit
from events.admin.display import indented
from ingestion.admin.bodies import SHOWN, value_of
from ingestion.admin.list_filters import RejectedChangeList, selection_of
from ingestion.rejected import replay_jobs, replaying
from ingestion.rejected.discarding import discard
from ingestion.rejected.event import RejectedEvent, Selection
from ingestion.rejected.replaying import Replayed

LIST = "admin:ingestion_rejectedevent_changelist"
PAGE = "admin:ingestion_rejectedevent_change"
_AS_CAME = {"not_finite", "number_out_of_range"}  # laying such out would change what is to be corrected


class EditForm(forms.Form):
    """The event as JSON."""

    text = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "class": "tally-editor"}),
        label="The event as JSON",
        strip=False,
    )


class DiscardForm(forms.Form):
    """The reason for discarding."""

    reason = forms.CharField(max_length=500, label="The reason")


def require_some_owner(request: HttpRequest) -> None:
    """Raise PermissionDenied for people without an owner."""
    if access_of(request).is_empty:
        raise PermissionDenied


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the admin's pages are for people who are logged in
    return request.user


def _led_row(request: HttpRequest, pk: int) -> RejectedEvent:
    """Return a rejected event of an owner that the person leads; 404 if the person may not see it."""
    access = access_of(request)
    row: RejectedEvent | None = (
        access.limit(RejectedEvent.objects.select_related("owner")).filter(pk=pk).first()
    )
    if row is None:
        raise Http404
    if not access.leads(row.owner_id):
        raise PermissionDenied
    return row


def note(request: HttpRequest, action: str, rows: Iterable[RejectedEvent], **after: str) -> None:
    """Record an action on rejected events in the audit trail."""
    for row in rows:
        audit.record(audit.actor_of(request), action, row, owner=row.owner, after=after)


@require_POST
def replay_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Replay one event, and report the outcome."""
    row = _led_row(request, pk)
    with transaction.atomic():
        done = replaying.replay([pk], access_of(request).writable)
        if done.rows:
            note(request, "rejected.replayed", [row], outcome=_outcome(done))
    return _after(request, row, done)


def _after(request: HttpRequest, row: RejectedEvent, done: Replayed) -> HttpResponse:
    is_still_there = RejectedEvent.objects.filter(pk=row.pk).exists()
    messages.add_message(request, messages.WARNING if is_still_there else messages.SUCCESS, _outcome(done))
    return redirect(PAGE, row.pk) if is_still_there else redirect(LIST)


def _outcome(done: Replayed) -> str:
    if not done.rows:
        return "Somebody else is replaying it, or it was removed."
    if done.stored + done.duplicates + done.rejected == 1:
        if done.fault:
            return f"Rejected again: {done.fault.message}"
        return "Stored." if done.stored else "A duplicate: the same event has been stored in the meantime."
    return f"{done.stored} stored, {done.duplicates} duplicates, {done.rejected} rejected."


def edit_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit an event and replay it. It is validated first, and changed only if it is accepted."""
    row = _led_row(request, pk)
    if len(row.body) > SHOWN:
        messages.warning(request, f"Events of more than {SHOWN:,} bytes can't be edited here.")
        return redirect(PAGE, pk)
    form = EditForm(request.POST or None, initial={"text": _editable(row)})
    if request.method == "POST" and form.is_valid():
        text = form.cleaned_data["text"].encode("utf-8", "surrogatepass")
        with transaction.atomic():
            done = replaying.replay_edited(pk, text, access_of(request).writable)
            if done.rows and not done.fault:
                note(request, "rejected.edited", [row], outcome=_outcome(done))
        if done.rows and not done.fault:
            return _after(request, row, done)
        if not done.rows:
            messages.warning(request, _outcome(done))
            return redirect(LIST)
        assert done.fault is not None
        form.add_error("text", f"{done.fault.message} ({done.fault.code}) Nothing was changed.")
    context = {
        **admin.site.each_context(request),
        "title": "Edit and replay",
        "opts": RejectedEvent._meta,
        "row": row,
        "form": form,
    }
    return TemplateResponse(request, "ingestion/rejected_edit.html", context)


def _editable(row: RejectedEvent) -> str:
    value = None if row.code in _AS_CAME else value_of(row)
    return indented(value) if value is not None else bytes(row.body).decode("utf-8", "backslashreplace")


def discard_view(request: HttpRequest) -> HttpResponse:
    """Ask for a reason, then discard the selected events."""
    ids = [int(text) for text in request.POST.getlist("ids") or request.GET.getlist("ids") if _is_key(text)]
    writable = Selection(ids=tuple(ids)).rows(access_of(request).writable)
    rows = list(writable.defer("body").select_related("owner"))
    if not rows:
        raise PermissionDenied
    form = DiscardForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        reason = form.cleaned_data["reason"]
        with transaction.atomic():
            gone = discard(
                [row.pk for row in rows],
                by=_person(request).get_username(),
                reason=reason,
                now=timezone.now(),
                may_write=[row.owner_id for row in rows],
            )
            note(request, "rejected.discarded", (row for row in rows if row.pk in set(gone)), reason=reason)
        _say_discarded(request, len(gone), skipped=len(rows) - len(gone))
        return redirect(LIST)
    context = {
        **admin.site.each_context(request),
        "title": "Discard",
        "opts": RejectedEvent._meta,
        "rows": rows,
        "named": [(row, access_of(request).label(row.owner)) for row in rows[:10]],
        "form": form,
    }
    return TemplateResponse(request, "ingestion/rejected_discard.html", context)


def _say_discarded(request: HttpRequest, gone: int, *, skipped: int) -> None:
    if gone:
        said = "1 rejected event was" if gone == 1 else f"{gone:,} rejected events were"
        messages.success(request, f"{said} discarded.")
    if skipped:
        said = "1 rejected event was" if skipped == 1 else f"{skipped:,} rejected events were"
        messages.warning(
            request, f"{said} skipped: somebody else is replaying them, or they have been removed."
        )


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


@admin.action(description="Replay selected", permissions=["act"])
def replay_selected(_: object, request: HttpRequest, chosen: models.QuerySet[RejectedEvent]) -> HttpResponse:
    """Replay the events that are selected in the list."""
    return _ask(request, Selection(ids=tuple(chosen.order_by().values_list("pk", flat=True))))


@admin.action(description="Discard selected", permissions=["act"])
def discard_selected(_: object, __: HttpRequest, chosen: models.QuerySet[RejectedEvent]) -> HttpResponse:
    """Ask for a reason to discard the events that are selected in the list."""
    ids = "&".join(f"ids={pk}" for pk in chosen.order_by().values_list("pk", flat=True))
    return redirect(f"{reverse('admin:ingestion_rejected_discard')}?{ids}")


def replay_matching(request: HttpRequest, changelist: RejectedChangeList) -> HttpResponse:
    """Replay all events that match the filters of the list."""
    if request.method != "POST":
        return redirect(LIST)
    return _ask(request, selection_of(changelist))


def _ask(request: HttpRequest, selection: Selection) -> HttpResponse:
    person = _person(request)
    allowed = access_of(request).writable
    if allowed is not None and not allowed:
        raise PermissionDenied
    with transaction.atomic():
        job = replay_jobs.ask(
            selection,
            by=person.get_username(),
            sentence=_sentence(access_of(request), selection),
            now=timezone.now(),
            user=person,
        )
        audit.record(audit.actor_of(request), "rejected.replay_asked", job, after={"meant": job.total})
    return redirect("admin:ingestion_replayjob_change", job.pk)


def _sentence(access: Access, selection: Selection) -> str:
    """Describe the selection, with names of owners and sources that the person sees."""
    owners = [owner.name for owner in access.owners if owner.pk in (selection.owners or ())]
    named = access.visible_sources.filter(pk__in=selection.sources or ())
    sources = named.values_list("name", flat=True)
    return selection.sentence(owners, sources)
