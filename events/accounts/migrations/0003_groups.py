"""The groups that roles are seen by; whoever leads an owner already is put into theirs."""

from django.db import migrations

OPERATORS, LEADS = "Platform operator", "Team lead"


def make(apps, _):
    groups = apps.get_model("auth", "Group").objects
    groups.get_or_create(name=OPERATORS)
    leads, _ = groups.get_or_create(name=LEADS)
    memberships = apps.get_model("events", "Membership").objects.filter(role="lead")
    leads.user_set.add(*memberships.values_list("user_id", flat=True).distinct())


def remove(apps, _):
    apps.get_model("auth", "Group").objects.filter(name__in=(OPERATORS, LEADS)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_append_only"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("events", "0001_initial"),
    ]
    operations = [migrations.RunPython(make, remove)]
