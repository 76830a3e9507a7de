"""Templates: a few thousand events that went the real way in, which a large database is made of copies of.

They stay where they were filed. Beside them, in a schema of the benchmarks' own, stand which events they are,
their rows as they are now (so that columns added later are copied too), and owners for the copies.
"""

from datetime import datetime

from django.db import connection
from django.utils import timezone

from events.kinds import KINDS
from events.ownership import provisioning
from events.ownership.owner import Owner
from events.partitioned.partitions import WEEK, make_partitions, weeks_ahead
from telemetry_project.demo import home, script, seeding
from telemetry_project.demo.rhythm import Period

COUNT = 20_000
DAYS = 70
SEED = 1
OWNERS = 8  # that share the copies of the events of one

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE IF NOT EXISTS bench.template (
    id uuid PRIMARY KEY,
    place int NOT NULL,     -- in the order of time, from 0
    number int NOT NULL,    -- in an order of chance, from 1: a part of them is still a fair sample
    ms bigint NOT NULL,     -- of occurrence
    belongs text NOT NULL,  -- what it moves together with: a session, a device
    owners bigint[]         -- whose the copies are
);
CREATE TABLE IF NOT EXISTS bench.plan (
    id serial PRIMARY KEY,
    copies int4range NOT NULL,
    events bigint NOT NULL,
    slices int NOT NULL
);
CREATE TABLE IF NOT EXISTS bench.done (plan int, slice int, PRIMARY KEY (plan, slice));
"""

_CHOOSE = """
INSERT INTO bench.template (id, place, number, ms, belongs)
SELECT id,
       row_number() OVER (ORDER BY id) - 1,
       row_number() OVER (ORDER BY md5(id::text)),
       (extract(epoch FROM occurred_at) * 1000)::bigint,
       coalesce(session, device, id::text)
FROM events_event
"""


def tables() -> list[str]:
    """The tables that events are copied in, the envelope's first."""
    return ["events_event", *(entry.model._meta.db_table for entry in KINDS.values())]


def prepare(wanted: int) -> None:
    """Send the templates through acceptance and drain where there are none, then lay their rows beside."""
    with connection.cursor() as cursor:
        cursor.execute(_SCHEMA)
    if not count():
        now = timezone.now()
        _make_weeks(now)
        posts = script.posts(SEED, Period.before(now, DAYS), min(COUNT, wanted))
        seeding.send(posts, lambda _: None)
        with connection.cursor() as cursor:
            cursor.execute(_CHOOSE)
    _lay_beside()
    _share()


def count() -> int:
    """How many there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bench.template")
        return int(cursor.fetchone()[0])


def _make_weeks(now: datetime) -> None:
    """Copies begin an hour before the first template, so a week more than it looks."""
    make_partitions([week - n * WEEK for week in weeks_ahead(now) for n in range(DAYS // 7 + 2)])


def _lay_beside() -> None:
    with connection.cursor() as cursor:
        for table in tables():
            cursor.execute(
                f"DROP TABLE IF EXISTS bench.{table};"
                f" CREATE UNLOGGED TABLE bench.{table} AS"
                f" SELECT row.* FROM {table} row JOIN bench.template USING (id);"
                f" ANALYZE bench.{table}"
            )
        cursor.execute("ANALYZE bench.template")


def _share() -> None:
    """Give each owner of templates some more of its kind, who get copies of its events."""
    organization = provisioning.organization(home.SLUG)
    with connection.cursor() as cursor:
        for name in home.CONTACTS:
            owner = Owner.objects.get(organization=organization, name=name)
            others = [provisioning.owner(organization, f"{name} {n}").pk for n in range(2, OWNERS + 1)]
            cursor.execute(
                "UPDATE bench.template SET owners = %s FROM bench.events_event row"
                " WHERE row.id = template.id AND row.owner_id = %s",
                [[owner.pk, *others], owner.pk],
            )
