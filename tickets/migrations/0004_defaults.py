"""The default SLA policy: the service standard's own figures, round the clock. It stands behind all others."""

from django.db import migrations

from servicedesk.ids import new_id


def make(apps, schema_editor):
    SlaPolicy = apps.get_model("tickets", "SlaPolicy")
    if SlaPolicy.objects.exists():
        return
    waiting = ["next_response", "resolution"]
    SlaPolicy.objects.create(
        id=new_id(),
        name="Default",
        conditions={},
        targets={"first_response": 600, "next_response": 3600, "resolution": 86_400},
        warn_at_percent=70,
        position=1_000_000,
        active=True,
        pauses={"pending": waiting, "on_hold": waiting},
        escalations=[
            {"metric": "first_response", "offset_seconds": -150, "action": "notify_assignee", "params": {}},
            {"metric": "first_response", "offset_seconds": 0, "action": "notify_manager", "params": {}},
            {"metric": "next_response", "offset_seconds": 0, "action": "notify_assignee", "params": {}},
            {"metric": "resolution", "offset_seconds": -3600, "action": "notify_assignee", "params": {}},
            {"metric": "resolution", "offset_seconds": 0, "action": "notify_manager", "params": {}},
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("tickets", "0003_numbers")]

    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
