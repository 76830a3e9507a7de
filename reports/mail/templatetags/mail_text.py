"""Filters of mails: text that came from elsewhere as one line, and as no link."""

from typing import Any

from django import template

from reports.mail import text

register = template.Library()


@register.filter
def plain(value: Any) -> str:
    """One visible line."""
    return text.one_line(str(value))


@register.filter
def unlinked(value: Any) -> str:
    """One visible line that mail programs make no link of."""
    return text.unlinked(text.one_line(str(value)))


@register.filter
def name(value: Any) -> str:
    """A name inside a sentence, of any script."""
    return text.unlinked(text.isolated(text.one_line(str(value))))


@register.filter
def unlinked_row(value: Any) -> str:
    """A line of a table in plain text: its cells are lines already, and its blanks stay."""
    return text.unlinked(str(value))
