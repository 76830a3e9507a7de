"""People in the admin, for operators. Roles are memberships, not Django's groups."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp.plugins.otp_totp.models import TOTPDevice

from events.access import role_of
from events.accounts import audit, second_factor
from events.admin.base import AuditedAdmin, Form
from events.admin.display import time_column
from events.lib.fields import AnyField
from events.managing.audited import Audited
from events.ownership.api_key import ApiKey

if TYPE_CHECKING:  # unfold has no types
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm
    from django.forms import CheckboxInput as Switch

    AddForm: Any = None
    ChangeForm = UserChangeForm[User]
else:
    from unfold.forms import AdminPasswordChangeForm
    from unfold.forms import UserChangeForm as ChangeForm
    from unfold.forms import UserCreationForm as AddForm
    from unfold.widgets import UnfoldBooleanSwitchWidget as Switch

admin.site.unregister(Group)
# Its pages show the secrets of second factors.
admin.site.unregister(TOTPDevice)
admin.site.unregister(User)
# Names on pages, the same as in the navigation.
User._meta.verbose_name, User._meta.verbose_name_plural = "person", "people"


LAST_LOGIN: Any = time_column("last_login", never="never")
DATE_JOINED: Any = time_column("date_joined")


# Our labels and help texts of an account's fields.
WORDS = {
    "is_active": ("Active", "Inactive accounts can't log in. Their history stays."),
    "is_staff": (
        "May log in",
        "Allows the person to log in here. Without it, the account can only have personal keys.",
    ),
    "is_superuser": ("Operator", "Sees everything and may do everything here."),
    "groups": (
        "Groups",
        "“Platform operator” makes the person an operator. “Team lead” follows memberships automatically.",
    ),
}


class PersonForm(ChangeForm):
    """The form of an account, with the removal of a lost second factor."""

    remove_second_factor = forms.BooleanField(
        required=False,
        widget=Switch,
        help_text="For a lost second factor. The next login needs only the password, or sets up a new one.",
    )


@admin.register(User)
class PersonAdmin(AuditedAdmin, UserAdmin[User]):
    """Accounts of people."""

    audited = Audited(
        "person",
        (
            "username",
            "first_name",
            "last_name",
            "email",
            "is_active",
            "is_staff",
            "is_superuser",
            "groups",
        ),
    )

    form = PersonForm
    add_form = AddForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "email", "role", "state", LAST_LOGIN)
    search_help_text = "Name or e-mail address"
    list_filter = ()
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": (LAST_LOGIN, DATE_JOINED)}),
    )
    # unfold's admin, which comes first in the MRO, has none.
    add_fieldsets = ((None, {"fields": ("username", "email", "password1", "password2", "is_staff")}),)
    readonly_fields = (LAST_LOGIN, DATE_JOINED)

    @admin.display(description="Role")
    def role(self, row: User) -> str:
        """Return the person's highest role. Memberships say where they have it."""
        return role_of(row)

    @admin.display(description="State", ordering="is_active")
    def state(self, row: User) -> str:
        """Return in words if the person can log in."""
        if not row.is_active:
            return "switched off"
        return "may log in" if row.is_staff else "no access to these pages"

    def formfield_for_dbfield(
        self, db_field: AnyField, request: HttpRequest, **kwargs: object
    ) -> forms.Field | None:
        """Return a form field with our labels."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and db_field.name in WORDS:
            field.label, field.help_text = WORDS[db_field.name]
        return field

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return the initial values: new people may log in."""
        return {"is_staff": True} | super().get_changeform_initial_data(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the accounts with their groups, which show their roles."""
        return super().get_queryset(request).prefetch_related("groups")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Add the second factor, if another person has one."""
        found = super().get_fieldsets(request, obj)
        if not _may_remove(request, obj):
            return found
        return (*found, ("Second factor", {"fields": ("remove_second_factor",)}))

    def save_model(self, request: HttpRequest, obj: User, form: Form, change: bool) -> None:
        """Save the account, and remove the second factor on request."""
        super().save_model(request, obj, form, change)
        made = ApiKey.objects.usable().filter(user=None, created_by=obj)
        if "is_active" in form.changed_data and not obj.is_active and (count := made.count()):
            keys = "1 key goes" if count == 1 else f"{count} keys go"
            messages.warning(request, f"{keys} working that this person created. Review the API keys.")
        if form.cleaned_data.get("remove_second_factor") and _may_remove(request, obj):
            second_factor.remove(obj)
            audit.record(audit.actor_of(request), "factor.removed", obj)


def _may_remove(request: HttpRequest, person: User | None) -> bool:
    """True if the person is somebody else and has a second factor."""
    return person is not None and person.pk != request.user.pk and second_factor.device_of(person) is not None
