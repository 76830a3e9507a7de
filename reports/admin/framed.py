"""Framed: a mail's HTML as a page of its own that may do nothing, for a frame of ours."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

from django.http import HttpResponse

from reports.digests.rendering import shown_html
from reports.mail.letter import Image, Letter

# No script, no form, no origin; styles of its own, pictures that stand in it.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


def answer(html: str) -> HttpResponse:
    """The page."""
    response = HttpResponse(html)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Cache-Control"] = "no-store"
    return response


def letter_in(message: bytes) -> Letter:
    """What a message said, read from the message as it was sent."""
    parsed = message_from_bytes(message, policy=policy.default)
    return Letter(
        subject=str(parsed["Subject"]),
        text=_part(parsed, "plain"),
        html=_part(parsed, "html"),
        images=tuple(
            Image(str(part["Content-ID"]).strip("<>"), cast(bytes, part.get_payload(decode=True)))
            for part in parsed.walk()
            if part.get_content_type() == "image/png"
        ),
    )


def copy_of(message: bytes) -> HttpResponse:
    """A message as it was sent, as a page."""
    return answer(shown_html(letter_in(message)))


def _part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
