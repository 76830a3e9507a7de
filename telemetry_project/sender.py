"""The sender of a person's request, as a hash: the address itself goes no further than here."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from events.enrichment.address import address_hash
from ingestion.address import sender_address

PEOPLE = 0  # stands where an organization's key does in hashes of events' addresses


class SenderHash:
    """Sets `request.address_hash`, "" where nobody knows the address. Throttle and audit trail use it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hash, then go on."""
        address = sender_address(request.META)
        found = address_hash(settings.ADDRESS_HASH_KEY, PEOPLE, address) if address else ""
        request.address_hash = found  # type: ignore[attr-defined]
        return self.get_response(request)
