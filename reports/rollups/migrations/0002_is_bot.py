from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rollups', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='actives',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='builds',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='buildseries',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='buildtimers',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='contents',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='ends',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text="Whether it is a bot's session."),
        ),
        migrations.AddField(
            model_name='errors',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='errorsaffected',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='events',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='heartbeats',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='logs',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='metrics',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='metricshapes',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='pages',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='questions',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='ratings',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='searches',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='sessions',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text="Whether it is a bot's session."),
        ),
        migrations.AddField(
            model_name='sessionshapes',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text="Whether it is a bot's session."),
        ),
        migrations.AddField(
            model_name='skews',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='uiactions',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
        migrations.AddField(
            model_name='unknownkeys',
            name='is_bot',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a bot sent it.'),
        ),
    ]
