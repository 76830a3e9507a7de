"""The gate: sends posted events past everything that is meant for people.

Ingest endpoints need no session, no CSRF token, no messages; the ordinary stack would be a large part of what
a small event costs. This middleware stands first and answers their paths itself; exceptions and signals are
still Django's.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ingestion.receiving import paths
from ingestion.receiving.urls import urlpatterns

View = Callable[[HttpRequest], HttpResponse]


class IngestGate:
    """Short-circuits the ingest paths. The same views stand in the URL configuration, for documentation."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.views: dict[str, View] = {f"/{entry.pattern}": entry.callback for entry in urlpatterns}
        # For each endpoint, the view of a path that probably means it.
        self.refusals: dict[str, View] = {
            path: view.cls.as_view(instead=path)  # type: ignore[attr-defined]  # as every view of DRF has it
            for path, view in self.views.items()
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer an ingest path here; hand all else on."""
        view = self.views.get(request.path_info) or self._view_of(paths.bare(request.path_info))
        return view(request) if view else self.get_response(request)

    def _view_of(self, path: str) -> View | None:
        """Return the view of a path without extra slashes; None if it is no ingest path."""
        if path in self.views or not paths.is_ingest(path):
            return self.views.get(path)
        return self.refusals[paths.nearest(path, self.refusals)]
