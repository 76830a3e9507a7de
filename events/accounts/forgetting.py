"""Erasure in the audit trail: redacts an erased actor in filters and sentences.

Entries stay, with who did what and when. The database allows no other change of an entry, and this one only
in a transaction that sets `tally.erasing`.
"""

from datetime import datetime

from django.db import connection, models, transaction

from events.accounts.entry import AuditEntry
from events.ownership.erased import Erased, forgets

READ = 2_000
_FILTERS = "export.made"  # its `after` has the filters and the search


@forgets("audit_entries")
def forget(erased: Erased, _: datetime) -> int:
    """Redact the entries of the actor's owner, and those of no single owner."""
    entries = AuditEntry.objects.filter(models.Q(owner=erased.owner) | models.Q(owner=None)).order_by("pk")
    changed = 0
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tally.erasing = 'on'")
        for entry in entries.only("action", "about", "before", "after").iterator(READ):
            thoroughly = entry.action == _FILTERS
            redacted = {
                "about": erased.redact(entry.about),
                "before": erased.redact_json(entry.before, thoroughly=thoroughly),
                "after": erased.redact_json(entry.after, thoroughly=thoroughly),
            }
            if any(getattr(entry, name) != value for name, value in redacted.items()):
                AuditEntry.objects.filter(pk=entry.pk).update(**redacted)
                changed += 1
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL tally.erasing = 'off'")
    return changed
