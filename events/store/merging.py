"""Merging and deleting sources: how an owner's room under the cap is freed again.

A merged source keeps what was filed under it: events, usage and charges say what was counted when. From then
on its name leads to the other, and whoever filters by the other gets both. A deleted one has no events left;
its row goes once nothing names it, and stays for usage and charges otherwise.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils import timezone

from events.ownership.owner import Owner
from events.ownership.source import STANDING, Source
from events.store import erasing
from events.store.removing import weeks
from events.store.usage import UsageHour


def with_merged(source_ids: Collection[int]) -> list[int]:
    """Return sources together with those that were merged into them."""
    found = Source.objects.filter(models.Q(pk__in=source_ids) | models.Q(merged_into__in=source_ids))
    return sorted({*source_ids, *found.values_list("pk", flat=True)})


def owners_of(sources: Collection[Source]) -> set[int]:
    """Return the owners that sent anything by these sources."""
    heard = UsageHour.objects.filter(source__in=[source.pk for source in sources])
    return set(heard.values_list("owner_id", flat=True).distinct())


def merge(sources: Sequence[Source], into: Source) -> None:
    """Let the names of sources lead to another one from now on. Raises ValidationError where they can't."""
    if into in sources:
        raise ValidationError(f"{into} can't be merged into itself: choose another target.")
    if into.merged_into_id is not None:
        raise ValidationError(f"{into} is merged itself: choose the source that it leads to.")
    if any(source.organization_id != into.organization_id for source in sources):
        raise ValidationError("Sources of different organizations can't be merged.")
    _refuse_standing(sources)
    ids = [source.pk for source in sources]
    with transaction.atomic():
        # What leads to one of them leads to the target too, so that a name takes one step.
        Source.objects.filter(merged_into__in=ids).update(merged_into=into)
        Source.objects.filter(pk__in=ids).update(merged_into=into, closed_at=None)


def take_back(sources: Sequence[Source]) -> None:
    """Let merged sources stand for themselves again, from now on."""
    Source.objects.filter(pk__in=[source.pk for source in sources]).update(merged_into=None)


def delete(sources: Sequence[Source]) -> None:
    """Delete sources without events. Raises ValidationError, and deletes none, where one has any.

    One that usage or charges name stays for them, is listed no more and counts against no cap. Should an
    event name it again, it is there again.
    """
    _refuse_standing(sources)
    if full := [source.name for source in sources if has_events(source)]:
        named = ", ".join(full[:5]) + (" and others" if len(full) > 5 else "")
        raise ValidationError(f"{named} still has events or rejected events: merge it, or remove them first.")
    with transaction.atomic():
        for source in sources:
            _delete(source)


def _delete(source: Source) -> None:
    try:
        with transaction.atomic():
            source.delete()
    except models.ProtectedError:
        Source.objects.filter(pk=source.pk).update(owner=None, closed_at=timezone.now())


def has_events(source: Source) -> bool:
    """Tell whether any event of a source is stored or rejected, or any source was merged into it."""
    sums = UsageHour.objects.filter(source=source).aggregate(
        stored=models.Sum("stored", default=0), gone=models.Sum("gone", default=0)
    )
    # Of the floor above, which this one doesn't know.
    rejected = apps.get_model("ingestion", "RejectedEvent")._base_manager.filter(source_id=source.pk)
    return bool(sums["stored"] > sums["gone"]) or rejected.exists() or source.merged.exists()


def remove_events(source: Source, now: datetime) -> Iterator[int]:
    """Remove the stored events of a source for good, batch by batch; yields how many each had."""
    for owner in Owner.objects.filter(pk__in=owners_of([source])).order_by("pk"):
        for week in weeks():
            for batch in erasing.erase_matching(erasing.of_source(owner, source.pk, week), now):
                yield len(batch)


def _refuse_standing(sources: Sequence[Source]) -> None:
    if standing := [source.name for source in sources if source.name in STANDING]:
        raise ValidationError(f"{standing[0]} stands for sources without a name of their own, and stays.")
