# Timers get first and last events instead of sets, series their least place. Rollups are made anew by
# rebuild_rollups: until then neither has anything to say of what was folded before.

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0007_touched_quarters'),
        ('rollups', '0001_rollups'),
    ]

    operations = [
        migrations.AddField(
            model_name='buildseries',
            name='least',
            field=models.FloatField(help_text='The least place.', null=True),
        ),
        migrations.DeleteModel(name='BuildTimers'),
        migrations.CreateModel(
            name='BuildTimers',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('grain', models.SmallIntegerField(choices=[(15, 'a quarter of an hour'), (60, 'an hour'), (1440, 'a day')], help_text='Length of the bucket, in minutes.')),
                ('bucket', models.DateTimeField(help_text='Its first moment.')),
                ('version', models.TextField(help_text='Version of the source.')),
                ('country', models.TextField(help_text='Country that the event is placed in.')),
                ('collection', models.TextField(help_text='Named group of events.')),
                ('timer', models.TextField(help_text='Id of the timer, in base64.')),
                ('events', models.BigIntegerField(help_text='How many.')),
                ('first', models.DateTimeField(help_text='When the first occurred.')),
                ('latest', models.DateTimeField(help_text='When the last occurred.')),
                ('owner', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='events.owner')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='events.source')),
            ],
            options={
                'abstract': False,
                'indexes': [models.Index(models.F('owner'), models.F('grain'), models.F('bucket'), name='buildtimers_bucket')],
            },
        ),
    ]
