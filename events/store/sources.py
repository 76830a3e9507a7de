"""Sources at first sight: names become rows, up to a cap per organization."""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection

from events.ownership.source import OVERFLOW, UNKNOWN, Source

Named = tuple[int, str]  # organization id, name as sent


def resolve(names: Sequence[Named]) -> dict[Named, Source]:
    """The source of each (organization, name); an empty name is `(unknown)`, one too many `(overflow)`.

    Of names that differ in case alone the first of `names` is the one that is kept.
    """
    wanted = list(dict.fromkeys((organization, name.strip() or UNKNOWN) for organization, name in names))
    found = _find(wanted)
    missing = [named for named in wanted if named not in found]
    if missing:
        _create(_one_spelling(missing))
        found |= _find(missing)
    overflow = [named for named in missing if named not in found]
    if overflow:
        places = {(organization, OVERFLOW) for organization, _ in overflow}
        _insert(sorted(places))
        rows = _find(sorted(places))
        found |= {(organization, name): rows[organization, OVERFLOW] for organization, name in overflow}
    return {
        (organization, name): found[organization, name.strip() or UNKNOWN] for organization, name in names
    }


def _find(names: list[Named]) -> dict[Named, Source]:
    """Existing sources, compared as the unique constraint compares them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT wanted.organization, wanted.name, source.id, source.name"
            " FROM unnest(%s::bigint[], %s::text[]) AS wanted (organization, name)"
            " JOIN events_source source ON source.organization_id = wanted.organization"
            " AND lower(source.name) = lower(wanted.name)",
            [[organization for organization, _ in names], [name for _, name in names]],
        )
        return {
            (organization, wanted): Source(pk=pk, organization_id=organization, name=name)
            for organization, wanted, pk, name in cursor.fetchall()
        }


def _one_spelling(names: list[Named]) -> list[Named]:
    """The first of each, sorted: two drains that make the same sources must not wait for each other."""
    first: dict[Named, Named] = {}
    for organization, name in names:
        first.setdefault((organization, name.lower()), (organization, name))
    return [first[key] for key in sorted(first)]


def _create(names: list[Named]) -> None:
    """Create sources while the organization has room; the standing ones don't count."""
    for organization in sorted({organization for organization, _ in names}):
        room = settings.MAX_SOURCES - Source.objects.filter(organization_id=organization).count()
        own = [named for named in names if named[0] == organization]
        standing = [named for named in own if named[1] == UNKNOWN]
        _insert(standing + [named for named in own if named[1] != UNKNOWN][: max(room, 0)])


def _insert(names: list[Named]) -> None:
    """Insert what another drain hasn't inserted in the same moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_source (organization_id, name, first_seen)"
            " SELECT *, now() FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            [[organization for organization, _ in names], [name for _, name in names]],
        )
