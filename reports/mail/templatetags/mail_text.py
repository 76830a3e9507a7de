"""Template filters of mails: external text as one line, without automatic links."""

from django import template

from reports.mail import text

register = template.Library()


@register.filter
def plain(value: object) -> str:
    """Return one visible line."""
    return text.one_line(str(value))


@register.filter
def unlinked(value: object) -> str:
    """Return one visible line that mail programs don't turn into a link."""
    return text.unlinked(text.one_line(str(value)))


@register.filter
def name(value: object) -> str:
    """Return a name, in any script, for use inside a sentence."""
    return text.unlinked(text.isolated(text.one_line(str(value))))


@register.filter
def unlinked_row(value: object) -> str:
    """Return a row of a plain-text table. Its cells are already single lines, and their spaces stay."""
    return text.unlinked(str(value))
