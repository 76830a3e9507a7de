"""API keys: the forms to create and to change one."""

from datetime import datetime
from typing import TYPE_CHECKING

from django import forms

from events.access import Access
from events.managing.audited import Audited
from events.ownership.api_key import ONLY_WRITES, OPEN_TO_ANYONE, ApiKey, KeyType, Permission

if TYPE_CHECKING:  # unfold has no types
    from django.forms import CheckboxInput as Switch
    from django.forms import CheckboxSelectMultiple as Checkboxes
else:
    from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget as Checkboxes
    from unfold.widgets import UnfoldBooleanSwitchWidget as Switch

AUDITED = Audited(
    noun="key",
    fields=(
        "name",
        "type",
        "may_write",
        "may_read",
        "may_manage",
        "prefix",
        "default_owner",
        "owners",
        "all_owners",
        "user",
        "expires_at",
        "revoked_at",
    ),
    owner=lambda key: key.default_owner,
    switched=("revoked_at", "key.revoked", "key.changed"),
)
ACTS_FOR = (
    "This key manages for {}. Nobody else can extend it: it may do more than keys that you can create. Ask an"
    " operator."
)
OUTLASTS = "A key that manages can't end later than the key that creates or changes it, on {}."


class ChangeKeyForm(forms.ModelForm[ApiKey]):
    """The form to change a key."""

    revoke = forms.BooleanField(
        required=False,
        widget=Switch,
        help_text="Requests with this key are refused within ten seconds. You can't undo this.",
    )

    access: Access  # of the person or key that changes it

    class Meta:
        model = ApiKey
        fields = ("name", "expires_at")

    def clean_expires_at(self) -> datetime | None:
        """Return the new end. Nobody can extend or reactivate a key that they couldn't create."""
        ends: datetime | None = self.cleaned_data["expires_at"]
        was = ApiKey.objects.only("expires_at").get(pk=self.instance.pk).expires_at
        is_later = was is not None and (ends is None or ends > was)
        if is_later and not self.access.could_make(self.instance):
            raise forms.ValidationError(
                "You can end this key earlier or revoke it, but not extend it: it may do more than keys that"
                " you can create. Ask an operator."
            )
        if is_later and self.instance.may_manage:
            if not self.access.could_act_as(self.instance.person):
                raise forms.ValidationError(ACTS_FOR.format(self.instance.person or "nobody"))
            _refuse_outlasting(self.access, ends)
        return ends


class MakeKeyForm(forms.ModelForm[ApiKey]):
    """The form to create a key."""

    permissions = forms.MultipleChoiceField(
        choices=Permission.choices,
        initial=[Permission.WRITE],
        widget=Checkboxes,
        help_text="Publishable keys only write. Give each key only the permissions that it needs: one that"
        " manages can do what you can, for its owners.",
    )
    open_to_anyone = forms.BooleanField(
        required=False,
        widget=Switch,
        help_text="Required for a publishable key for all owners: everybody who sees it can write events"
        " for every owner of the organization, and create owners.",
    )

    access: Access  # of the person or key that creates it

    class Meta:
        model = ApiKey
        fields = ("name", "type", "default_owner", "owners", "all_owners", "user", "expires_at")

    def clean(self) -> dict[str, object]:
        """Keep a key within one organization, and a publishable key to what was confirmed."""
        data = super().clean() or {}
        permissions, is_publishable = data.get("permissions"), data.get("type") == KeyType.PUBLISHABLE
        if permissions and is_publishable and permissions != [Permission.WRITE]:
            self.add_error("permissions", ONLY_WRITES)
        elif permissions:
            self.instance.permissions = permissions
        if is_publishable and data.get("all_owners") and not data.get("open_to_anyone"):
            self.add_error("all_owners", f"{OPEN_TO_ANYONE}, or confirm it with “Open to anyone”.")
        home = data.get("default_owner")
        strangers = [
            owner.name
            for owner in data.get("owners") or ()
            if home and owner.organization_id != home.organization_id
        ]
        if strangers:
            self.add_error("owners", f"Not of the organization of {home}: {', '.join(strangers)}.")
        if permissions and Permission.MANAGE in permissions and "expires_at" not in self.errors:
            try:
                _refuse_outlasting(self.access, data.get("expires_at"))
            except forms.ValidationError as error:
                self.add_error("expires_at", error)
        return data


def _refuse_outlasting(access: Access, ends: datetime | None) -> None:
    """Raise ValidationError for the end of a key that would manage for longer than the one that sets it."""
    if access.ends_at is not None and (ends is None or ends > access.ends_at):
        raise forms.ValidationError(OUTLASTS.format(access.ends_at.isoformat()))
