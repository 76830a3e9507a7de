"""Celery tasks of the event store."""

import logging
from datetime import datetime

from celery import shared_task
from celery.signals import worker_process_shutdown
from django.utils import timezone

from events import removal
from events.accounts import audit
from events.api import (  # noqa: F401  (register what exports and webhooks contain)
    exported,
    sessions,
)
from events.exports import making
from events.lib import janitors
from events.partitioned.partitions import make_partitions, weeks_ahead
from events.sessions import summarising
from events.sql import readers
from events.store.retention import weeks_before
from events.webhooks.threads import threads

log = logging.getLogger(__name__)
SUMMARISE_SECONDS = 10.0  # then the task ends, so that a stopping worker needn't be killed


@shared_task(name="events.manage_partitions", time_limit=600)
def manage_partitions(**_: object) -> None:
    """Create future partitions."""
    make_partitions(weeks_ahead(timezone.now()))


@shared_task(name="events.summarise", time_limit=3_600)
def summarise(**_: object) -> None:
    """Summarise pending sessions."""
    summarising.summarise_pending(seconds=SUMMARISE_SECONDS)


@shared_task(name="events.clean", time_limit=3_600)
def clean(**_: object) -> None:
    """Remove expired data."""
    janitors.clean_all(timezone.now())


@shared_task(name="events.limit_readers", time_limit=60)
def limit_readers(**_: object) -> None:
    """Cancel the statements of SQL readers that run longer than they may."""
    for role in readers.cancel_overdue(timezone.now()):
        log.warning("Cancelled a statement of an SQL reader", extra={"role": role})


@shared_task(name="events.export", time_limit=3_600)
def export(**_: object) -> None:
    """Make the next export."""
    making.make_next()


@shared_task(name="events.webhooks", time_limit=300)
def webhooks(**_: object) -> None:
    """Post what is new to the webhooks of owners."""
    threads.deliver_due()


@worker_process_shutdown.connect
def finish_webhooks(**_: object) -> None:
    """Finish the webhooks that are being delivered."""
    threads.finish()


@shared_task(name="events.remove_old", time_limit=2 * 3_600)
def remove_old(**_: object) -> None:
    """Remove events beyond their retention, and sessions beyond theirs."""
    now, actor = timezone.now(), audit.Actor("retention")
    before = removal.retained_since(now)
    janitors.for_each(
        weeks_before(before) if before else (),
        lambda week: _remove(week, actor, now),
        log,
        "A week can't be removed",
    )
    removal.remove_old_reports(actor, now)


def _remove(week: datetime, actor: audit.Actor, now: datetime) -> None:
    try:
        removal.remove_week(week, actor, now)
    except removal.Unfinished as waits:
        log.warning("A week keeps its events until the next night: %s", waits)
