"""replay_rejected: validate rejected events again, and file those that are accepted now."""

import sys
from collections.abc import Iterator

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Max
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from events.accounts import audit
from events.ownership.owner import Owner
from events.ownership.source import Source
from ingestion.rejected import replaying
from ingestion.rejected.event import RejectedEvent, Selection
from ingestion.rejected.replaying import BLOCK_ROWS, Replayed


class Command(BaseCommand):
    """Replay rejected events."""

    help = "Validates rejected events again with the current rules, and files those that are valid now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", help="Name of the owner, in any case.")
        parser.add_argument("--source", help="Name of the source, in any case.")
        parser.add_argument("--code", help="Code of the reason, such as missing.")
        parser.add_argument("--kind", help="Kind of event.")
        parser.add_argument("--since", help="First received at this time or later: ISO 8601, UTC by default.")
        parser.add_argument("--until", help="First received before this time.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Show what would happen, and change nothing."
        )

    def handle(
        self,
        *_: object,
        owner: str | None,
        source: str | None,
        code: str | None,
        kind: str | None,
        since: str | None,
        until: str | None,
        dry_run: bool,
        **__: object,
    ) -> None:
        selection = Selection(
            owners=_keys(Owner, owner),
            sources=_keys(Source, source),
            code=code,
            kind=kind,
            since=_time(since),
            until=_time(until),
        )
        if dry_run:
            total = _preview_all(selection)
        else:
            words = _words(owner=owner, source=source, code=code, kind=kind, since=since, until=until)
            total = _replay_all(selection, words)
        self.stdout.write(
            f"{total.rows} rejected events{' would be' if dry_run else ''} replayed: {total.stored} stored,"
            f" {total.duplicates} duplicates, {total.rejected} rejected again."
        )


def _words(**options: str | None) -> str:
    """Describe the selection by the options of the command."""
    return ", ".join(f"{name} {value}" for name, value in options.items() if value is not None) or "all"


def _replay_all(selection: Selection, words: str) -> Replayed:
    """Replay the selected events, and record the result even if the command is interrupted."""
    total = Replayed()
    try:
        for ids in _blocks(selection):
            total += replaying.replay(ids, None)
    finally:
        names = ("rows", "stored", "duplicates", "rejected")
        done = {name: getattr(total, name) for name in names}
        audit.record(audit.command("replay_rejected"), "rejected.replayed", words, after=done)
    return total


def _preview_all(selection: Selection) -> Replayed:
    total = Replayed()
    for ids in _blocks(selection):
        total += _preview(ids)
    return total


def _blocks(selection: Selection) -> Iterator[list[int]]:
    """Yield the keys of the selected events block by block, with progress."""
    rows = selection.rows(None)
    last = rows.aggregate(last=Max("pk"))["last"] or 0
    reached = 0
    with tqdm(total=rows.count(), unit=" events", file=sys.stderr, disable=None) as bar:
        while ids := replaying.next_block(selection, None, after=reached, last=last, most=BLOCK_ROWS):
            yield ids
            reached = ids[-1]
            bar.update(len(ids))


def _preview(ids: list[int]) -> Replayed:
    rows = RejectedEvent.objects.filter(pk__in=ids).select_related("owner").order_by("pk")
    return replaying.preview(rows, None)


def _keys(model: type[Owner] | type[Source], name: str | None) -> tuple[int, ...] | None:
    """Return the keys of owners or sources of that name: each organization may have one."""
    if name is None:
        return None
    found = tuple(model._default_manager.filter(name__iexact=name.strip()).values_list("pk", flat=True))
    if not found:
        raise CommandError(f"There is no {model._meta.verbose_name} {name!r}.")
    return found


def _time(text: str | None) -> str | None:
    """Return a time of the command line in ISO 8601 with a zone."""
    if text is None:
        return None
    try:
        moment = parse_datetime(text) or parse_date(text)
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"{text!r} isn't a time. Write it like 2026-11-21 or 2026-11-21T14:00Z.")
    iso = moment.isoformat()
    if "T" not in iso:
        iso += "T00:00:00"
    has_zone = iso[-6] in "+-"
    return iso if has_zone else f"{iso}+00:00"
