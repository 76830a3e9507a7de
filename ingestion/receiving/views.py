"""The ingest endpoints: what each dialect puts into the pipeline, and how it words the answer."""

import logging
import re

import msgspec
from django.core.signals import got_request_exception
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from rest_framework.views import APIView

from events.wire.validators import MAX_IDENTIFIER
from ingestion.dialects import availity, buildless, sunbird
from ingestion.dialects.decoding import IDEMPOTENCY_KEY, Refused, Rejected
from ingestion.receiving import authentication, context, pipeline, request_body
from ingestion.receiving.pipeline import Contents, Posted

log = logging.getLogger(__name__)
JSON = "application/json"
BINARY = "application/x-protobuf"
LINES = "application/x-ndjson"
PLAIN = "text/plain; charset=utf-8"
RETRY_AFTER = {"Retry-After": "5"}
ALLOW = {"Allow": "POST, OPTIONS"}


def json_response(body: object, status: int = 200) -> HttpResponse:
    """Return a response in JSON."""
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=JSON)


class IngestView(APIView):
    """Base of the endpoints: method, errors in the dialect's envelope, CORS.

    `dispatch` skips DRF's own (negotiation, sessions, parsers, throttles), which would be a large part of the
    cost of a small event.
    """

    instead = ""  # on a wrong path: the endpoint that was probably meant

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Respond in the dialect's envelope, whatever happens, and let the sending page read it."""
        self.request = request  # type: ignore[assignment]  # Django's own: DRF's adds nothing here
        try:
            response = self.respond(request)
        except Refused as refused:
            response = self._refuse(refused)
        except DatabaseError as error:
            # Nothing was acknowledged: the sender tries again, and ids find what was written already.
            log.warning("The database could not take a request", exc_info=error)
            response = self._refuse(
                Refused(503, "unavailable", "The database is unavailable; try again.", headers=RETRY_AFTER)
            )
        except Exception:
            # Django's own response is HTML that no page of another site may read.
            log.exception("A request failed", extra={"path": request.path_info})
            got_request_exception.send(sender=None, request=request)
            response = self._refuse(Refused(500, "failed", "The server failed. Its log has the reason."))
        if policy := authentication.rate_limit_policy():
            response["RateLimit-Policy"] = policy
        return allow_origin(request, response)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Receive events by POST, answer preflights, refuse everything else."""
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers=ALLOW)
        if self.instead:
            message = f"There is no endpoint {request.path_info!r:.120}; send to {self.instead} instead."
            raise Refused(404, "unknown_path", message)
        if request.method == "POST":
            authentication.refuse_plain_http(request)
            return self.receive(request)
        raise Refused(405, "method_not_allowed", "Send events by POST.", headers=ALLOW)

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Take the request through the pipeline and respond. Raises `Refused`."""
        raise NotImplementedError

    def refusal(self, refused: Refused) -> HttpResponse:
        """Return the response to a request that is refused."""
        error = {"code": refused.code, "path": refused.path, "message": refused.message}
        return json_response({"error": error}, refused.status)

    def _refuse(self, refused: Refused) -> HttpResponse:
        response = self.refusal(refused)
        for name, value in refused.headers.items():
            response[name] = value
        return response


class SunbirdView(IngestView):
    """A batch of V3 events."""

    head = sunbird.Head("", None)

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Respond 200 with the rejected events of the batch: the SDK repeats anything else for ever."""
        verdicts = pipeline.receive(request, sunbird.DECODER, self._contents)
        return json_response(sunbird.answer(verdicts, self.head.message_id, timezone.now()))

    def _contents(self, posted: Posted) -> Contents:
        meta = self.request.META
        self.head = sunbird.head(posted.body)
        found = context.of_request(meta, posted.sender)
        found |= context.of_clock(self.head.sent, posted.received_at)
        found |= sunbird.context_of(meta)
        return Contents("json", posted.body, found)

    def refusal(self, refused: Refused) -> HttpResponse:
        """Return Sunbird's envelope. A request that is refused has no message id that can be trusted."""
        return json_response(sunbird.refusal(refused, "", timezone.now()), refused.status)


class AvailityView(IngestView):
    """One message, as JSON or as a form."""

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Respond 201 without a body, or 400 if the message is stored as rejected."""
        (verdict,) = pipeline.receive(request, availity.DECODER, self._contents)
        if isinstance(verdict, Rejected):
            fault = verdict.fault
            return self.refusal(Refused(400, fault.code, fault.message, path=fault.path))
        return HttpResponse(status=201, content_type=JSON)

    def _contents(self, posted: Posted) -> Contents:
        meta = self.request.META
        found = context.of_request(meta, posted.sender)
        if idempotency_key := meta.get("HTTP_IDEMPOTENCY_KEY", "").strip():
            if len(idempotency_key) > MAX_IDENTIFIER:
                raise Refused(400, "bad_length", "Idempotency-Key has more than 512 characters.")
            found[IDEMPOTENCY_KEY] = idempotency_key
        return Contents(availity.encoding_of(posted.content_type, posted.body), posted.body, found)


class BuildlessView(IngestView):
    """Base of Buildless's endpoints: the response is in protobuf if the request is."""

    @property
    def in_binary(self) -> bool:
        """True if the request is in protobuf."""
        media = self.request.META.get("CONTENT_TYPE", "").partition(";")[0]
        return media.strip().lower() in buildless.PROTOBUF

    def reply(self, body: dict[str, object], status: int = 200) -> HttpResponse:
        """Return an `EventID` in the encoding of the request."""
        if self.in_binary:
            return HttpResponse(buildless.to_protobuf(body), status=status, content_type=BINARY)
        return json_response(body, status)

    def refusal(self, refused: Refused) -> HttpResponse:
        """Return an `EventID` with the error."""
        error = buildless.problem(refused.code, refused.path, refused.message)
        return self.reply({"ok": False, "eid": "", "error": error}, refused.status)


class PingView(BuildlessView):
    """A liveness check for clients, without a key."""

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Respond with nothing to nothing."""
        if self.in_binary:
            return HttpResponse(b"", content_type=BINARY)
        return json_response({})


class EmitView(BuildlessView):
    """One event that is not part of a stream."""

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Respond 200 with the event's id, or 400 if the event is stored as rejected."""
        (verdict,) = pipeline.receive(request, buildless.DECODER, self._contents)
        status = 400 if isinstance(verdict, Rejected) else 200
        return self.reply(buildless.answer(verdict), status)

    def _contents(self, posted: Posted) -> Contents:
        meta = self.request.META
        query = meta.get("QUERY_STRING", "").encode("latin-1", "replace")
        encoding = buildless.encoding_of(posted.content_type, posted.body, query)
        if encoding == "protobuf":
            request_body.refuse_chunks(meta)
        body = buildless.without_key(query) if encoding == "query" else posted.body
        found = context.of_request(meta, posted.sender) | context.of_account(posted.sender)
        return Contents(encoding, body, found)


class StreamView(BuildlessView):
    """A stream of events, one JSON text per line."""

    stream = ""

    def receive(self, request: HttpRequest) -> HttpResponse:
        """Respond 200 with an answer for each line, in order."""
        verdicts = pipeline.receive(request, buildless.DECODER, self._contents, self._stream_id)
        lines = [
            msgspec.json.encode(buildless.answer(verdict, self.stream if index == 0 else ""))
            for index, verdict in enumerate(verdicts)
        ]
        return HttpResponse(b"".join(line + b"\n" for line in lines), content_type=self._media_type())

    def _media_type(self) -> str:
        """Return the media type of lines, or text where the client accepts only that."""
        accepted = self.request.META.get("HTTP_ACCEPT", "")
        return PLAIN if "text/plain" in accepted and LINES not in accepted else LINES

    def _contents(self, posted: Posted) -> Contents:
        found = context.of_request(self.request.META, posted.sender) | context.of_account(posted.sender)
        return Contents("ndjson", posted.body, found)

    def _stream_id(self, verdicts: pipeline.Verdicts) -> str:
        self.stream = buildless.stream_id(verdicts)
        return self.stream


# CORS: browsers of any site may post, with credentials, as real clients do.

# For a preflight that names none.
_USUAL_HEADERS = (
    "authorization, content-type, content-encoding, datatype, idempotency-key, x-api-key, x-app-id,"
    " x-device-id, x-channel-id, x-requested-with, x-response-encoding-context"
)
_EXPOSED_HEADERS = "Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy"
_HEADER_NAMES = re.compile(r"[\w!#$%&'*+.^`|~ ,-]{1,8000}", re.ASCII)


def allow_origin(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Let the page that sent the request read the response. Endpoints read no cookies."""
    origin = request.META.get("HTTP_ORIGIN")
    if origin:
        response["Access-Control-Allow-Origin"] = origin
        response["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            response["Access-Control-Allow-Methods"] = "POST, OPTIONS"
            response["Access-Control-Allow-Headers"] = _allowed_headers(request)
            response["Access-Control-Max-Age"] = "7200"
        else:
            response["Access-Control-Expose-Headers"] = _EXPOSED_HEADERS
    patch_vary_headers(response, ["Origin"])
    if request.method == "OPTIONS":
        patch_vary_headers(response, ["Access-Control-Request-Headers"])
    response["Content-Length"] = str(len(response.content))
    return response


def _allowed_headers(request: HttpRequest) -> str:
    """Return the headers that a preflight requests: tracing and monitoring tools add their own."""
    names: str = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").strip()
    return names if _HEADER_NAMES.fullmatch(names) else _USUAL_HEADERS
