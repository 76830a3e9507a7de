"""Recovery codes: each logs in once where the second factor is lost. Only their hashes are stored."""

import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models, transaction
from django.utils.crypto import salted_hmac

CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that reads as another; 16 of them: 79 bits


class RecoveryCode(models.Model):
    """One code of a person, gone once it is used."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "hash"], name="recovery_code_once")]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


def make(user: User) -> list[str]:
    """New codes, shown this once; the ones before are void."""
    codes = ["-".join(_random(4) for _ in range(4)) for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        RecoveryCode.objects.bulk_create(RecoveryCode(user=user, hash=_hash(code)) for code in codes)
    return codes


def use(user: User, code: str) -> bool:
    """Whether it is a code of the person, who has it no longer."""
    gone, _ = RecoveryCode.objects.filter(user=user, hash=_hash(code)).delete()
    return gone == 1


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _hash(code: str) -> str:
    # Random enough that a slow hash would add nothing.
    return salted_hmac("recovery", code.lower().replace("-", ""), algorithm="sha256").hexdigest()
