"""The languages people speak in the desk's own codes: who spoke `zh-CN` was given no ticket in `zh-hans`."""

from django.db import migrations

from servicedesk.languages import own_codes


def write_own_codes(apps, schema_editor):
    User = apps.get_model("servicedesk", "User")
    for user in User.objects.exclude(speaks=[]):
        meant = own_codes(user.speaks)
        if meant != user.speaks:
            user.speaks = meant
            user.save(update_fields=["speaks"])


class Migration(migrations.Migration):
    dependencies = [("servicedesk", "0002_default_shop")]

    operations = [migrations.RunPython(write_own_codes, migrations.RunPython.noop)]
