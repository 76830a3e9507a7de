"""Webhooks: the form with its checks, and saving what it changed."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms

from events.managing.audited import Audited
from events.managing.whole import WholeForm
from events.webhooks import addresses, queries
from events.webhooks.webhook import Webhook

if TYPE_CHECKING:  # unfold has no types
    from django.forms import CheckboxInput as Switch
else:
    from unfold.widgets import UnfoldBooleanSwitchWidget as Switch

SET = ("name", "url", "what", "filter", "fields")
AUDITED = Audited(
    noun="webhook",
    fields=("owner", *SET, "paused_at", "reason"),
    owner=lambda webhook: webhook.owner,
    switched=("paused_at", "webhook.paused", "webhook.resumed"),
)


class WebhookForm(WholeForm[Webhook]):
    """The form of a webhook. Filters and fields are checked as by the API."""

    active = forms.BooleanField(
        required=False,
        initial=True,
        widget=Switch,
        help_text="Switch it off to pause. A webhook that is resumed sends what was written meanwhile.",
    )

    class Meta:
        model = Webhook
        fields = ("owner", *SET)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            self.initial["active"] = self.instance.paused_at is None

    def clean_url(self) -> str:
        """Return a URL that may be posted to."""
        url: str = self.cleaned_data["url"]
        try:
            addresses.check_url(url)
        except addresses.RefusedAddress as refused:
            raise forms.ValidationError(str(refused)) from refused
        return url

    def clean(self) -> dict[str, object]:
        """Check filters and fields against what is sent."""
        data = super().clean() or {}
        what = data.get("what")
        for name, read in (("filter", queries.conditions_of), ("fields", queries.fields_of)):
            try:
                if what and data.get(name):
                    read(str(what), str(data[name]))
            except queries.InvalidQuery as invalid:
                self.add_error(name, [f"{key}: {' '.join(texts)}" for key, texts in invalid.errors.items()])
        return data


def prepare_change(webhook: Webhook, *, active: bool, by: str, now: datetime) -> None:
    """Pause or resume a changed webhook, which the caller then saves in the same transaction."""
    # Workers wait with what they store until this is saved.
    webhook.keep_progress(Webhook.objects.select_for_update().get(pk=webhook.pk))
    if active and webhook.paused_at is not None:
        webhook.resume(now)
    elif not active and webhook.paused_at is None:
        webhook.paused_at, webhook.reason = now, f"Paused by {by}."
