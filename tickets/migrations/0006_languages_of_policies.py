"""Conditions on a ticket's language in the desk's own codes: `zh-CN` fitted no ticket in `zh-hans`."""

from django.db import migrations

from servicedesk.languages import own_codes


def write_own_codes(apps, schema_editor):
    SlaPolicy = apps.get_model("tickets", "SlaPolicy")
    for policy in SlaPolicy.objects.filter(conditions__has_key="language"):
        meant = own_codes(policy.conditions["language"])
        if meant != policy.conditions["language"]:
            policy.conditions = {**policy.conditions, "language": meant}
            policy.version += 1
            policy.save(update_fields=["conditions", "version"])


class Migration(migrations.Migration):
    dependencies = [("tickets", "0005_attachments_by_path")]

    operations = [migrations.RunPython(write_own_codes, migrations.RunPython.noop)]
