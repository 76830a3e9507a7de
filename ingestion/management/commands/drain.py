"""drain: file the requests that are in the inbox."""

import sys
import time

from django.core.management.base import BaseCommand
from django.db.models import Max
from tqdm import tqdm

from ingestion.filing.drain import drain_block
from ingestion.filing.pipeline import Filed
from ingestion.receiving.inbox import InboxRequest

WAIT_SECONDS = 0.2  # between checks of blocks claimed by other workers


class Command(BaseCommand):
    """File the requests in the inbox."""

    help = (
        "Files everything that is in the inbox when it starts, and waits for requests that other workers are"
        " filing. Requests that arrive later don't keep it running."
    )

    def handle(self, *_: object, **__: object) -> None:
        total = Filed()
        last = InboxRequest.objects.aggregate(last=Max("pk"))["last"] or 0
        waiting = InboxRequest.objects.filter(pk__lte=last)
        with tqdm(total=waiting.count(), unit=" requests", file=sys.stderr, disable=None) as bar:
            while waiting.exists():
                block = drain_block()
                total += block
                bar.update(block.requests)
                if not block.requests:
                    time.sleep(WAIT_SECONDS)
        self.stdout.write(
            f"{total.requests} requests: {total.stored} events stored, {total.duplicates} duplicates,"
            f" {total.rejected} rejected."
        )
