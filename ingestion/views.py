"""The ingest endpoints: turn HTTP into the arguments of `acceptance`, and its result into the dialect's answer."""

import logging
from typing import Any, ClassVar

import msgspec
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.views import APIView

from ingestion import acceptance, bodies, cors, keys
from ingestion.decoding import Rejected
from ingestion.dialects import availity, buildless, sunbird
from ingestion.refusal import Refused

Wire = Any
log = logging.getLogger(__name__)
JSON = "application/json"
RETRY_AFTER = {"Retry-After": "5"}


def json_response(body: Wire, status: int = 200) -> HttpResponse:
    """A JSON answer."""
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=JSON)


class IngestView(APIView):
    """What the endpoints share: keys instead of log-ins, refusals in the dialect's words, CORS.

    Nothing of DRF that costs time for people's sake is asked for: no negotiation, no sessions, no parsers.
    """

    authentication_classes: ClassVar[list[Any]] = []
    permission_classes: ClassVar[list[Any]] = []
    throttle_classes: ClassVar[list[Any]] = []
    http_method_names: ClassVar[list[str]] = ["post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Let the page that asks read whatever the answer is."""
        return cors.allow(request, super().dispatch(request, *args, **kwargs))

    def initialize_request(self, request: HttpRequest, *_: Any, **__: Any) -> Request:
        """The request as Django has it: bodies are read and decoded by us."""
        return request  # type: ignore[return-value]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Nothing to negotiate or authenticate here: `answer` does it."""

    def finalize_response(
        self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Answers are complete."""
        return response

    def handle_exception(self, exc: Exception) -> HttpResponse:
        """Refusals in the dialect's words; a database that can't take the event is a 503."""
        if isinstance(exc, DatabaseError):
            log.error("The database could not take a request", exc_info=exc)
            exc = Refused(
                503, "unavailable", "The database can't take events now; try again.", headers=RETRY_AFTER
            )
        if not isinstance(exc, Refused):
            raise exc
        response = self.refusal(exc)
        for name, value in exc.headers.items():
            response[name] = value
        return response

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Only POST means something here."""
        refused = Refused(405, "method_not_allowed", "Events are sent by POST.", headers={"Allow": "POST, OPTIONS"})
        return self.handle_exception(refused)

    def options(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """The answer to a preflight: headers alone."""
        return HttpResponse(status=204, headers={"Allow": "POST, OPTIONS"})

    def refusal(self, refused: Refused) -> HttpResponse:
        """A refusal in the dialect's words."""
        error = {"code": refused.code, "path": refused.path, "message": refused.message}
        return json_response({"error": error}, refused.status)


class SunbirdView(IngestView):
    """A batch of V3 events."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """200 with the verdict of each rejected event, since the SDK repeats everything else for ever."""
        sender = keys.authenticate(request.META)
        bodies.content_type(request.META)
        body = bodies.read(request)
        now = timezone.now()
        context = {
            key: value[:512] for header, key, _ in sunbird.CONTEXT if (value := request.META.get(header, "").strip())
        }
        accepted = acceptance.accept(sender, sunbird.READING, "json", body, now, context)
        return json_response(sunbird.answer(accepted, sunbird.message_id(body), now))

    def refusal(self, refused: Refused) -> HttpResponse:
        """Sunbird's envelope, with the message id where it can be read."""
        return json_response(sunbird.refusal(refused, "", timezone.now()), refused.status)


class AvailityView(IngestView):
    """One message, as JSON or as a form."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """201 and an empty body; 400 for a message that is kept as rejected."""
        sender = keys.authenticate(request.META)
        content_type = bodies.content_type(request.META)
        body = bodies.read(request)
        context = {}
        if idempotency_key := request.META.get("HTTP_IDEMPOTENCY_KEY", "").strip():
            if len(idempotency_key) > acceptance.MAX_IDENTIFIER:
                raise Refused(400, "bad_length", "Idempotency-Key has more than 512 characters.")
            context["idempotency_key"] = idempotency_key
        encoding = availity.encoding_of(content_type, body)
        (verdict,) = acceptance.accept(sender, availity.READING, encoding, body, timezone.now(), context)
        if isinstance(verdict, Rejected):
            fault = verdict.fault
            return self.refusal(Refused(400, fault.code, fault.message, path=fault.path))
        return HttpResponse(status=201, content_type=JSON)


class BuildlessView(IngestView):
    """What the endpoints of Buildless share: answers in binary to who asks in binary."""

    def reply(self, body: Wire, status: int = 200) -> HttpResponse:
        """An `EventID` in the encoding of the request."""
        if self.request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() in buildless.PROTOBUF:
            return HttpResponse(
                buildless.to_protobuf(body), status=status, content_type="application/x-protobuf"
            )
        return json_response(body, status)

    def refusal(self, refused: Refused) -> HttpResponse:
        """An `EventID` that says no."""
        error = buildless.problem(refused.code, refused.path, refused.message)
        return self.reply({"ok": False, "eid": "", "error": error}, refused.status)


class PingView(BuildlessView):
    """Liveness for clients: needs no key."""

    def post(self, _: HttpRequest) -> HttpResponse:
        """Empty in, empty out."""
        content_type = self.request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if content_type in buildless.PROTOBUF:
            return HttpResponse(b"", content_type="application/x-protobuf")
        return json_response({})


class EmitView(BuildlessView):
    """One event that is not part of a series."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """200 with the event's id; 400 for an event that is kept as rejected."""
        sender = keys.authenticate(request.META)
        content_type = bodies.content_type(request.META)
        body = bodies.read(request)
        query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
        encoding = buildless.encoding_of(content_type, body, query)
        kept = buildless.without_key(query) if encoding == "query" else body
        (verdict,) = acceptance.accept(sender, buildless.READING, encoding, kept, timezone.now(), {})
        status = 400 if isinstance(verdict, Rejected) else 200
        return self.reply(buildless.answer(verdict), status)


class StreamView(BuildlessView):
    """A series of events, one JSON text a line, answered line by line."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """200 with an answer for each line, in order."""
        sender = keys.authenticate(request.META)
        bodies.content_type(request.META)
        body = bodies.read(request)
        verdicts = acceptance.accept(
            sender, buildless.READING, "ndjson", body, timezone.now(), {}, stream_id=buildless.stream_id
        )
        sid = buildless.stream_id(verdicts) if verdicts else ""
        lines = [
            msgspec.json.encode(buildless.answer(verdict, sid if index == 0 else ""))
            for index, verdict in enumerate(verdicts)
        ]
        return HttpResponse(b"".join(line + b"\n" for line in lines), content_type="application/x-ndjson")

