"""The gate of ingestion, which the references pass too: they must not pay for more middleware."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from rest_framework.response import Response
from rest_framework.views import APIView

from benchmarks import noop, plain
from ingestion.receiving.gate import IngestGate, View


class ReferenceGate(IngestGate):
    """Tally's gate with the references beside the real views."""

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        self.views[noop.PATH] = _rendered(noop.NoopView)
        self.views[plain.PATH] = _rendered(plain.PlainView)


def _rendered(view: type[APIView]) -> View:
    """A view whose answer is complete, as Django's handler makes it."""
    serve: Callable[[HttpRequest], Response] = view.as_view()

    def respond(request: HttpRequest) -> HttpResponse:
        response = serve(request)
        response.render()
        response["Content-Length"] = str(len(response.content))
        return response

    return respond
