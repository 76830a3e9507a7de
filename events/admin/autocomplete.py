"""Autocompletes: Django's, without its errors for what nobody's form asks, and with names told apart."""

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import Field
from django.http import HttpRequest

from events.access import access_of
from events.ownership.owner import Owner
from events.ownership.source import Source


class Autocomplete(AutocompleteJsonView):
    """The choices of a field that leads to another table."""

    def process_request(self, request: HttpRequest) -> Any:
        """What is asked. A relation seen from its other end is no field of a form."""
        if "\x00" in request.GET.get("term", ""):
            raise BadRequest("A search has no NUL in it.")
        found: Any = super().process_request(request)
        _, _, field, _ = found
        if not isinstance(field, Field):
            raise PermissionDenied
        return found

    def serialize_result(self, obj: Any, to_field_name: str) -> dict[str, str]:
        """One choice, as lists call it."""
        found: dict[str, str] = super().serialize_result(obj, to_field_name)
        if isinstance(obj, Owner | Source):
            found["text"] = access_of(self.request).told_apart(obj)
        return found
