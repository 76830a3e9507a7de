"""Report pages with much stored against little stored: what to ask for, and the sums that they read."""

import sys

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from events.event import Event
from events.ownership.owner import Organization
from reports.cost.charges import Charge
from reports.cost.charging.updating import update_charges
from reports.pages.page import Page
from reports.pages.registry import PAGES
from reports.rollups.models import Events
from telemetry_project.demo import prices

# How each page is asked for: as it opens, a month, and a month by clocks whose days are no days of UTC.
ASKED = {"": "", ", 30 days": "?period=30d", ", 30 days, Berlin": "?period=30d&zone=Europe/Berlin"}


def derive() -> None:
    """Compute rollups and charges of a database that has none: what beat would have made by now."""
    if not Events.objects.exists():
        print("rollups …", file=sys.stderr)
        call_command("rebuild_rollups")
    charge()


def charge() -> None:
    """Compute the charges of a database that has none."""
    if not Charge.objects.exists():
        print("charges …", file=sys.stderr)
        for organization in Organization.objects.all():
            prices.apply(organization)
            update_charges(organization.pk, timezone.now(), history=True)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")


def paths(_: Event) -> dict[str, str]:
    """The pages, by name; those for operators alone aren't among them."""
    return {
        f"{page.name}{label}": f"/reports/{page.name}/{query}"
        for page in PAGES
        if not page.operators_only
        for label, query in _asked(page).items()
    }


def _asked(page: Page) -> dict[str, str]:
    return ASKED if "period" in page.filters else {"": ""}
