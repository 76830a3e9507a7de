"""Columns of lists that more than one list has."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import mark_safe

from events.words import cut

NOTHING = mark_safe('<span class="tally-none">-</span>')  # what an empty field shows; cards leave it out


def moment(name: str, label: str = "", *, never: str = NOTHING) -> Callable[[Any], str]:
    """A column of the time in the field `name`, to the second, in UTC; `never` where there is none.

    Pages take it too, as a field that is read only.
    """

    @admin.display(description=label or f"{name.replace('_', ' ').capitalize()} (UTC)", ordering=name)
    def column(row: Any) -> str:
        at: datetime | None = getattr(row, name)
        if at is None:
            return never
        at = at.astimezone(UTC)
        return format_html(
            '<time class="tally-nowrap" datetime="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H:%M:%S}"
        )

    column.__name__ = name
    return column


def short(name: str, length: int = 24, *, label: str = "") -> Callable[[Any], str]:
    """A column of a text that may be long: cut in the middle, the whole on hover."""

    @admin.display(description=label or name.replace("_", " ").capitalize())
    def column(row: Any) -> str:
        text: str | None = getattr(row, name)
        if not text:
            return NOTHING
        return format_html('<span class="tally-id" title="{}">{}</span>', text, cut(text, length))

    column.__name__ = name
    return column


def figure(name: str, label: str = "", *, is_bad: bool = False) -> Callable[[Any], str]:
    """A column of counts; `is_bad` where any but none wants attention."""

    @admin.display(description=label or name.replace("_", " ").capitalize())
    def column(row: Any) -> str:
        count: int = getattr(row, name)
        attention = " tally-attention" if is_bad and count else ""
        return format_html('<span class="tally-figure{}">{}</span>', attention, f"{count:,}")

    column.__name__ = name
    return column
