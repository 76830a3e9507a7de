"""Beside each set a sixteenth of it, which is read where samples are counted.

The tables with sets are written anew: a second for 100 MB, in which whoever asks or folds them waits.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

_BEGIN = (
    "(%(expressions)s)[1:width_bucket("
    "-9223372036854775807 + ((1::bigint << (63 - 4)) - 1) * 2, %(expressions)s)]"
)


class Migration(migrations.Migration):
    dependencies = [("rollups", "0003_kind_of_skew")]

    operations = [
        migrations.AddField(
            model,
            "lowest",
            models.GeneratedField(
                expression=models.Func(models.F("members"), template=_BEGIN),
                output_field=ArrayField(models.BigIntegerField()),
                db_persist=True,
                help_text="The sixteenth of them with the lowest hashes.",
            ),
        )
        for model in ("actives", "errorsaffected")
    ]
