"""What Celery runs: charges follow usage, budgets are watched."""

import logging
from typing import Any

from celery import shared_task
from django.utils import timezone

from events.lib.janitors import for_each
from events.ownership.owner import Organization
from reports.cost import budget_mails
from reports.cost.charging.updating import keep

log = logging.getLogger(__name__)


@shared_task(name="cost.charge", time_limit=3_600)
def charge(*, history: bool = False, **_: Any) -> None:
    """Charge what changed, of each organization. One that somebody else is charging is left to them."""
    now = timezone.now()
    for_each(
        Organization.objects.order_by("pk").values_list("pk", flat=True),
        lambda key: keep(key, now, history=history, wait=False),
        log,
        "An organization can't be charged",
    )


@shared_task(name="cost.budgets", time_limit=600)
def budgets(**_: Any) -> None:
    """Tell leads of budgets that were passed."""
    budget_mails.warn(timezone.now())
