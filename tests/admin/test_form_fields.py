"""Every field of the admin's forms has unfold's styles; without them it has no border or background."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.admin.conftest import html_of, operator, team_a
from tests.sending import Sender

__all__ = ["operator", "team_a"]

TYPED = {"", "text", "email", "number", "password", "search", "url", "date", "time", "datetime-local"}
ADDED = sorted(admin.site._registry, key=lambda model: model._meta.label)


class Fields(HTMLParser):
    """Collects inputs, selects and text areas without a border of unfold's or our own."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.bare: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check a tag."""
        found = {name: value or "" for name, value in attrs}
        is_field = tag in ("select", "textarea") or (tag == "input" and found.get("type", "") in TYPED)
        classes = found.get("class", "").split()
        if is_field and found.get("name") and "hidden" not in found and "hidden" not in classes:
            self.seen += 1
            if "border" not in classes:
                self.bare.append(found["name"])


def fields_of(html: str) -> Fields:
    """Collect the fields in the page's main landmark."""
    found = Fields()
    found.feed(html.partition("<main")[2].partition("</main>")[0])
    return found


@pytest.mark.parametrize("model", ADDED, ids=lambda model: model._meta.label_lower)
def test_each_field_of_a_form_has_a_border(team_a: Sender, operator: Client, model: Any) -> None:
    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_add")
    response = operator.get(path)
    if response.status_code == 403:  # not created in the admin
        return
    found = fields_of(response.content.decode())
    assert found.bare == []
    assert found.seen


def test_fields_on_account_pages_have_a_border(team_a: Sender, operator: Client) -> None:
    pk = User.objects.get(is_superuser=True).pk
    for path in ("/admin/password_change/", f"/admin/auth/user/{pk}/password/"):
        found = fields_of(html_of(operator, path))
        assert found.seen, path
        assert found.bare == [], path


def test_a_field_without_unfolds_styles_is_detected() -> None:
    assert fields_of('<main><input name="username" type="text" class="vTextField"></main>').bare == [
        "username"
    ]
