"""Django's SQLite backend with a fair queue for writers: `ENGINE = "servicedesk.db.sqlite3"`."""
