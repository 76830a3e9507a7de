"""Sizes of rejected events by owner, kept by triggers."""

import django.db.models.deletion
from django.db import migrations, models

from ingestion.rejected_size import TRIGGERS


class Migration(migrations.Migration):
    dependencies = [("events", "0007_owner_ceilings"), ("ingestion", "0003_inbox_owner")]
    operations = [
        migrations.CreateModel(
            name="RejectedSize",
            fields=[
                (
                    "owner",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="events.owner",
                    ),
                ),
                (
                    "bytes",
                    models.BigIntegerField(
                        help_text="Bodies of its rejected events, and 1 KiB for each event."
                    ),
                ),
            ],
        ),
        migrations.RunSQL(TRIGGERS, migrations.RunSQL.noop),
    ]
