"""Merging and deleting sources, which frees room under an owner's cap.

A merged source keeps its events, usage and charges. New events that name it are filed under the target, and
a filter by the target includes it. A source without events can be deleted; its row stays if usage or charges
refer to it.
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
    """Return the owners that these sources sent to."""
    used = UsageHour.objects.filter(source__in=[source.pk for source in sources])
    return set(used.values_list("owner_id", flat=True).distinct())


def merge(sources: Sequence[Source], into: Source) -> None:
    """Merge sources into another one. Raises ValidationError if that is impossible."""
    if into in sources:
        raise ValidationError(f"{into} can't be merged into itself: select another target.")
    if into.merged_into_id is not None:
        raise ValidationError(f"{into} is itself merged: select the source that it was merged into.")
    if any(source.organization_id != into.organization_id for source in sources):
        raise ValidationError("Sources of different organizations can't be merged.")
    _refuse_standing(sources)
    ids = [source.pk for source in sources]
    with transaction.atomic():
        # Sources merged into one of them get the same target, so that a name is resolved in one step.
        Source.objects.filter(merged_into__in=ids).update(merged_into=into)
        Source.objects.filter(pk__in=ids).update(merged_into=into, closed_at=None)


def take_back(sources: Sequence[Source]) -> None:
    """Undo the merge of sources for new events."""
    Source.objects.filter(pk__in=[source.pk for source in sources]).update(merged_into=None)


def delete(sources: Sequence[Source]) -> None:
    """Delete sources without events. Raises ValidationError, and deletes none, if one has events.

    The row of a source stays if usage or charges refer to it, but is no longer listed and counts against no
    cap. An event that names the source restores it.
    """
    _refuse_standing(sources)
    if full := [source.name for source in sources if has_events(source)]:
        named = ", ".join(full[:5]) + (" and others" if len(full) > 5 else "")
        raise ValidationError(f"{named} still has events or rejected events. Merge it, or remove them first.")
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
    """True if an event of a source is stored or rejected, or another source is merged into it."""
    sums = UsageHour.objects.filter(source=source).aggregate(
        stored=models.Sum("stored", default=0), gone=models.Sum("gone", default=0)
    )
    # `events` may not import `ingestion`.
    rejected = apps.get_model("ingestion", "RejectedEvent")._base_manager.filter(source_id=source.pk)
    return bool(sums["stored"] > sums["gone"]) or rejected.exists() or source.merged.exists()


def remove_events(source: Source, now: datetime) -> Iterator[int]:
    """Delete the stored events of a source in batches, and yield the size of each."""
    for owner in Owner.objects.filter(pk__in=owners_of([source])).order_by("pk"):
        for week in weeks():
            for batch in erasing.erase_matching(erasing.of_source(owner, source.pk, week), now):
                yield len(batch)


def _refuse_standing(sources: Sequence[Source]) -> None:
    if standing := [source.name for source in sources if source.name in STANDING]:
        raise ValidationError(f"{standing[0]} stands for sources without a name of their own, and stays.")
