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
        _create(_in_order(missing))
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


def _in_order(names: list[Named]) -> list[Named]:
    """Sorted, so that two drains don't wait for each other; the first spelling stays first."""
    return sorted(names, key=lambda named: (named[0], named[1].lower()))


def _create(names: list[Named]) -> None:
    """Create sources while the organization has room; the standing ones don't count."""
    for organization in sorted({organization for organization, _ in names}):
        room = settings.MAX_SOURCES - _made(organization)
        own = [named for named in names if named[0] == organization]
        standing = [named for named in own if named[1] == UNKNOWN]
        _insert(standing + [named for named in own if named[1] != UNKNOWN][: max(room, 0)])


def _made(organization: int) -> int:
    """How many sources of an organization count against the cap: the standing ones don't."""
    own = Source.objects.filter(organization_id=organization)
    return own.exclude(name__in=(UNKNOWN, OVERFLOW)).count()


def _insert(names: list[Named]) -> None:
    """Insert what another drain hasn't inserted in the same moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_source (organization_id, name, first_seen)"
            " SELECT *, now() FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            [[organization for organization, _ in names], [name for _, name in names]],
        )
