"""Add the table of ids whose erasure has begun."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0003_export_job'),
        ('ingestion', '0002_handwritten'),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasedId',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('actor', models.TextField(help_text='Whose erasure has begun, as the audit trail calls the actor.')),
                ('column', models.CharField(max_length=10)),
                ('value', models.TextField()),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='events.owner')),
            ],
            options={
                'indexes': [models.Index(fields=['owner', 'actor'], name='erased_id_actor')],
            },
        ),
    ]
