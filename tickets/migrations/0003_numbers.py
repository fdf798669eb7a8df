"""Ticket numbers begin at 1001: T-1 looks like a shop that nobody ever wrote to."""

from django.db import migrations

from servicedesk.numbers import make_sequence


class Migration(migrations.Migration):
    dependencies = [("tickets", "0002_search"), ("servicedesk", "0001_initial")]
    operations = [
        migrations.RunPython(lambda apps, schema_editor: make_sequence("ticket", 1001), migrations.RunPython.noop),
    ]
