"""The gate: a middleware that answers ingest paths before everything that is meant for people.

Ingest endpoints need no session, no CSRF token and no messages, which would be a large part of the cost of a
small event. Exceptions and signals are still Django's. Clients join host and path as text, so extra slashes
are ignored, and a wrong path is told the right one.
"""

import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher

from django.http import HttpRequest, HttpResponse

from ingestion.receiving.urls import urlpatterns

View = Callable[[HttpRequest], HttpResponse]
_SLASHES = re.compile("/{2,}")
# First segments of ingest paths and of their near misses, and the last ones wherever they are mounted.
_INGEST = re.compile(
    r"/(?:v\d+|data|api/data|content|action|ms|telemetry)(?:/|$)|.*/(?:telemetry$|event:)",
    re.IGNORECASE | re.DOTALL,
)
_AVAILITY = "/availity"
_PING = ":ping"  # takes no events
_COMPARED = 100  # characters: comparing costs their square


class IngestGate:
    """Answers ingest paths. The URL configuration has the same views, for documentation."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self.views: dict[str, View] = {f"/{entry.pattern}": entry.callback for entry in urlpatterns}
        # For each endpoint, the view of a path that probably means it.
        self.refusals: dict[str, View] = {
            path: view.cls.as_view(instead=path)  # type: ignore[attr-defined]  # as every view of DRF has it
            for path, view in self.views.items()
        }

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer an ingest path; pass everything else on."""
        view = self.views.get(request.path_info) or self._view_of(bare(request.path_info))
        return view(request) if view else self.get_response(request)

    def _view_of(self, path: str) -> View | None:
        """Return the view of a path without extra slashes; None if it is no ingest path."""
        if path in self.views or not is_ingest(path):
            return self.views.get(path)
        return self.refusals[nearest(path, self.refusals)]


def bare(path: str) -> str:
    """Return a path without doubled and trailing slashes."""
    return _SLASHES.sub("/", path).rstrip("/")


def is_ingest(path: str) -> bool:
    """True if a path without extra slashes is meant for an ingest endpoint."""
    return _INGEST.match(path) is not None


def nearest(path: str, known: Iterable[str]) -> str:
    """Return the endpoint that a wrong path probably means.

    Of the endpoints of its format, that is the one that the path ends with, or else resembles most.
    """
    wrong = path[:_COMPARED].lower()
    is_availity = wrong.startswith("/ms/") or _AVAILITY in wrong
    known = [right for right in known if is_availity == (_AVAILITY in right) and not right.endswith(_PING)]

    def likeness(right: str) -> tuple[int, float]:
        ends = len(right) if wrong.endswith(right) else 0
        return ends, SequenceMatcher(None, wrong, right, autojunk=False).ratio()

    return max(known, key=likeness)
