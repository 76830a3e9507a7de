"""Organization: the tenant. Nothing of one is ever visible to another."""

from django.db import models


class Organization(models.Model):
    """A tenant: the account that is billed, holding owners, sources and keys."""

    slug = models.SlugField(unique=True, help_text="Short name in commands, URLs and event scopes.")
    name = models.CharField(max_length=100, help_text="The name that people see.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
