"""Adds the rejected events that are stored already to the change feed."""

from django.db import migrations

from events.changes.change import What
from events.changes.completing import NUMBER_AS_UUID, missing


class Migration(migrations.Migration):
    dependencies = [("ingestion", "0003_erased_ids"), ("events", "0009_change_feed")]
    operations = [
        migrations.RunSQL(
            missing(What.REJECTED, "ingestion_rejectedevent", NUMBER_AS_UUID), migrations.RunSQL.noop
        )
    ]
