"""Sources: merging, undoing a merge, and deleting, each recorded in the audit trail."""

from collections.abc import Callable, Sequence

from django.db import transaction

from events.access import Access
from events.accounts import audit
from events.accounts.audit import Actor
from events.ownership.source import Source
from events.store import sources as stored
from events.store.sources import owners_of


def may_change(access: Access, sources: Sequence[Source]) -> bool:
    """True if somebody leads all owners that these sources, and those merged into them, sent to."""
    if access.is_operator:
        return True
    owners = owners_of([*sources, *Source.objects.filter(merged_into__in=sources)])
    return bool(owners) and all(access.leads(owner) for owner in owners)


def merge(sources: Sequence[Source], into: Source, actor: Actor) -> None:
    """Merge sources. Raises ValidationError if that is impossible."""
    _audited("source.merged", sources, actor, lambda: stored.merge_sources(sources, into), into=into.name)


def undo_merge(sources: Sequence[Source], actor: Actor) -> None:
    """Undo the merge of the sources that are merged."""
    merged = [source for source in sources if source.merged_into_id is not None]
    _audited("source.parted", merged, actor, lambda: stored.undo_merge(merged))


def delete(sources: Sequence[Source], actor: Actor) -> None:
    """Delete sources. Raises ValidationError, and deletes none, if one has events."""
    _audited("source.removed", sources, actor, lambda: stored.delete_sources(sources))


def _audited(
    action: str, sources: Sequence[Source], actor: Actor, act: Callable[[], None], **after: str
) -> None:
    with transaction.atomic():
        for source in sources:
            audit.record(actor, action, source, owner=source.owner, after=after)
        act()
