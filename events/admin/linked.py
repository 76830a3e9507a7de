"""Read-only fields that lead to another row: links where the person may see it, plain text elsewhere."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join

from events.access import access_of
from events.ownership.owner import Owner

RELATED = frozenset({"organization", "owner", "default_owner", "owners", "user"})
_LABELS = {"user": "Person"}
_KEPT_AS = "tally_linked"
NOTHING = "-"


def linked(request: HttpRequest, names: Iterable[Any], fixed: Iterable[Any] | None = None) -> tuple[Any, ...]:
    """The names, those of relations (among `fixed`, if given) replaced by what shows them.

    The same for one request each time: Django looks a field up among those that are read only.
    """
    made: dict[str, Callable[[Any], str]] = request.__dict__.setdefault(_KEPT_AS, {})
    chosen = (
        RELATED if fixed is None else RELATED.intersection(name for name in fixed if isinstance(name, str))
    )
    for name in chosen:
        if name not in made:
            made[name] = _field(request, name)
    return tuple(made[name] if name in chosen else name for name in names)


def _field(request: HttpRequest, name: str) -> Callable[[Any], str]:
    @admin.display(description=_LABELS.get(name) or name.replace("_", " ").capitalize())
    def shown(row: Any) -> str:
        found = getattr(row, name)
        several = hasattr(found, "all")
        rows = list(found.all()) if several else [found] if found is not None else []
        return format_html_join(", ", "{}", ((_link(request, each),) for each in rows)) or NOTHING

    shown.__name__ = name
    return shown


def _link(request: HttpRequest, row: Any) -> str:
    label = access_of(request).told_apart(row) if isinstance(row, Owner) else str(row)
    pages = admin.site._registry.get(type(row))
    if pages is None or not pages.has_view_permission(request, row):
        return label
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', address, label)
