"""Request bodies: read and inflated within a limit, and their content type."""

import zlib
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from ingestion.dialects import availity, buildless
from ingestion.dialects.decoding import Refused

_WINDOW = {"gzip": 31, "x-gzip": 31, "deflate": 15}  # zlib's wbits: 16 + 15 expects a gzip header
_RAW = -15  # no header at all, which some clients send as deflate
_PLAIN = ("", "identity")
# A cut JSON text is none, a cut gzip neither; of these a part looks like a whole.
_ENDLESS = {availity.FORM, *buildless.PROTOBUF}
# Bytes that any compressed body may inflate to: 5,000 events of 600 bytes with counters for ids, which are a
# hundredth of that when compressed.
INFLATES_FREELY = 3 * 1024 * 1024
MAX_MEMBERS = 100  # of one body; each costs a copy of what follows it
_CHARSETS = {"", "utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1"}  # all write JSON's syntax the same way


def read(request: HttpRequest) -> bytes:
    """Return the body, inflated. Raises `Refused` with 400, 411, 413 or 415."""
    limit = settings.INGEST_MAX_BODY_BYTES
    encoding = _encoding(request.META)
    chunked = _is_chunked(request.META)
    declared = 0 if chunked else int(request.META.get("CONTENT_LENGTH") or 0)
    if declared > limit:
        raise too_large(limit)
    if chunked and content_type(request.META) in _ENDLESS:
        refuse_chunks(request.META)
    try:
        # Django takes a body without Content-Length for an empty one; the server has unchunked it.
        body: bytes = request.META["wsgi.input"].read(limit + 1) if chunked else request.body
    except (UnreadablePostError, OSError) as error:
        raise _cut_off() from error
    # If the client disconnects, the server returns what has arrived, without an error.
    if len(body) < declared or (chunked and not body):
        raise _cut_off()
    if len(body) > limit:
        raise too_large(limit)
    if encoding in _PLAIN:
        return body
    if encoding not in _WINDOW:
        raise Refused(
            415,
            "unsupported_encoding",
            f"Content-Encoding {encoding!r:.50} is not supported; send gzip, deflate or none.",
        )
    return inflate(body, encoding, limit)


def refuse_chunks(headers: Mapping[str, str]) -> None:
    """Refuse (411) chunks that aren't compressed, for a body of which a part looks like a whole."""
    if _is_chunked(headers) and _encoding(headers) in _PLAIN:
        raise Refused(
            411,
            "length_required",
            "The end of a chunked form or protobuf can't be checked; send Content-Length.",
        )


def _is_chunked(headers: Mapping[str, str]) -> bool:
    return "chunked" in headers.get("HTTP_TRANSFER_ENCODING", "").lower()


def _encoding(headers: Mapping[str, str]) -> str:
    return headers.get("HTTP_CONTENT_ENCODING", "").strip().lower()


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """Inflate all members of a compressed body, stopping at `limit` bytes: a bomb costs no more than that.

    Beyond INFLATES_FREELY it also stops at INGEST_MAX_INFLATE_RATIO times its size: events with random ids
    shrink to a twenty-fifth at most, so what is large and shrinks further is meant to cost.
    """
    ratio = settings.INGEST_MAX_INFLATE_RATIO
    limit = min(limit, max(INFLATES_FREELY, ratio * len(body)))
    window = _RAW if encoding == "deflate" and not _has_zlib_header(body) else _WINDOW[encoding]
    whole = b""
    for _ in range(MAX_MEMBERS):
        if not body:
            return whole
        member = zlib.decompressobj(window)
        try:
            whole += member.decompress(body, limit + 1 - len(whole))
        except zlib.error as error:
            raise Refused(
                400, "bad_compression", f"The body can't be decompressed as {encoding}: {error}."
            ) from error
        if len(whole) > limit:
            raise too_large(limit) if limit == settings.INGEST_MAX_BODY_BYTES else _inflates_too_much(ratio)
        if not member.eof:
            raise Refused(400, "bad_compression", f"The {encoding} body is truncated.")
        body = member.unused_data
    raise Refused(400, "bad_compression", f"The body has more than {MAX_MEMBERS} {encoding} members.")


def _has_zlib_header(body: bytes) -> bool:
    """True if a body begins like RFC 1950 says; what raw deflate begins with never does."""
    return len(body) > 1 and body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2]) % 31 == 0


def too_large(limit: int) -> Refused:
    """Return the refusal of a body over the limit."""
    return Refused(
        413, "too_large", f"The body is larger than {limit:,} bytes after decompression; split it."
    )


def _inflates_too_much(ratio: int) -> Refused:
    return Refused(
        413,
        "too_large",
        f"The body inflates to more than {INFLATES_FREELY:,} bytes and to more than {ratio} times its size;"
        " split it.",
    )


def _cut_off() -> Refused:
    return Refused(400, "unreadable_body", "The body ended before it was complete.")


def content_type(headers: Mapping[str, str]) -> str:
    """Return the media type in lower case, or "". Raises `Refused` (415) for an unknown charset."""
    media, _, parameters = headers.get("CONTENT_TYPE", "").partition(";")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() == "charset" and charset not in _CHARSETS:
            raise Refused(
                415, "unsupported_charset", f"Charset {charset!r:.50} is not supported; send UTF-8."
            )
    return media.strip().lower()
