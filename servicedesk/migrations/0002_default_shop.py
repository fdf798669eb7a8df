"""There is always one shop."""

from django.db import migrations

from servicedesk.ids import new_id


def make(apps, schema_editor):
    Shop = apps.get_model("servicedesk", "Shop")
    if not Shop.objects.exists():
        Shop.objects.create(id=new_id(), code="main", name="My shop", is_default=True)


class Migration(migrations.Migration):
    dependencies = [("servicedesk", "0001_initial")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
