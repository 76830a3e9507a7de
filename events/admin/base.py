"""Base classes of admin pages: access by membership, empty states, audit trail, read-only pages."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ListFilter
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import connection, models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from events.access import access_of
from events.accounts import audit
from events.admin.display import Column, Columns, Page
from events.event import Event
from events.lib.fields import AnyField
from events.lib.row_lock import lock
from events.managing.audited import Audited
from events.ownership.api_key import ApiKey
from events.ownership.owner import Owner

if TYPE_CHECKING:  # unfold has no types. Its classes are restyled subclasses of Django's.
    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList

    UnfoldAdmin = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as UnfoldAdmin
    from unfold.views import ChangeList

__all__ = [
    "EmptyState",
    "Form",
    "OwnedAdmin",
    "ReadOnly",
    "Row",
    "TallyAdmin",
    "TallyChangeList",
    "UnfoldAdmin",
]


class TallyChangeList(ChangeList):
    """A list that ignores the parameters in its URL that no filter reads, and names them."""

    unread: tuple[str, ...] = ()

    def get_filters(
        self, request: HttpRequest
    ) -> tuple[list[ListFilter], bool, dict[str, bool | str], bool, bool]:
        """Return the filters, by the parameters that they read. Links on the page keep only these."""
        asked = self.get_filters_params()
        self.unread = tuple(name for name in asked if not self.model_admin.lookup_allowed(name, "", request))
        for name in self.unread:
            self.params.pop(name, None)
            self.filter_params.pop(name, None)
        return super().get_filters(request)

    @property
    def unread_sentence(self) -> str:
        """Name the parameters that no filter reads."""
        names = ", ".join(f"“{name[:LONGEST_NAME]}”" for name in self.unread[:MOST_NAMES])
        return f"This list has no filter {names}." if names else ""


@dataclass(frozen=True)
class EmptyState:
    """The text of a list without rows: the reason and the next step."""

    title: str
    text: str
    commands: tuple[str, ...] = ()


Context = dict[str, object] | None  # of a template, added to
Form = forms.ModelForm[Any]
Row = Any  # of an admin's model, which each admin names itself
Rows = Sequence[Row] | models.QuerySet[Row]
Deleted = tuple[list[str], dict[str, int], set[str], list[str]]  # rows, counts, lacking, protected

LOOKUPS = ("", "__exact", "__in", "__isnull")  # of Django's filters by a column
LONGEST_NAME, MOST_NAMES = 60, 5  # of parameters that a page names
OWNERS = frozenset({"owner", "default_owner"})  # columns of lists


class TallyAdmin(UnfoldAdmin):
    """Base class of all admin pages. For operators only, unless a subclass allows more."""

    change_list_template = "admin/tally_list.html"
    empty_state = EmptyState("Nothing here yet", "There is nothing to show.")
    list_fullwidth = True
    actions = None  # actions on many rows are added only where they are safe

    def get_empty_state(self, request: HttpRequest) -> EmptyState:
        """Return the text of the list if it has no rows."""
        return self.empty_state

    def changelist_view(self, request: HttpRequest, extra_context: Context = None) -> HttpResponse:
        """Show the list."""
        more = {"empty": self.get_empty_state(request), "title": str(self.opts.verbose_name_plural)}
        return super().changelist_view(request, more | (extra_context or {}))

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        """Return the class of the list."""
        return TallyChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """True for columns of the list's filters only. Any other would reveal what a column contains."""
        columns = [each for each in self.list_filter if isinstance(each, str)]
        return lookup in {f"{column}{suffix}" for column in columns for suffix in LOOKUPS}

    def get_list_display(self, request: HttpRequest) -> Columns:
        """Return the columns. Owners with the same name are shown with their organizations."""
        found = super().get_list_display(request)
        return tuple(_owners(request, name) if name in OWNERS else name for name in found)

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return a form field. Owners are shown with their organizations, times with their zone."""
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.related_model is Owner:
            field.label_from_instance = access_of(request).label
        if field is not None and isinstance(db_field, models.DateTimeField):
            field.label = f"{field.label} ({timezone.get_current_timezone_name()})"
        found: forms.Field | None = field
        return found

    def get_deleted_objects(self, objs: Rows, request: HttpRequest) -> Deleted:
        """Return what is deleted along with rows, without counters and link rows, which have no page."""
        gone, counts, lacking, protected = super().get_deleted_objects(objs, request)
        listed = {model._meta.verbose_name_plural for model in self.admin_site._registry}
        kept = {name: count for name, count in counts.items() if name in listed}
        return _with_pages(gone), kept, lacking, protected

    def has_module_permission(self, request: HttpRequest) -> bool:
        """True if the navigation shows the list."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """True for operators."""
        return access_of(request).is_operator

    def has_add_permission(self, request: HttpRequest) -> bool:
        """True for operators."""
        return access_of(request).is_operator

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """True for operators."""
        return access_of(request).is_operator

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """True for operators."""
        return access_of(request).is_operator


def _with_pages(listed: list[Any]) -> list[Any]:
    """Return the rows of a nested list that link to their page."""
    found: list[object] = []
    is_listed = False
    for each in listed:
        if not isinstance(each, list):
            is_listed = "<a href=" in str(each)
            found.extend([each] if is_listed else [])
        elif rows := _with_pages(each):
            # They belong to the row before them. If that is left out, they take its place.
            found.extend([rows] if is_listed else rows)
    return found


def _owners(request: HttpRequest, name: str) -> Column:
    @admin.display(description=name.replace("_", " ").capitalize(), ordering=f"{name}__name")
    def column(row: models.Model) -> str:
        # By key, because a list may load only the owner's name.
        return access_of(request).owner_labels.get(getattr(row, f"{name}_id")) or str(getattr(row, name))

    column.__name__ = name
    return column


class ReadOnly:
    """Mixin for rows that nobody can add, change or delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """False for everybody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """False for everybody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """False for everybody."""
        return False


class OwnedAdmin(TallyAdmin):
    """Rows of an owner, visible to its members whatever Django's permissions say."""

    owner_path = "owner_id"  # from a row to its owner's key

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Row]:
        """Return only visible rows. Lists, pages and searches start here."""
        return access_of(request).limit(super().get_queryset(request), self.owner_path)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """True for members of any owner; for a row, only for members of its owner."""
        access = access_of(request)
        return not access.is_empty if obj is None else access.has(getattr(obj, self.owner_path))


_BEFORE = "tally_audit_before"


class AuditedAdmin(TallyAdmin):
    """Records additions, changes and deletions in the audit trail, in the same transaction."""

    audited: Audited

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Row | None:
        """Return a row. To be changed, it is locked and read again: saving it writes all its columns."""
        row = super().get_object(request, object_id, from_field)
        if row is None or request.method != "POST" or not connection.in_atomic_block:
            return row
        lock(row)
        return super().get_object(request, object_id, from_field)

    def save_model(self, request: HttpRequest, obj: Row, form: Form, change: bool) -> None:
        """Save the row, and remember its previous state."""
        if change:
            stored = type(obj)._default_manager.get(pk=obj.pk)
            setattr(request, _BEFORE, self.audited.state(stored))
        super().save_model(request, obj, form, change)

    def log_addition(self, request: HttpRequest, obj: Row, message: object) -> LogEntry:
        """Record the addition."""
        self.audited.made(audit.actor_of(request), obj)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Row, message: object) -> LogEntry:
        """Record the change, if there is any."""
        actor, before = audit.actor_of(request), getattr(request, _BEFORE, None)
        if before is None:  # Django changes a person's password without calling save_model
            audit.record(actor, f"{self.audited.noun}.password_changed", obj, owner=self.audited.owner(obj))
        else:
            self.audited.changed(actor, obj, before)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: models.QuerySet[Row]) -> list[LogEntry]:
        """Record the deletions."""
        for row in queryset:
            self.audited.removed(audit.actor_of(request), row)
        return super().log_deletions(request, queryset)


# Removed only through separate pages, though the database would allow deleting their owner.
NEVER_CASCADED = frozenset({Event, ApiKey})
USAGE_COUNTS = "counts of what was received"


class ProtectedAdmin(TallyAdmin):
    """Owners and organizations, which can't be deleted while rows depend on them."""

    def get_deleted_objects(self, objs: Rows, request: HttpRequest) -> Deleted:
        """Return the names of the rows that prevent the deletion. Django would read all of them for that."""
        keeps = sorted({name for row in objs for name in blocking_rows(row)})
        return ([], {}, set(), keeps) if keeps else super().get_deleted_objects(objs, request)


def blocking_rows(row: models.Model) -> Iterator[str]:
    """Yield the plural names of the rows that prevent the deletion of a row."""
    for relation in row._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and (relation.one_to_many or relation.one_to_one)):
            continue
        model = relation.related_model
        keeps = getattr(relation, "on_delete", None) is models.PROTECT or model in NEVER_CASCADED
        if keeps and model._base_manager.filter(**{relation.field.name: row}).exists():  # type: ignore[union-attr]
            yield str(model._meta.verbose_name_plural) if model in admin.site._registry else USAGE_COUNTS


RELATED = frozenset({"organization", "owner", "default_owner", "owners", "user"})
_LABELS = {"user": "Person"}
_KEPT_AS = "tally_linked"
NOTHING = "-"


def linked_fields(
    request: HttpRequest, names: Iterable[object], fixed: Iterable[object] | None = None
) -> tuple[Any, ...]:
    """Return field names, replacing relations (among `fixed`, if given) by fields that link to the row.

    Each request gets the same objects, because Django looks a field up among the read-only ones.
    """
    made: dict[str, Column] = request.__dict__.setdefault(_KEPT_AS, {})
    chosen = (
        RELATED if fixed is None else RELATED.intersection(name for name in fixed if isinstance(name, str))
    )
    for name in chosen:
        if name not in made:
            made[name] = _field(request, name)
    return tuple(made[name] if name in chosen else name for name in names)


def _field(request: HttpRequest, name: str) -> Column:
    @admin.display(description=_LABELS.get(name) or name.replace("_", " ").capitalize())
    def shown(row: models.Model) -> str:
        found = getattr(row, name)
        several = hasattr(found, "all")
        rows = list(found.all()) if several else [found] if found is not None else []
        return format_html_join(", ", "{}", ((_link(request, each),) for each in rows)) or NOTHING

    shown.__name__ = name
    return shown


def _link(request: HttpRequest, row: models.Model) -> str:
    label = access_of(request).label(row) if isinstance(row, Owner) else str(row)
    pages = admin.site._registry.get(type(row))
    if pages is None or not pages.has_view_permission(request, row):
        return label
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}" class="text-link">{}</a>', address, label)


class PageAdmin(ReadOnly, TallyAdmin):
    """Rows that are only read: a list, and a page for each row."""

    page_template = "admin/facts_page.html"

    def page(self, request: HttpRequest, row: Row) -> Page:
        """Build the page of a row."""
        raise NotImplementedError

    def title_of(self, row: Row) -> str:
        """Return the title of the page."""
        return str(row)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Context = None,
    ) -> HttpResponse:
        """Show the page of a row instead of a form.

        A row that the person may not see looks like a missing one.
        """
        if object_id is None:
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            messages.warning(request, f"There is no such {self.opts.verbose_name}, or you may not see it.")
            return redirect(self._back(request))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": self.title_of(row),
            "page": self.page(request, row),
            "back": self._back(request),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.page_template, context)

    def _back(self, request: HttpRequest) -> str:
        """Return the link to the list with the filters and page that the person came from."""
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        kept = request.GET.get("_changelist_filters", "")
        return f"{url}?{kept}" if kept else url
