"""The page of partitions, for operators."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from events.access import access_of
from events.partition_sizes import Week, weeks
from events.words import size_text


def answer(found: list[Week]) -> str:
    """The page in a sentence."""
    if not found:
        return "There are no partitions yet: run manage.py manage_partitions."
    events, size = sum(week.events for week in found), sum(week.size for week in found)
    return f"About {events:,} events in {len(found)} weeks take {size_text(size)}, indexes included."


def page(request: HttpRequest, site: Any) -> HttpResponse:
    """The page itself."""
    if not access_of(request).is_operator:
        raise PermissionDenied
    found = weeks()
    context = {**site.each_context(request), "title": "Partitions", "answer": answer(found), "weeks": found}
    return TemplateResponse(request, "admin/partitions.html", context)
