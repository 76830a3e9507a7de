"""Exact numbers in responses."""

from typing import Any

from rest_framework import serializers

from reports.cost.numbers import plain


class ExactNumber(serializers.DecimalField):
    """A number with all its digits, as text: JSON's own numbers would lose some."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        """Return all digits."""
        return plain(value)
