"""Selections: which rejected events are meant, as what is kept of a replay and as a query."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from django.db import models

from ingestion.rejected.event import RejectedEvent


@dataclass(frozen=True)
class Selection:
    """Rejected events by what they have; None stands for any, and an empty list for none."""

    ids: tuple[int, ...] | None = None
    owners: tuple[int, ...] | None = None
    sources: tuple[int, ...] | None = None
    code: str | None = None
    kind: str | None = None  # "" where the kind could not be told
    dialect: str | None = None
    since: str | None = None  # ISO 8601; first received at this time or later
    until: str | None = None  # ISO 8601; first received before this time
    last_since: str | None = None  # ISO 8601; last received at this time or later
    path: str | None = None  # "" where no field is named

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """The selection that `kept` came from."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()
        }
        return cls(**values)

    def kept(self) -> dict[str, Any]:
        """What JSON can hold of it, from which `of` makes it again."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def rows(self, may_write: Collection[int] | None) -> models.QuerySet[RejectedEvent]:
        """The rejected events that are meant, of the owners given (None: of all)."""
        found = RejectedEvent.objects.all()
        for name, lookup in _LOOKUPS:
            value = getattr(self, name)
            if value is not None:
                found = found.filter(**{lookup: value})
        return found if may_write is None else found.filter(owner_id__in=sorted(may_write))

    def sentence(self, owners: Iterable[str] = (), sources: Iterable[str] = ()) -> str:
        """The selection in words; names stand for the keys of owners and sources."""
        parts = [f"{len(self.ids):,} chosen"] if self.ids is not None else []
        parts += [f"owner {name}" for name in owners] + [f"source {name}" for name in sources]
        parts += [f"code {self.code}"] if self.code is not None else []
        parts += [f"kind {self.kind or 'not known'}"] if self.kind is not None else []
        parts += [f"dialect {self.dialect}"] if self.dialect is not None else []
        parts += [f"field {self.path or 'not named'}"] if self.path is not None else []
        parts += [f"last received since {_day(self.last_since)}"] if self.last_since else []
        parts += [f"received since {_day(self.since)}"] if self.since else []
        parts += [f"received before {_day(self.until)}"] if self.until else []
        return ", ".join(parts) or "all"


_LOOKUPS = (
    ("ids", "pk__in"),
    ("owners", "owner_id__in"),
    ("sources", "source_id__in"),
    ("code", "code"),
    ("kind", "kind"),
    ("dialect", "dialect"),
    ("since", "received_at__gte"),
    ("until", "received_at__lt"),
    ("last_since", "last_received_at__gte"),
    ("path", "path"),
)


def _day(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M}"
