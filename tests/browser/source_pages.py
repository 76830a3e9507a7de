"""Pages for screenshots of merged sources, owners near a limit, and data being loaded."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from events.ownership.owner import Organization, Owner
from events.ownership.source import Source
from events.store import sources
from events.store.completeness import Backfill
from ingestion.rejected.event import RejectedSize

LOADED_DAY = datetime(
    2020, 6, 1, tzinfo=UTC
)  # far from other screenshots' data, so that their figures stay complete
CEILING = 1_000_000  # bytes


def pages() -> dict[str, str]:
    """Return the addresses of pages by the names of their screenshots."""
    organization, _ = Organization.objects.get_or_create(
        slug="screenshots-more", defaults={"name": "More pictures"}
    )
    return {**_merged(organization), **_loading(organization), **_ceilings(organization)}


def _merged(organization: Organization) -> dict[str, str]:
    owner, _ = Owner.objects.get_or_create(organization=organization, name="Mergers")
    old, new = (
        Source.objects.get_or_create(organization=organization, name=name, defaults={"owner": owner})[0]
        for name in ("portal-2024", "portal")
    )
    sources.merge_sources([old], new)
    at = "/admin/events/source"
    return {
        "sources-merged": f"{at}/{old.pk}/change/",
        "sources-target": f"{at}/{new.pk}/change/",
        "sources-list": f"{at}/?q=portal",
    }


def _loading(organization: Organization) -> dict[str, str]:
    now = timezone.now()
    load, _ = Backfill.objects.get_or_create(
        organization=organization,
        finished_at=None,
        defaults={
            "name": "demo data",
            "since": LOADED_DAY,
            "until": LOADED_DAY + timedelta(days=1),
            "events_total": 400_000,
            "events_done": 163_000,
            "reached": LOADED_DAY + timedelta(hours=14),
            "started_at": now,
            "updated_at": now,
        },
    )
    Backfill.objects.filter(pk=load.pk).update(started_at=now - timedelta(minutes=3), updated_at=now)
    period = f"from={LOADED_DAY:%Y-%m-%d}&to={LOADED_DAY:%Y-%m-%d}"
    return {"report-overview-loading": f"/reports/overview/?{period}"}


def _ceilings(organization: Organization) -> dict[str, str]:
    """Return the pipeline page, with one owner near its ceiling and one over it."""
    for name, used in (("Near its ceiling", 860_000), ("Over its ceiling", 1_040_000)):
        owner, _ = Owner.objects.get_or_create(organization=organization, name=name)
        owner.max_rejected_bytes = CEILING
        owner.save(update_fields=["max_rejected_bytes"])
        RejectedSize.objects.update_or_create(owner=owner, defaults={"bytes": used})
    return {"report-pipeline-ceilings": "/reports/pipeline/"}
