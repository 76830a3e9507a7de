"""Content security policies: what a page may load and run, by where it is."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# No inline script or style, nothing of anybody else's.
STRICT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# django-unfold's pages have Alpine, which makes functions of text, and styles in elements. Scripts stay ours:
# none is inline (docs/decisions/047). The report pages are in its layout.
ADMIN = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The first that the path begins with.
POLICIES = (("/admin/", ADMIN), ("/reports/", ADMIN), ("/", STRICT))
HEADER = "Content-Security-Policy"


class ContentPolicy:
    """Sets the policy of an answer, unless its view has one of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the policy."""
        response = self.get_response(request)
        response.headers.setdefault(HEADER, policy_of(request.path_info))
        return response


def policy_of(path: str) -> str:
    """The policy of a path."""
    return next(policy for prefix, policy in POLICIES if path.startswith(prefix))
