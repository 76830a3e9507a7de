"""What Celery runs: charges follow usage, budgets are watched."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from events.ownership.organization import Organization
from reports.cost import warning
from reports.cost.keeping import keep


@shared_task(name="cost.charge", time_limit=3_600)
def charge(*, history: bool = False, **_: Any) -> None:
    """Charge what changed, of each organization. One that somebody else is charging is left to them."""
    now = timezone.now()
    for key in Organization.objects.order_by("pk").values_list("pk", flat=True):
        keep(key, now, history=history, wait=False)


@shared_task(name="cost.budgets", time_limit=600)
def budgets(**_: Any) -> None:
    """Tell leads of budgets that were passed."""
    warning.warn(timezone.now())
