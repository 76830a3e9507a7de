"""Rows that can't be removed while anything is theirs: asked by whether there is any, never by reading it."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from events.admin.base import TallyAdmin
from events.event import Event
from events.ownership.api_key import ApiKey

# Removed by their own ways only, though the database would let their owner go.
NEVER_ALONG = frozenset({Event, ApiKey})
COUNTED = "counts of what was received"


class KeptAdmin(TallyAdmin):
    """Owners and organizations. Django would read all that is theirs to say the same."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with them, or what keeps them."""
        keeps = sorted({name for row in objs for name in keeping(row)})
        return ([], {}, set(), keeps) if keeps else super().get_deleted_objects(objs, request)


def keeping(row: models.Model) -> Iterator[str]:
    """What a row has that doesn't go with it, as pages call it."""
    for relation in row._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and (relation.one_to_many or relation.one_to_one)):
            continue
        model: Any = relation.related_model
        keeps = getattr(relation, "on_delete", None) is models.PROTECT or model in NEVER_ALONG
        if keeps and model._base_manager.filter(**{relation.field.name: row}).exists():  # type: ignore[union-attr]
            yield str(model._meta.verbose_name_plural) if model in admin.site._registry else COUNTED
