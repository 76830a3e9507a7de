"""Audited models: the fields that the audit trail keeps, and entries that are the same from admin and API."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models

from events.accounts import audit
from events.accounts.audit import Actor
from events.ownership.owner import Owner

State = dict[str, object]


@dataclass(frozen=True)
class Audited:
    """Records changes of a model as NOUN.made, NOUN.changed and NOUN.removed.

    `switched` names a field, and the actions for setting and clearing it.
    """

    noun: str
    fields: tuple[str, ...]
    owner: Callable[[Any], Owner | None] = lambda _: None  # whose leads see the entry; None: only operators
    switched: tuple[str, str, str] | None = None

    def action(self, before: State, after: State) -> str:
        """Return the name of a change."""
        if self.switched is not None:
            field, on, off = self.switched
            if bool(before[field]) != bool(after[field]):
                return on if after[field] else off
        return f"{self.noun}.changed"

    def state(self, row: models.Model) -> State:
        """Return what is kept of a row."""
        return audit.state(row, self.fields)

    def made(self, actor: Actor, row: models.Model) -> None:
        """Record that a row was created."""
        audit.record(actor, f"{self.noun}.made", row, owner=self.owner(row), after=self.state(row))

    def changed(self, actor: Actor, row: models.Model, before: State) -> None:
        """Record that a row was changed, if it was."""
        after = self.state(row)
        if before != after:
            action = self.action(before, after)
            audit.record(actor, action, row, owner=self.owner(row), before=before, after=after)

    def removed(self, actor: Actor, row: models.Model) -> None:
        """Record that a row is removed."""
        audit.record(actor, f"{self.noun}.removed", row, owner=self.owner(row), before=self.state(row))
