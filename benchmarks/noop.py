"""The reference of single events: a DRF view that does nothing, on the same server."""

from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ingestion.gate import IngestGate

PATH = "noop"


class NoopView(APIView):
    """Answers 200 and an empty object; no authentication, so that DRF's own cost alone is measured."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, _: Request) -> Response:
        """Do nothing."""
        return Response({})


class NoopGate(IngestGate):
    """The gate of ingestion, which this path passes too: the reference must not pay for more middleware."""

    def __init__(self, get_response: "type[HttpResponse] | object") -> None:
        super().__init__(get_response)  # type: ignore[arg-type]
        view = NoopView.as_view()

        def noop(request: HttpRequest) -> HttpResponse:
            response = view(request)
            response.render()
            response["Content-Length"] = str(len(response.content))
            return response

        self.views[f"/{PATH}"] = noop
