"""Storage parameters, which models can't express."""

from django.db import migrations

STORAGE = """
-- A queue: every row is deleted soon. Vacuum by count, not by share.
ALTER TABLE events_touchedsession SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
-- A session that goes on is updated every few seconds, in columns that have no index: leave room for that.
ALTER TABLE events_session SET (fillfactor = 80);
ALTER TABLE events_sessionpage SET (fillfactor = 80);
ALTER TABLE events_sessionenv SET (fillfactor = 80);
ALTER TABLE events_sessioneventcount SET (fillfactor = 80);
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]
    operations = [migrations.RunSQL(STORAGE, migrations.RunSQL.noop)]
