"""Forms of rows whose owner can't be changed, but is part of what must be unique."""

from typing import TYPE_CHECKING, Generic, TypeVar

from django import forms
from django.db import models

Row = TypeVar("Row", bound=models.Model)

if TYPE_CHECKING:

    class _ModelForm(forms.ModelForm[Row]):
        def _get_validation_exclusions(self) -> set[str]: ...

else:

    class _ModelForm(forms.ModelForm, Generic[Row]):
        pass


class WholeForm(_ModelForm[Row]):
    """Checks constraints also if the form of an existing row leaves the owner out."""

    def _get_validation_exclusions(self) -> set[str]:
        found = super()._get_validation_exclusions()
        return found if self.instance.pk is None else found - {"owner"}
