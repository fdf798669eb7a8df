"""Customers and the vault that keeps what is theirs."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from celery.signals import task_postrun, task_prerun

        from customers import keys
        from customers.rebuilding import rebuild_digests
        from servicedesk.backup import register_rebuilder
        from servicedesk.keyring import register_witness

        register_witness(keys.something_is_encrypted)
        # Keyed hashes of phone numbers can be tried one after another by whoever also has the index key.
        register_rebuilder(
            "contacts", blanks={"customers.ContactPoint": ["digest"]}, rebuild=rebuild_digests, before_serving=True
        )
        # A key lives as long as the task that needed it.
        task_prerun.connect(_start_scope, weak=False, dispatch_uid="customers.keys")
        task_postrun.connect(_end_scope, weak=False, dispatch_uid="customers.keys")
        # Migrating or emptying the key store leaves nothing of what was made ahead for it.
        post_migrate.connect(_forget_stock, weak=False, dispatch_uid="customers.keys")


def _start_scope(**_: Any) -> None:
    from customers import keys

    keys.start_scope()


def _end_scope(**_: Any) -> None:
    from customers import keys

    keys.end_scope()


def _forget_stock(*, using: str, **_: Any) -> None:
    from customers import keys
    from customers.keystore.router import KEYSTORE

    if using == KEYSTORE:
        keys.stock.clear()
