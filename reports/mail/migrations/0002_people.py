"""Forms say "person"; a mail may also have been written as a file."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mail", "0001_initial"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]

    operations = [
        migrations.AlterField(
            "address",
            "user",
            models.ForeignKey(
                settings.AUTH_USER_MODEL,
                models.CASCADE,
                null=True,
                blank=True,
                related_name="+",
                verbose_name="person",
                help_text="Whose address it is.",
            ),
        ),
        migrations.AlterField(
            "sentmail", "sent_at", models.DateTimeField(null=True, help_text="When it was taken.")
        ),
        migrations.AlterField(
            "sentmail",
            "state",
            models.CharField(
                max_length=10,
                default="claimed",
                choices=[
                    ("claimed", "Waiting: to be sent at its time"),
                    ("sending", "Being handed to the mail server"),
                    ("sent", "Sent: taken by the mail server, or written as a file"),
                    ("failed", "Failed: it will not be tried again"),
                    ("unknown", "Not known whether sent: who sent it ended half-way"),
                    ("skipped", "Not sent: there was nothing to say, or nobody to say it to"),
                ],
            ),
        ),
    ]
