"""CORS for the ingest endpoints: browsers of any site may post, with credentials, since real clients do."""

import re

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# For a preflight that names none.
_USUAL_HEADERS = ", ".join(
    (
        "authorization",
        "content-type",
        "content-encoding",
        "datatype",
        "idempotency-key",
        "x-api-key",
        "x-app-id",
        "x-device-id",
        "x-channel-id",
        "x-requested-with",
        "x-response-encoding-context",
    )
)
_EXPOSED_HEADERS = "Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy"
_NAMES = re.compile(r"[\w!#$%&'*+.^`|~ ,-]{1,8000}", re.ASCII)


def allow(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page that sent the request read the answer. Endpoints read no cookies."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            response["Access-Control-Allow-Headers"] = _allowed(request)
            response["Access-Control-Max-Age"] = "7200"
        else:
            response["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    patch_vary_headers(response, ["Origin"])
    if request.method == "OPTIONS":
        patch_vary_headers(response, ["Access-Control-Request-Headers"])
    response["Content-Length"] = str(len(response.content))
    return response


def _allowed(request: HttpRequest) -> str:
    """Return the headers that a preflight asks for: tracing and monitoring add their own to every request."""
    names: str = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").strip()
    return names if _NAMES.fullmatch(names) else _USUAL_HEADERS
