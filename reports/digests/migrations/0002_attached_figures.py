from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('digests', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='subscription',
            name='attach_csv',
            field=models.BooleanField(default=False, help_text='Attach the figures as CSV and XLSX.', verbose_name='attach figures'),
        ),
    ]
