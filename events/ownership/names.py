"""The rule for names of owners and sources: compared without case and outer blanks, shown as first seen.

The comparison is left to PostgreSQL's `lower()`, which the unique constraints use too.
"""

import unicodedata

from django.core.exceptions import ValidationError

MAX_NAME = 100


def fault_of(name: str) -> str | None:
    """Why `name` can't name an owner or a source, as the end of a sentence; None if it can."""
    bare = name.strip()
    if not 1 <= len(bare) <= MAX_NAME:
        return f"must have 1 to {MAX_NAME} characters, not {len(bare)}"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in bare):
        return "must not contain control characters"
    return None


def validate_name(name: str) -> None:
    """Refuse what `fault_of` finds, for forms and models."""
    if fault := fault_of(name):
        raise ValidationError(f"A name {fault}.")
