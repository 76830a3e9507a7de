"""Files of tables: named after page, table and period, and audited like every export."""

from django.http.response import HttpResponseBase

from events.accounts import audit
from events.ownership.owner import Owner
from events.spreadsheets.files import FORMATS, download
from reports.pages.building import Built
from reports.pages.parameters import Parsed
from reports.pages.report import Block


def send(built: Built, block: Block, form: str, actor: audit.Actor) -> HttpResponseBase:
    """Return a table with all its rows as a download."""
    page, parsed = built.page, built.parsed
    filters = {each: ", ".join(values) for each, values in parsed.params.items()}
    about = f"{page.title}, {block.title.lower()}, as {FORMATS[form].title}"
    audit.record(actor, "export.made", about, owner=_owner_of(parsed), after=filters)
    period = built.report.period or parsed.filters.period
    name = f"{page.name}-{block.name}-{period.first:%Y-%m-%d}-{period.last:%Y-%m-%d}"
    return download(block.rows.sheet(block.title), form, name)


def _owner_of(parsed: Parsed) -> Owner | None:
    """Return the only owner in the report, if there is one. Its leads see the audit entry."""
    owners = parsed.filters.owners or ()
    return Owner.objects.filter(pk=owners[0]).first() if len(owners) == 1 else None
