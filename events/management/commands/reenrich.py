"""reenrich: recompute columns of stored events after a setting or a rule has changed."""

import sys
from datetime import UTC, datetime
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from events.event import Event
from events.identity import first_id, occurred_ms
from events.store.reenriching import FIELDS, batch


class Command(BaseCommand):
    """Enrich stored events again."""

    help = (
        "Recomputes enriched columns of stored events with the current settings, in short transactions."
        " It can be interrupted and run again. Columns that need the sender's address don't change."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            type=_moment,
            help="Only events that occurred at this time or later: ISO 8601, UTC by default.",
        )
        parser.add_argument("--until", type=_moment, help="Only events that occurred before this time.")
        parser.add_argument(
            "--fields", default=",".join(FIELDS), help=f"Comma-separated list of {', '.join(FIELDS)}."
        )
        parser.add_argument("--after", type=UUID, help="Continue after the event with this ID.")

    def handle(
        self,
        *_: object,
        since: datetime | None,
        until: datetime | None,
        fields: str,
        after: UUID | None,
        **__: object,
    ) -> None:
        names = [name.strip() for name in fields.split(",") if name.strip()]
        unknown = [name for name in names if name not in FIELDS]
        if unknown or not names:
            raise CommandError(f"--fields accepts {', '.join(FIELDS)}, but not {', '.join(unknown)}.")
        start = first_id(since) if since else UUID(int=0)
        # `since` itself is included, so start after the id before it.
        after = max(after or UUID(int=0), UUID(int=max(start.int - 1, 0)))
        end = first_id(until) if until else None
        events = changed = 0
        begun = after
        try:
            with _bar(after, end) as bar:
                while done := batch(after, end, names):
                    bar.update(_seconds(done.last) - bar.n - bar.initial_second)
                    after = done.last
                    events += done.events
                    changed += done.changed
                    bar.set_postfix_str(f"{events:,} events, {changed:,} rows changed")
        except BaseException:
            if after != begun:
                self.stderr.write(f"Not finished: {events:,} events are done. Continue with --after {after}")
            raise
        self.stdout.write(f"{events} events, {changed} rows changed.")


class _Bar(tqdm):  # type: ignore[type-arg]  # generic for the checker only
    """A progress bar along the time of occurrence, in seconds. Events aren't counted in advance."""

    initial_second = 0


def _bar(after: UUID, until: UUID | None) -> _Bar:
    """Return a progress bar from the first pending event to the last."""
    waiting = Event.objects.filter(id__gt=after)
    if until is not None:
        waiting = waiting.filter(id__lt=until)
    first = waiting.order_by("id").values_list("id", flat=True).first()
    last = waiting.order_by("-id").values_list("id", flat=True).first()
    begin, end = (_seconds(first), _seconds(last)) if first and last else (0, 0)
    bar = _Bar(total=max(end - begin, 1), file=sys.stderr, disable=None, bar_format="{l_bar}{bar}|{postfix}")
    bar.initial_second = begin
    return bar


def _seconds(event: UUID) -> int:
    return occurred_ms(event.int) // 1000


def _moment(text: str) -> datetime:
    """Return a date or a time; without a zone, in UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
