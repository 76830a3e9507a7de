"""Erased ids: sessions and devices of an actor whose erasure has begun and isn't complete.

They are known only as long as their events are there, and what other parts keep of them goes last. So each
batch notes them as it deletes, and an erasure that was interrupted is finished by the next one. None is left
once it is whole.
"""

from collections.abc import Sequence

from django.db import models

from events.event import Event
from events.ownership.owner import Owner
from events.sessions.session import Session

MOST = 10_000  # sessions and devices each that are noted of an actor
COLUMNS = ("session", "device")


class ErasedId(models.Model):
    """The id of one session or device that events of an actor had."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="+")
    actor = models.TextField(help_text="Whose erasure has begun, as the audit trail calls the actor.")
    column = models.CharField(max_length=10)
    value = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["owner", "actor"], name="erased_id_actor")]

    def __str__(self) -> str:
        return f"{self.column} of {self.actor}"


class ErasedIds:
    """The ids noted of one actor."""

    def __init__(self, owner: Owner, actor: str) -> None:
        self._owner, self._actor = owner, actor
        self.found: dict[str, set[str]] = {column: set() for column in COLUMNS}
        for column, value in self._rows().values_list("column", "value"):
            self.found[column].add(value)

    def note(self, batch: Sequence[Event | Session]) -> None:
        """Note the ids of events that are deleted in the same transaction."""
        new: dict[tuple[str, str], None] = {}
        for event in batch:
            for column, found in self.found.items():
                value = getattr(event, column)
                if value and value not in found and len(found) < MOST:
                    found.add(value)
                    new[column, value] = None
        ErasedId.objects.bulk_create(
            ErasedId(owner=self._owner, actor=self._actor, column=column, value=value)
            for column, value in new
        )

    def forget(self) -> None:
        """Remove what was noted."""
        self._rows().delete()

    def _rows(self) -> models.QuerySet[ErasedId]:
        return ErasedId.objects.filter(owner=self._owner, actor=self._actor)
