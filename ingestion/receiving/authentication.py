"""Who sends: the API key of a request, by every means that the formats name."""

import base64
from collections.abc import Mapping
from urllib.parse import parse_qsl

from django.db.models import F
from django.http import HttpRequest

from events.api.plain_http import SENTENCE, is_demanded
from events.ownership import senders
from events.ownership.api_key import ApiKey, KeyType, parts_of
from events.ownership.senders import Sender, find
from ingestion.dialects.refusal import Refused
from ingestion.receiving import rate_limits

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tally"'}


def authenticate(meta: Mapping[str, str]) -> Sender:
    """The sender of a request. Raises `Refused`: 401, 403, or 429 before a key is looked up."""
    sender, in_url = _identify(meta)
    if in_url and sender.type == KeyType.SECRET:
        senders.note_exposed(sender)
        raise _unauthorised(
            "secret_key_in_url",
            "A secret key must not stand in a URL, where logs keep it: replace it, send a publishable one.",
        )
    if not sender.may_write:
        raise Refused(403, "key_only_reads", "This API key has no write permission; send one that has it.")
    return sender


def refuse_plain_http(request: HttpRequest) -> None:
    """Refuse (403) plain HTTP if HTTPS is required. After a redirect the client would send the key again."""
    if not is_demanded(request):
        return
    try:
        senders.note_exposed(_identify(request.META)[0])
    except Refused as refused:
        if refused.status == 429:
            raise
    raise Refused(403, "https_required", SENTENCE)


def _identify(meta: Mapping[str, str]) -> tuple[Sender, bool]:
    """Return the sender of a request's key, and whether the key is in the URL."""
    try:
        whole, in_url = _presented(meta)
    except Refused:
        rate_limits.spend(meta, "")
        raise
    # What can't be a key gets no bucket; the bucket of any other is its own, so junk locks out nobody.
    rate_limits.spend(meta, whole if parts_of(whole) else "")
    sender = find(whole)
    if sender is None:
        raise _unauthorised("bad_key", "The API key is not known, has expired or was revoked.")
    return sender, in_url


def _presented(meta: Mapping[str, str]) -> tuple[str, bool]:
    """The one key that a request bears, good or not, and whether it stands in the URL."""
    keys = set(_in_headers(meta))
    in_url = _in_url(meta.get("QUERY_STRING", ""))
    keys |= in_url
    if not keys:
        raise _unauthorised("no_key", "An API key is required: Authorization: Bearer KEY, or X-API-Key: KEY.")
    if len(keys) > 1:
        raise _unauthorised("two_keys", "The request carries two different API keys; send one.")
    (whole,) = keys
    return whole, bool(in_url)


def count_malformed(sender: Sender) -> None:
    """Count a body that could not be parsed: it has no events to count."""
    ApiKey.objects.filter(pk=sender.key_id).update(malformed=F("malformed") + 1)


def _in_headers(meta: Mapping[str, str]) -> list[str]:
    """The keys in `Authorization` and `X-API-Key`; an empty Bearer counts as none."""
    keys = [meta.get("HTTP_X_API_KEY", "").strip()]
    scheme, _, credentials = meta.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    credentials = credentials.strip()
    if scheme.lower() == "bearer":
        keys.append(credentials)
    elif scheme.lower() == "basic":
        keys.append(_basic(credentials))
    elif scheme:
        raise _unauthorised("bad_scheme", "Authorization must be Bearer KEY, or Basic with user apikey.")
    return [key for key in keys if key]


def _basic(credentials: str) -> str:
    """The password of HTTP Basic, whose user must be `apikey`."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except ValueError as error:  # not ASCII, not base64, not UTF-8
        raise _unauthorised("bad_basic", "The Basic credentials are not base64 of apikey:KEY.") from error
    if user != "apikey":
        raise _unauthorised(
            "bad_basic", "The user of Basic credentials must be apikey, the password the key."
        )
    return password


def _in_url(query: str) -> set[str]:
    if "key=" not in query:
        return set()
    return {value for name, value in parse_qsl(query) if name == "key" and value}


def _unauthorised(code: str, message: str) -> Refused:
    return Refused(401, code, message, headers=_CHALLENGE)
