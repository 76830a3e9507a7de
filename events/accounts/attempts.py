"""Log-in attempts: how often somebody failed lately, by hashes of the name and the address."""

from django.db import models


class LoginAttempt(models.Model):
    """Failures of one name, one address, or one name at one address."""

    key = models.CharField(max_length=64, unique=True, help_text="Hash of what is counted.")
    failures = models.PositiveIntegerField(default=0, help_text="Since the last success or long pause.")
    last_at = models.DateTimeField(db_index=True, help_text="When it was tried last.")
    succeeded_at = models.DateTimeField(null=True, help_text="When this name logged in at this address last.")

    def __str__(self) -> str:
        return f"{self.failures} failures of {self.key[:8]}"
