"""Celery tasks: updating charges and checking budgets."""

import logging

from celery import shared_task
from django.utils import timezone

from events.lib.janitors import for_each
from events.ownership.owner import Organization
from reports.cost import (
    budget_mails,
    month_feed,  # noqa: F401  (registers closed months for webhooks)
)
from reports.cost.charging.updating import update_charges

log = logging.getLogger(__name__)


@shared_task(name="cost.charge", time_limit=3_600)
def charge(*, history: bool = False, **_: object) -> None:
    """Update the charges of each organization. Skip those that another process is updating."""
    now = timezone.now()
    for_each(
        Organization.objects.order_by("pk").values_list("pk", flat=True),
        lambda key: update_charges(key, now, history=history, wait=False),
        log,
        "Charges can't be updated",
    )


@shared_task(name="cost.budgets", time_limit=600)
def budgets(**_: object) -> None:
    """Mail leads whose budgets have passed a threshold."""
    budget_mails.send_budget_warnings(timezone.now())
