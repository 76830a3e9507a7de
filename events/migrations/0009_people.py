"""Forms say "person", as the menu does."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0008_usage_hours_in_time"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            "apikey",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                models.CASCADE,
                null=True,
                blank=True,
                related_name="api_keys",
                verbose_name="person",
                help_text="Whose personal key it is; none: a key of the organization.",
            ),
        ),
        migrations.AlterField(
            "membership",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships", verbose_name="person"
            ),
        ),
    ]
