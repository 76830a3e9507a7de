"""The type of any column of any model."""

from typing import Any

from django.db import models

AnyField = models.Field[Any, Any]  # Django's stubs tell fields apart by the types that they take and give
