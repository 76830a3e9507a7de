"""Forms of the way in, in unfold's look: the log-in, throttled, and the code of the second factor."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from events.accounts import throttle

if TYPE_CHECKING:  # unfold has no types
    from django.contrib.admin.forms import AdminAuthenticationForm as UnfoldLogin
    from django.forms import TextInput as UnfoldInput
else:
    from unfold.forms import AuthenticationForm as UnfoldLogin
    from unfold.widgets import UnfoldAdminTextInputWidget as UnfoldInput


class LoginForm(UnfoldLogin):
    """The log-in. Its answers are the same whether there is such an account or not."""

    def clean(self) -> dict[str, Any]:
        """Look at the password only where nobody has to wait."""
        name = str(self.cleaned_data.get("username") or "")
        network = getattr(self.request, "network_hash", "")
        if wait := throttle.count(name, network, timezone.now()):
            unit = "second" if wait == 1 else "seconds"
            raise ValidationError(f"Too many failed log-ins. Try again in {wait} {unit}.", code="throttled")
        data = super().clean()
        throttle.succeeded(name, network, timezone.now())
        return dict(data or {})


class CodeForm(forms.Form):
    """A code of the second factor, or a recovery code."""

    code = forms.CharField(
        max_length=40,
        label="Code",
        widget=UnfoldInput(
            attrs={"autocomplete": "one-time-code", "autofocus": "", "autocapitalize": "none"}
        ),
    )

    def clean_code(self) -> str:
        """Without the blanks that people and phones put into codes."""
        return "".join(str(self.cleaned_data["code"]).split())
