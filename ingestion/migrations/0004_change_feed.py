"""Adds the rejected events that are stored already to the change feed."""

from django.db import migrations

from events.feed.change import What
from events.feed.completing import STATEMENTS


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0003_erased_ids"), ("events", "0009_change_feed")]
    operations = [
        migrations.RunSQL("SET LOCAL statement_timeout = 0", migrations.RunSQL.noop),
        migrations.RunSQL(STATEMENTS[What.REJECTED], migrations.RunSQL.noop),
    ]
