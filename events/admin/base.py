"""What all admin pages share: unfold's look, our empty states, and permissions that follow memberships."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils import timezone

from events.access import access_of
from events.ownership.owner import Owner

if TYPE_CHECKING:  # unfold has no types; its classes are Django's with another look
    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList

    UnfoldAdmin = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.views import ChangeList

__all__ = ["ChangeList", "EmptyState", "OwnedAdmin", "ReadOnly", "TallyAdmin", "UnfoldAdmin"]


@dataclass(frozen=True)
class EmptyState:
    """What a list says where it has nothing: why, and the next step."""

    title: str
    text: str
    commands: tuple[str, ...] = ()


OWNERS = frozenset({"owner", "default_owner"})  # columns of lists


class TallyAdmin(UnfoldAdmin):
    """A model's pages. For operators only, unless a subclass says otherwise."""

    change_list_template = "admin/tally_list.html"
    empty_state = EmptyState("Nothing here yet", "There is nothing to show.")
    list_fullwidth = True
    actions: Any = None  # what changes many rows at once is added where it is safe

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """What the list says where it has nothing."""
        return self.empty_state

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The list."""
        more = {"empty": self.get_empty_state(request), "title": str(self.opts.verbose_name_plural)}
        return super().changelist_view(request, more | (extra_context or {}))

    def get_list_display(self, request: HttpRequest) -> Any:
        """The columns; owners of the same name are told apart by their organizations."""
        found = super().get_list_display(request)
        return [_owners(request, name) if name in OWNERS else name for name in found]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """The field of a form: owners told apart, times with their zone."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.related_model is Owner:
            field.label_from_instance = access_of(request).told_apart
        if field is not None and isinstance(db_field, models.DateTimeField):
            field.label = f"{field.label} ({timezone.get_current_timezone_name()})"
        return field

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what is deleted with rows, without rows that have no page: sums, and pairs of other rows."""
        gone, counts, lacking, protected = super().get_deleted_objects(objs, request)
        listed = {model._meta.verbose_name_plural for model in self.admin_site._registry}
        kept = {name: count for name, count in counts.items() if name in listed}
        return _with_pages(gone), kept, lacking, protected

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the navigation has it."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators see everything."""
        return access_of(request).is_operator

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Operators may."""
        return access_of(request).is_operator

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators may."""
        return access_of(request).is_operator

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Operators may."""
        return access_of(request).is_operator


def _with_pages(listed: Any) -> Any:
    """Return the rows of a nested list that link to their page."""
    if not isinstance(listed, list):
        return listed
    found: list[Any] = []
    is_listed = False
    for each in listed:
        if not isinstance(each, list):
            is_listed = "<a href=" in str(each)
            found.extend([each] if is_listed else [])
        elif rows := _with_pages(each):
            # They belong to the row before them. If that is left out, they take its place.
            found.extend([rows] if is_listed else rows)
    return found


def _owners(request: HttpRequest, name: str) -> Callable[[Any], str]:
    @admin.display(description=name.replace("_", " ").capitalize(), ordering=f"{name}__name")
    def column(row: Any) -> str:
        # By key: a list may have loaded no more of the owner than its name.
        return access_of(request).owner_labels.get(getattr(row, f"{name}_id")) or str(getattr(row, name))

    column.__name__ = name
    return column


class ReadOnly:
    """Nothing can be added, changed or deleted here, by nobody."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody may."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody may."""
        return False


class OwnedAdmin(TallyAdmin):
    """Rows that belong to an owner: seen by the owner's members, whatever Django's permissions say."""

    owner_path = "owner_id"  # from a row to its owner's key

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        """Nothing of anybody else's: lists, pages and searches start here."""
        return access_of(request).limit(super().get_queryset(request), self.owner_path)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Members of any owner may see the list; of this owner, the row."""
        access = access_of(request)
        return not access.is_empty if obj is None else access.has(getattr(obj, self.owner_path))
