"""Sends the two tables of the key store to the database alias `keystore`, and nothing else there."""

from typing import Any

from django.db import models

KEYSTORE = "keystore"


class KeystoreRouter:
    """For `DATABASE_ROUTERS`."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        return KEYSTORE if model._meta.app_label == KEYSTORE else None

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        return self.db_for_read(model)

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if app_label == KEYSTORE:
            return db == KEYSTORE
        return False if db == KEYSTORE else None
