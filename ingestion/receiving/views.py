"""The ingest endpoints: HTTP into the arguments of `acceptance`, its result into the dialect's answer."""

import logging
from typing import Any

import msgspec
from django.core.signals import got_request_exception
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from rest_framework.views import APIView

from events.wire.validators import MAX_IDENTIFIER
from ingestion.dialects import availity, buildless, sunbird
from ingestion.dialects.decoding import IDEMPOTENCY_KEY, Rejected
from ingestion.dialects.refusal import Refused
from ingestion.receiving import authentication, context, cors, pipeline, rate_limits, request_body

Wire = Any
log = logging.getLogger(__name__)
JSON = "application/json"
BINARY = "application/x-protobuf"
RETRY_AFTER = {"Retry-After": "5"}
ALLOW = {"Allow": "POST, OPTIONS"}


def json_response(body: Wire, status: int = 200) -> HttpResponse:
    """A JSON answer."""
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=JSON)


class IngestView(APIView):
    """What the endpoints share: keys instead of log-ins, refusals in the dialect's words, CORS.

    `dispatch` leaves out what DRF does for people (negotiation, sessions, parsers, throttles), which would be
    a large part of what a small event costs.
    """

    instead = ""  # the endpoint to name, for a path that is none

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer, whatever happens, in the dialect's words and readable for the page that asks."""
        self.request = request  # type: ignore[assignment]  # Django's own: DRF's has nothing to add
        try:
            response = self.respond(request)
        except Refused as refused:
            response = self._refuse(refused)
        except DatabaseError as error:
            # Nothing was written, or nobody was told so: the sender tries again, ids find what is there.
            log.warning("The database could not take a request", exc_info=error)
            response = self._refuse(
                Refused(
                    503, "unavailable", "The database can't take events now; try again.", headers=RETRY_AFTER
                )
            )
        except Exception:
            # Django's own answer is HTML that no page of another site may read.
            log.exception("A request failed", extra={"path": request.path_info})
            got_request_exception.send(sender=None, request=request)
            response = self._refuse(Refused(500, "failed", "The server failed; its log has the reason."))
        if policy := rate_limits.policy():
            response["RateLimit-Policy"] = policy
        return cors.allow(request, response)

    def respond(self, request: HttpRequest) -> HttpResponse:
        """Take events by POST, answer preflights, refuse all else."""
        if request.method == "OPTIONS":
            return HttpResponse(status=204, headers=ALLOW)
        if self.instead:
            message = f"There is no endpoint {request.path_info!r:.120}; send to {self.instead} instead."
            raise Refused(404, "unknown_path", message)
        if request.method == "POST":
            authentication.refuse_plain_http(request)
            return self.take(request)
        raise Refused(405, "method_not_allowed", "Events are sent by POST.", headers=ALLOW)

    def take(self, request: HttpRequest) -> HttpResponse:
        """Take what was posted. Raises `Refused`."""
        raise NotImplementedError

    def refusal(self, refused: Refused) -> HttpResponse:
        """A refusal in the dialect's words."""
        error = {"code": refused.code, "path": refused.path, "message": refused.message}
        return json_response({"error": error}, refused.status)

    def _refuse(self, refused: Refused) -> HttpResponse:
        response = self.refusal(refused)
        for name, value in refused.headers.items():
            response[name] = value
        return response


class SunbirdView(IngestView):
    """A batch of V3 events."""

    def take(self, request: HttpRequest) -> HttpResponse:
        """200 with the verdict of each rejected event, since the SDK repeats everything else for ever."""
        sender = authentication.authenticate(request.META)
        request_body.content_type(request.META)
        body = request_body.read(request)
        now = timezone.now()
        head = sunbird.head(body)
        kept = context.of_request(request.META, sender) | context.of_clock(head.sent, now)
        kept |= {
            key: value[:512]
            for header, key, _ in sunbird.CONTEXT
            if (value := request.META.get(header, "").strip())
            and (key == "did" or value not in sunbird.NOTHING)
        }
        accepted = pipeline.accept(sender, sunbird.READING, "json", body, now, kept)
        return json_response(sunbird.answer(accepted, head.message_id, now))

    def refusal(self, refused: Refused) -> HttpResponse:
        """Sunbird's envelope; what is refused as a whole has no message id that can be trusted."""
        return json_response(sunbird.refusal(refused, "", timezone.now()), refused.status)


class AvailityView(IngestView):
    """One message, as JSON or as a form."""

    def take(self, request: HttpRequest) -> HttpResponse:
        """201 and an empty body; 400 for a message that is kept as rejected."""
        sender = authentication.authenticate(request.META)
        content_type = request_body.content_type(request.META)
        body = request_body.read(request)
        kept = context.of_request(request.META, sender)
        if idempotency_key := request.META.get("HTTP_IDEMPOTENCY_KEY", "").strip():
            if len(idempotency_key) > MAX_IDENTIFIER:
                raise Refused(400, "bad_length", "Idempotency-Key has more than 512 characters.")
            kept[IDEMPOTENCY_KEY] = idempotency_key
        encoding = availity.encoding_of(content_type, body)
        (verdict,) = pipeline.accept(sender, availity.READING, encoding, body, timezone.now(), kept)
        if isinstance(verdict, Rejected):
            fault = verdict.fault
            return self.refusal(Refused(400, fault.code, fault.message, path=fault.path))
        return HttpResponse(status=201, content_type=JSON)


class BuildlessView(IngestView):
    """What the endpoints of Buildless share: answers in binary to who asks in binary."""

    @property
    def in_binary(self) -> bool:
        """Whether the request is in protobuf."""
        media = self.request.META.get("CONTENT_TYPE", "").partition(";")[0]
        return media.strip().lower() in buildless.PROTOBUF

    def reply(self, body: Wire, status: int = 200) -> HttpResponse:
        """An `EventID` in the encoding of the request."""
        if self.in_binary:
            return HttpResponse(buildless.to_protobuf(body), status=status, content_type=BINARY)
        return json_response(body, status)

    def refusal(self, refused: Refused) -> HttpResponse:
        """An `EventID` that says no."""
        error = buildless.problem(refused.code, refused.path, refused.message)
        return self.reply({"ok": False, "eid": "", "error": error}, refused.status)


class PingView(BuildlessView):
    """Liveness for clients: needs no key."""

    def take(self, request: HttpRequest) -> HttpResponse:
        """Empty in, empty out."""
        if self.in_binary:
            return HttpResponse(b"", content_type=BINARY)
        return json_response({})


class EmitView(BuildlessView):
    """One event that is not part of a series."""

    def take(self, request: HttpRequest) -> HttpResponse:
        """200 with the event's id; 400 for an event that is kept as rejected."""
        sender = authentication.authenticate(request.META)
        content_type = request_body.content_type(request.META)
        body = request_body.read(request)
        query = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
        encoding = buildless.encoding_of(content_type, body, query)
        event = buildless.without_key(query) if encoding == "query" else body
        kept = context.of_request(request.META, sender) | context.of_account(sender)
        (verdict,) = pipeline.accept(sender, buildless.READING, encoding, event, timezone.now(), kept)
        status = 400 if isinstance(verdict, Rejected) else 200
        return self.reply(buildless.answer(verdict), status)


class StreamView(BuildlessView):
    """A series of events, one JSON text a line, answered line by line."""

    def take(self, request: HttpRequest) -> HttpResponse:
        """200 with an answer for each line, in order."""
        sender = authentication.authenticate(request.META)
        request_body.content_type(request.META)
        body = request_body.read(request)
        kept = context.of_request(request.META, sender) | context.of_account(sender)
        verdicts = pipeline.accept(
            sender, buildless.READING, "ndjson", body, timezone.now(), kept, stream_id=buildless.stream_id
        )
        sid = kept.get("sid", "")
        lines = [
            msgspec.json.encode(buildless.answer(verdict, sid if index == 0 else ""))
            for index, verdict in enumerate(verdicts)
        ]
        return HttpResponse(b"".join(line + b"\n" for line in lines), content_type="application/x-ndjson")
