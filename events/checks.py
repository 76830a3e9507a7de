"""System checks of settings and of the declarations of kinds."""

from collections import Counter
from ipaddress import ip_network

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from events.enrichment import ALL, NAMES
from events.enrichment.emails import CHOICES
from events.kinds import KINDS


@register()
def check_enrichment(**_: object) -> list[CheckMessage]:
    """Check that the settings of enrichment have known values."""
    errors: list[CheckMessage] = [
        Error(
            f"ENRICHMENT names {name!r}, which doesn't exist.",
            hint=f"There are: {', '.join(NAMES)}; {ALL} stands for all of them.",
            id="events.E003",
        )
        for name in settings.ENRICHMENT
        if name not in (*NAMES, ALL)
    ]
    if settings.EMAIL_ADDRESSES not in CHOICES:
        errors.append(
            Error(
                f"EMAIL_ADDRESSES is {settings.EMAIL_ADDRESSES!r}.",
                hint=f"It can be {' or '.join(CHOICES)}.",
                id="events.E004",
            )
        )
    return errors


@register()
def check_retention(**_: object) -> list[CheckMessage]:
    """Check the retention in weeks: reports must be kept at least as long as events."""
    hint = "Set it to a number of weeks, or to 0 to keep everything."
    errors: list[CheckMessage] = [
        Error(f"{name} is {getattr(settings, name)}.", hint=hint, id="events.E005")
        for name in ("RETENTION_WEEKS", "REPORT_RETENTION_WEEKS")
        if getattr(settings, name) < 0
    ]
    events, reports = settings.RETENTION_WEEKS, settings.REPORT_RETENTION_WEEKS
    if not errors and reports and (not events or reports < events):
        errors.append(
            Error(
                f"REPORT_RETENTION_WEEKS is {reports}, which is shorter than events are kept"
                f" (RETENTION_WEEKS is {events}).",
                hint="Set it to 0, to keep all reports, or to at least RETENTION_WEEKS. Leave it out to"
                " remove reports with their events.",
                id="events.E006",
            )
        )
    return errors


@register()
def check_webhooks(**_: object) -> list[CheckMessage]:
    """Check that the networks that webhooks may be posted to are networks."""
    errors: list[CheckMessage] = []
    for network in settings.WEBHOOK_ALLOWED_NETWORKS:
        try:
            ip_network(network)
        except ValueError as error:
            hint = "Write networks as 10.1.0.0/16, separated by commas."
            errors.append(Error(f"WEBHOOK_ALLOWED_NETWORKS: {error}.", hint=hint, id="events.E007"))
    return errors


@register()
def check_kinds(**_: object) -> list[CheckMessage]:
    """Check that each wire path has one column, and each column a help text."""
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
            for column in (*entry.model.columns(), *entry.model.computed())
            if not column.help_text
        ]
    return errors
