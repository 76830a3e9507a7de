"""People in the admin, in unfold's look, for operators. Roles are memberships, not Django's groups."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User

from events.admin.audited import AuditedAdmin

if TYPE_CHECKING:  # unfold has no types
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm

    AddForm: Any = None
else:
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm
    from unfold.forms import UserCreationForm as AddForm

admin.site.unregister(Group)
admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(AuditedAdmin, UserAdmin[User]):
    """Accounts of people."""

    audit_noun = "person"
    audit_fields = (
        "username",
        "first_name",
        "last_name",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
    )

    form = UserChangeForm
    add_form = AddForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "is_staff", "is_superuser", "is_active", "last_login")
    list_filter = ()
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")
