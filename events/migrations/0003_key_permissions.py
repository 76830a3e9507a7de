"""Keys say whether they write and read, and who made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_handwritten"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            "apikey",
            "may_write",
            models.BooleanField(default=True, db_default=True, help_text="May send events."),
        ),
        migrations.AddField(
            "apikey",
            "may_read",
            models.BooleanField(default=False, db_default=False, help_text="May use the read API."),
        ),
        migrations.RunSQL(
            "UPDATE events_apikey SET may_read = true WHERE type = 'secret'", migrations.RunSQL.noop
        ),
        migrations.AlterField(
            "apikey",
            "type",
            models.CharField(
                choices=[
                    ("publishable", "Publishable: may be seen in a browser, so it only writes"),
                    ("secret", "Secret: must stay on servers"),
                ],
                default="publishable",
                max_length=12,
            ),
        ),
        migrations.AddField(
            "apikey",
            "created_by",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                django.db.models.deletion.SET_NULL,
                null=True,
                blank=True,
                editable=False,
                related_name="+",
                help_text="Who made it, or took it over. It is revoked when they leave the owner it files under.",
            ),
        ),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=models.Q(("may_write", True), ("may_read", True), _connector="OR"),
                name="key_may_something",
            ),
        ),
        migrations.AddConstraint(
            "apikey",
            models.CheckConstraint(
                condition=models.Q(("may_read", False), ("type", "secret"), _connector="OR"),
                name="publishable_key_only_writes",
            ),
        ),
    ]
