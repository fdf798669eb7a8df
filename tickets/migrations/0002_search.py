"""Where search tokens are kept, in each database's own way. The ORM knows nothing of it.

Whoever alters tickets_searchdocument on SQLite later must make the trigger again: Django copies the table and drops
the old one with its triggers.
"""

from django.db import migrations

POSTGRESQL = [
    "ALTER TABLE tickets_searchdocument ADD COLUMN IF NOT EXISTS tokens tsvector",
    # Kept in the row as long as it fits a page: the walk over the newest documents reads every one of them, and keyed
    # hashes cannot be compressed anyway.
    "ALTER TABLE tickets_searchdocument ALTER COLUMN tokens SET STORAGE MAIN",
    "CREATE INDEX IF NOT EXISTS tickets_search_tokens ON tickets_searchdocument USING gin (tokens)",
]
SQLITE = [
    "CREATE VIRTUAL TABLE IF NOT EXISTS tickets_search USING fts5"
    " (tokens, tokenize = 'ascii', detail = none, columnsize = 0)",
    "CREATE TRIGGER IF NOT EXISTS tickets_search_gone AFTER DELETE ON tickets_searchdocument"
    " BEGIN DELETE FROM tickets_search WHERE rowid = old.id; END",
]


def make(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE tickets_searchdocument DROP COLUMN tokens")
    else:
        schema_editor.execute("DROP TRIGGER tickets_search_gone")
        schema_editor.execute("DROP TABLE tickets_search")


class Migration(migrations.Migration):
    dependencies = [("tickets", "0001_initial")]

    operations = [migrations.RunPython(make, drop)]
