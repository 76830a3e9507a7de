"""Counters of a period are found by time alone, for whoever asks about all owners."""

from django.contrib.postgres.indexes import BrinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False  # so that filing goes on meanwhile
    dependencies = [("events", "0007_touched_quarters")]

    operations = [
        AddIndexConcurrently(
            "usagehour",
            BrinIndex(fields=["hour"], name="usage_hour_brin", pages_per_range=16, autosummarize=True),
        ),
    ]
