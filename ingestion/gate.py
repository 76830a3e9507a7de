"""The gate: sends posted events past everything that is meant for people.

Ingest endpoints need no session, no CSRF token, no messages; the ordinary stack would be a large part of what
a small event costs. This middleware stands first and answers their paths itself; exceptions and signals are
still Django's.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ingestion.urls import urlpatterns

View = Callable[[HttpRequest], HttpResponse]


class IngestGate:
    """Short-circuits the ingest paths. The same views stand in the URL configuration, for documentation."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.views: dict[str, View] = {f"/{entry.pattern}": entry.callback for entry in urlpatterns}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer an ingest path here; hand all else on."""
        view = self.views.get(request.path_info)
        return view(request) if view else self.get_response(request)
