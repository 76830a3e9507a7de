"""Content security policies: what a page may load and run, by path."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

# No inline scripts or styles, and nothing from other origins.
STRICT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# django-unfold's pages use Alpine, which compiles text to functions, and style attributes. All scripts are
# ours and none is inline (docs/decisions/047). The report pages use its layout.
ADMIN = (
    "default-src 'self'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# The first match of the beginning of the path applies.
POLICIES = (("/admin/", ADMIN), ("/reports/", ADMIN), ("/", STRICT))
HEADER = "Content-Security-Policy"


class ContentPolicy:
    """Sets the policy of an answer, unless its view has set one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the policy."""
        response = self.get_response(request)
        response.headers.setdefault(HEADER, policy_of(request.path_info))
        return response


def policy_of(path: str) -> str:
    """Return the policy of a path."""
    return next(policy for prefix, policy in POLICIES if path.startswith(prefix))
