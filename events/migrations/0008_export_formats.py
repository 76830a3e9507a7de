from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0007_session_is_bot'),
    ]

    operations = [
        migrations.AlterField(
            model_name='exportjob',
            name='form',
            field=models.TextField(help_text='Format: csv, xlsx or ndjson.'),
        ),
    ]
