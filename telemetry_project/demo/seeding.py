"""Seeding: sends the demo's posts through acceptance into the inbox, and files them."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.utils import timezone

from events.event import Event
from events.identity import moment
from events.ownership import senders
from events.ownership.api_key import ApiKey, create_key
from events.ownership.senders import Sender
from events.store.usage import UsageHour
from ingestion.dialects import buildless
from ingestion.dialects.decoders import DECODERS
from ingestion.filing.drain import drain_block
from ingestion.receiving import pipeline, request_body
from ingestion.receiving.inbox import InboxRequest
from telemetry_project.demo import home
from telemetry_project.demo.posting import Post

POSTS_AT_ONCE = 250  # events put into the inbox before it is drained
WAIT_SECONDS = 0.1  # between checks of requests being filed by other workers
FILED_AFTER = timedelta(seconds=1)
_KEY_NAME = "Filled in the demo data"


class Counts(NamedTuple):
    """Counts of the demo's events by outcome."""

    stored: int
    duplicates: int
    rejected: int


def send(
    posts: Sequence[Post],
    progress: Callable[[int], object],
    *,
    delivered: Callable[[Sequence[Post]], object] = lambda _: None,
    at_once: int = POSTS_AT_ONCE,
) -> Counts:
    """Send posts as the demo's applications, and file them.

    `progress` is called with the number of events after they are filed. `delivered` is called with the posts,
    in the transaction that puts them into the inbox, so that its records always match what was sent.
    """
    before = counts()
    with _senders() as who:
        for start in range(0, len(posts), at_once):
            some = posts[start : start + at_once]
            # Not committed one by one, unlike HTTP requests, because nobody waits for an answer.
            with transaction.atomic():
                for post in some:
                    _deliver(post, who[post.owner])
                delivered(some)
            _file()
            _filed_as_they_came(some)
            progress(sum(post.events for post in some))
    return Counts(*(after - former for after, former in zip(counts(), before, strict=True)))


def _file() -> None:
    """File what is waiting, together with the workers, until nothing of the demo is left."""
    while drain_block().requests:
        pass
    while InboxRequest.objects.filter(owner__organization__slug=home.SLUG).exists():
        time.sleep(WAIT_SECONDS)
        drain_block()


def _filed_as_they_came(posts: Sequence[Post]) -> None:
    """Set the filing times of past events to a moment after their receipt, for the pipeline page."""
    received = [post.received_ms for post in posts]
    late = Event.objects.filter(
        received_at__gte=moment(min(received)),
        received_at__lte=moment(max(received)),
        owner__organization__slug=home.SLUG,
        owner__name__in=home.CONTACTS,
    )
    late = late.filter(ingested_at__gt=F("received_at") + FILED_AFTER)
    late.update(ingested_at=F("received_at") + FILED_AFTER)


def counts() -> Counts:
    """Return the usage counters of the demo's owners."""
    usage = UsageHour.objects.filter(owner__organization__slug=home.SLUG, owner__name__in=home.CONTACTS)
    return Counts(**usage.aggregate(**{name: Sum(name, default=0) for name in Counts._fields}))


def _deliver(post: Post, sender: Sender) -> None:
    """Pass a post to acceptance, like the view of its dialect."""
    body = post.body
    if post.content_encoding:
        body = request_body.inflate(body, post.content_encoding, settings.INGEST_MAX_BODY_BYTES)
    pipeline.accept(
        sender,
        DECODERS[post.dialect],
        post.encoding,
        body,
        moment(post.received_ms),
        dict(post.context),
        stream_id=buildless.stream_id if post.encoding == "ndjson" else None,
    )


@contextmanager
def _senders() -> Iterator[dict[str, Sender]]:
    """Yield a sender for each owner. Their keys are revoked once the demo's data is loaded."""
    # Keys of a load that was killed.
    ApiKey.objects.filter(organization__slug=home.SLUG, name=_KEY_NAME, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    keys: list[ApiKey] = []
    found: dict[str, Sender] = {}
    try:
        for name, owner in home.establish().items():
            key, text = create_key(owner, name=_KEY_NAME)
            keys.append(key)
            sender = senders.find(text)
            assert sender is not None, "the key was made just now"
            found[name] = sender
        yield found
    finally:
        ApiKey.objects.filter(pk__in=[key.pk for key in keys]).update(revoked_at=timezone.now())
        senders.forget()
