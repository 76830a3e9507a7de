"""Secrets and signatures, as Standard Webhooks says (https://www.standardwebhooks.com)."""

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
_BYTES = 32


def new_secret() -> str:
    """Return a new random secret."""
    return PREFIX + b64encode(secrets.token_bytes(_BYTES)).decode()


def new_message_id() -> str:
    """Return the id of a new message. It stays the same each time the message is sent."""
    return f"msg_{secrets.token_hex(16)}"


def headers(message: str, body: bytes, keys: Iterable[str], at: datetime) -> dict[str, str]:
    """Return the headers of a message that was signed at a time, with a signature for each secret."""
    seconds = str(int(at.timestamp()))
    signed = b".".join((message.encode(), seconds.encode(), body))
    return {
        "webhook-id": message,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(secret: str, signed: bytes) -> str:
    return b64encode(hmac.digest(b64decode(secret.removeprefix(PREFIX)), signed, "sha256")).decode()
