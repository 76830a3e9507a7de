"""Problem details (RFC 9457): the format of every error under /api/."""

import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from psycopg.errors import QueryCanceled
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as answer_of_drf
from rest_framework.views import set_rollback

log = logging.getLogger(__name__)
MEDIA_TYPE = "application/problem+json"
TYPES = "/api/problems/#"  # one of our pages explains each type


class Problem(NamedTuple):
    """A type of problem: status, title, and what to do about it."""

    status: int
    title: str
    advice: str


PROBLEMS = {
    "bad_parameter": Problem(
        400, "A parameter has an invalid value", "`errors` has the accepted values of each."
    ),
    "unknown_parameter": Problem(
        400, "There is no such parameter", "`errors` names the unknown parameters, `known` the existing ones."
    ),
    "bad_cursor": Problem(
        400, "The cursor doesn't come from this list", "Follow `next` and `previous` unchanged."
    ),
    "malformed": Problem(400, "The request can't be read", "Send well-formed JSON."),
    "invalid": Problem(400, "The request can't be carried out", "`errors` has the reason for each field."),
    "not_authenticated": Problem(
        401, "The request has no API key", "Send `Authorization: Bearer KEY` with a secret key."
    ),
    "authentication_failed": Problem(
        401, "The API key is not valid", "It is unknown, has expired or was revoked. Create a new one."
    ),
    "permission_denied": Problem(
        403,
        "This reader isn't allowed to do that",
        "To read, send a secret key with the read permission; to replay, one that may also write; to manage,"
        " one with the manage permission.",
    ),
    "https_required": Problem(
        403, "The request came over plain HTTP", "Use HTTPS, and replace the key: others may have read it."
    ),
    "not_found": Problem(
        404, "Not found", "Objects of owners that the reader can't see aren't found either."
    ),
    "method_not_allowed": Problem(
        405, "The method isn't allowed at this address", "`Allow` lists the allowed methods."
    ),
    "not_acceptable": Problem(
        406, "The response isn't available in that media type", "Accept `application/json`."
    ),
    "conflict": Problem(409, "The current state doesn't allow it", "Read `detail`."),
    "unsupported_media_type": Problem(
        415, "The media type of the body isn't supported", "Send `application/json`."
    ),
    "rate_limited": Problem(
        429, "Too many requests", "Try again after the number of seconds in `Retry-After`."
    ),
    "too_many_exports": Problem(
        429, "Too many unfinished exports", "Wait for one to finish, or cancel one with `DELETE`."
    ),
    "failed": Problem(500, "The server failed", "The server's log has the reason; tell the operator."),
    "unavailable": Problem(
        503, "The database is unavailable", "Try again after the number of seconds in `Retry-After`."
    ),
    "too_slow": Problem(503, "The query took too long", "Request a shorter period or a smaller page."),
}

# Codes of DRF's exceptions; those of the same name need no entry.
_CODES = {
    "parse_error": "malformed",
    "throttled": "rate_limited",
    "error": "failed",
    "cors_error": "permission_denied",
}
# For errors that Django answers itself.
_BY_STATUS = {400: "malformed", 403: "permission_denied", 404: "not_found", 500: "failed"}


class BadParameter(exceptions.APIException):
    """Query parameters with invalid values or unknown names."""

    status_code = 400

    def __init__(self, code: str, errors: dict[str, list[str]], known: Iterable[str] = ()) -> None:
        super().__init__(PROBLEMS[code].title + ".", code)
        self.code = code
        self.errors = errors
        self.known = sorted(known)


def body(code: str, detail: str, instance: str, **more: object) -> dict[str, object]:
    """Return the members of a problem. Empty ones of `more` are left out."""
    problem = PROBLEMS[code]
    members = {
        "type": TYPES + code,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "instance": instance,
        "code": code,
    }
    return members | {name: value for name, value in more.items() if value}


def handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Return the problem details of an expected error, or None. DRF's exception handler."""
    instance = context["request"].path
    if isinstance(exc, DataError | OverflowError | OperationalError | InterfaceError):
        set_rollback()
        code, detail = _of_database(exc)
        retry = {"Retry-After": "5"} if code == "unavailable" else {}
        return _response(body(code, detail, instance), retry)
    answer = answer_of_drf(exc, context)
    if answer is None:
        return None
    code = _code_of(exc)
    errors, known = _errors_of(exc), getattr(exc, "known", ())
    detail = PROBLEMS[code].title + "." if errors else _detail_of(exc)
    headers = {**dict(answer.headers), **getattr(exc, "headers", {})}
    return _response(body(code, detail, instance, errors=errors, known=known), headers)


def _response(members: dict[str, Any], headers: dict[str, str]) -> Response:
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    return Response(members, members["status"], headers=kept, content_type=MEDIA_TYPE)


def _of_database(exc: Exception) -> tuple[str, str]:
    """Return the problem of a value that no column or calendar can hold; None for other database errors."""
    if isinstance(exc, DataError | OverflowError):
        return "bad_parameter", "A parameter has a value that can't be stored."
    log.warning("The database could not answer a reader", exc_info=exc)
    if isinstance(exc.__cause__, QueryCanceled):
        return "too_slow", "The database cancelled the query at its time limit."
    return "unavailable", "The database is unavailable. Try again."


def _code_of(exc: Exception) -> str:
    if isinstance(exc, Http404):
        return "not_found"
    if isinstance(exc, PermissionDenied):
        return "permission_denied"
    assert isinstance(exc, exceptions.APIException)
    if isinstance(exc, BadParameter):
        return exc.code
    if isinstance(exc, exceptions.ValidationError):
        return "invalid"
    named = _CODES.get(exc.default_code, exc.default_code)
    return named if named in PROBLEMS else _BY_STATUS.get(exc.status_code, "failed")


def _errors_of(exc: Exception) -> dict[str, Any]:
    if isinstance(exc, BadParameter):
        return exc.errors
    if isinstance(exc, exceptions.ValidationError):
        return exc.detail if isinstance(exc.detail, dict) else {"": exc.detail}
    return {}


def _detail_of(exc: Exception) -> str:
    if isinstance(exc, exceptions.APIException):
        return str(exc.detail)
    return str(exc) if isinstance(exc, PermissionDenied) and str(exc) else "There is nothing at this address."


def plain_response(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """Return a problem without DRF."""
    return JsonResponse(
        body(_BY_STATUS[status], detail, request.path), status=status, content_type=MEDIA_TYPE
    )
