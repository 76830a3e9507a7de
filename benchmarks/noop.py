"""The reference of single events: a DRF view that does nothing, on the same server."""

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

PATH = "/noop"


class NoopView(APIView):
    """Answers 200 and an empty object; no authentication, so that DRF's own cost alone is measured."""

    authentication_classes = ()
    permission_classes = ()

    def post(self, _: Request) -> Response:
        """Do nothing."""
        return Response({})
