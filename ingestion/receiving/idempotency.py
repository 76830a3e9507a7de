"""`Idempotency-Key`: de-duplication for senders whose messages bear neither an id nor a time.

The first sighting of a key fixes the time of the event, and so its id: a retry makes the same id and is found
to be a duplicate where all duplicates are. Remembered for a window, since a key is no identity for ever.
"""

from datetime import datetime, timedelta
from hashlib import sha256

from django.db import connection, models

from events.lib.janitors import janitor
from events.ownership.owner import Owner
from ingestion.dialects.refusal import Refused

WINDOW = timedelta(days=7)


class IdempotencyKey(models.Model):
    """The first sighting of a key of an owner's sender."""

    owner = models.ForeignKey(
        Owner, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    key_hash = models.BinaryField(max_length=32, help_text="SHA-256 of the key.")
    body_hash = models.BinaryField(max_length=32, help_text="SHA-256 of the body that it came with.")
    first_seen = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "key_hash"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"first seen {self.first_seen}"


# A sighting that is older than the window is forgotten by being written over.
_REMEMBER = """
INSERT INTO ingestion_idempotencykey AS known (owner_id, key_hash, body_hash, first_seen)
VALUES (%(owner)s, %(key)s, %(body)s, %(now)s)
ON CONFLICT (owner_id, key_hash) DO UPDATE SET
    body_hash = CASE WHEN known.first_seen < %(oldest)s THEN excluded.body_hash ELSE known.body_hash END,
    first_seen = CASE WHEN known.first_seen < %(oldest)s THEN excluded.first_seen ELSE known.first_seen END
RETURNING body_hash, first_seen
"""


def first_sighting(owner_id: int, key: str, body: bytes, now: datetime) -> datetime:
    """When the key was first seen, which may be now; call it in the transaction that keeps the request.

    Raises `Refused` (409) where it came with another body then.
    """
    body_hash = sha256(body).digest()
    with connection.cursor() as cursor:
        cursor.execute(
            _REMEMBER,
            {
                "owner": owner_id,
                "key": sha256(key.encode("utf-8", "surrogatepass")).digest(),
                "body": body_hash,
                "now": now,
                "oldest": now - WINDOW,
            },
        )
        known_hash, first_seen = cursor.fetchone()
    if bytes(known_hash) != body_hash:
        raise Refused(
            409,
            "idempotency_key_reused",
            f"This Idempotency-Key came with another body at {first_seen:%Y-%m-%dT%H:%M:%SZ}; use a new key.",
        )
    seen: datetime = first_seen
    return seen


@janitor("idempotency keys")
def forget_old(now: datetime) -> int:
    """Remove what is older than the window; returns how many."""
    removed, _ = IdempotencyKey.objects.filter(first_seen__lt=now - WINDOW).delete()
    return removed
