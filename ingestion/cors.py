"""CORS for the ingest endpoints: browsers of any site may post, with credentials, since real clients do."""

from django.http import HttpRequest, HttpResponse

_ALLOWED_HEADERS = ", ".join(
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


def allow(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Say that the page which asks may read the answer. Endpoints read no cookies: nothing is given away."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        if "Retry-After" in response:
            response["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            response["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
            response["Access-Control-Max-Age"] = "7200"
    response["Vary"] = "Origin"
    response["Content-Length"] = str(len(response.content))
    return response
