"""The sender of a person's request, as a hash. The address itself isn't passed on."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from events.enrichment.address import address_hash
from ingestion.receiving.context import network_of, sender_address

PEOPLE = 0  # used in place of an organization's key in the hash


class SenderHash:
    """Set `request.address_hash` for the audit trail, and `network_hash` for throttles.

    The network of an IPv6 address is its /64. Both are empty if the address is unknown.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hash, then go on."""
        address = sender_address(request.META)
        for name, found in (("address_hash", address), ("network_hash", address and network_of(address))):
            setattr(request, name, address_hash(settings.ADDRESS_HASH_KEY, PEOPLE, found) if found else "")
        return self.get_response(request)
