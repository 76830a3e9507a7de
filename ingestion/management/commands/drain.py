"""drain: file what waits in the inbox, until it is empty."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from ingestion.claims import Drained
from ingestion.drain import drain_block
from ingestion.inbox import InboxRequest

WAIT_SECONDS = 0.2  # between looks at blocks that other workers hold


class Command(BaseCommand):
    """File what waits."""

    help = "Files what waits in the inbox until it is empty, waiting also for what other workers are filing."

    def handle(self, *_: Any, **__: Any) -> None:
        total = Drained()
        waiting = InboxRequest.objects.count()
        with tqdm(total=waiting, unit=" requests", file=sys.stderr, disable=None) as bar:
            while True:
                block = drain_block()
                total += block
                bar.update(block.requests)
                if not block.requests:
                    if not InboxRequest.objects.exists():
                        break
                    time.sleep(WAIT_SECONDS)
        self.stdout.write(
            f"{total.requests} requests: {total.stored} events stored, {total.duplicates} duplicates,"
            f" {total.rejected} rejected."
        )
