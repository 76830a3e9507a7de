"""Skews tell kinds apart, as the filter of reports does. What was folded before has none until it is rebuilt."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("rollups", "0002_series_and_timers")]

    operations = [
        migrations.AddField(
            "skews", "kind", models.TextField(default="", help_text="Kind of event."), preserve_default=False
        ),
    ]
