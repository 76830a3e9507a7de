"""Owners: who may set which of their fields."""

from django import forms

from events.access import Access
from events.managing.audited import Audited
from events.ownership.owner import Owner

# Settings for leads. A quota limits the team, so the team can't change it.
OF_LEADS = ("validation", "contact")
OF_OPERATORS = ("monthly_quota", "over_quota", "max_waiting_bytes", "max_rejected_bytes")
CHOSEN_ONCE = ("name", "organization")  # events show the name as it was sent
AUDITED = Audited(noun="owner", fields=(*CHOSEN_ONCE, *OF_LEADS, *OF_OPERATORS), owner=lambda owner: owner)


class OwnerForm(forms.ModelForm[Owner]):
    """The form of an owner in a given organization."""

    class Meta:
        model = Owner
        fields = ("name", *OF_LEADS, *OF_OPERATORS)

    def clean_name(self) -> str:
        """Refuse a name that the organization already has."""
        name: str = self.cleaned_data["name"]
        same = Owner.objects.filter(organization=self.instance.organization_id).named(name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError("The organization already has an owner with this name.")
        return name


def settable(access: Access, owner: Owner | None) -> tuple[str, ...]:
    """Return the fields that somebody may set, of an existing or a new owner."""
    if access.manages_as_operator:
        return (*(() if owner else ("name",)), *OF_LEADS, *OF_OPERATORS)
    return OF_LEADS if owner and access.leads(owner.pk) else ()
