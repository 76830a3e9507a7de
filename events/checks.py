"""System checks: a kind that is declared wrongly is named at start, before it does harm."""

from collections import Counter
from typing import Any

from django.core.checks import CheckMessage, Error, register

from events.kinds import KINDS


@register()
def check_kinds(**_: Any) -> list[CheckMessage]:
    """Each wire path has one column, each column says what it means."""
    errors: list[CheckMessage] = []
    for entry in KINDS.values():
        paths = Counter(leaf.dotted for leaf in entry.schema.leaves)
        errors += [
            Error(f"Two columns hold the wire path {path}.", obj=entry.model, id="events.E001")
            for path, count in paths.items()
            if count > 1
        ]
        errors += [
            Error("A column needs a help_text.", obj=column, id="events.E002")
            for column in entry.model.columns()
            if not column.help_text
        ]
    return errors
