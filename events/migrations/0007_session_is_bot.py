from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0006_retention'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether all of its events with a known user agent came from bots.'),
        ),
        migrations.AlterField(
            model_name='event',
            name='is_bot',
            field=models.BooleanField(help_text="Whether the user agent is a bot's. Empty without a user agent.", null=True),
        ),
    ]
