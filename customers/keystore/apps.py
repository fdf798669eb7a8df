from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KeystoreConfig(AppConfig):
    """Customers' keys, in a database of their own (`KEYSTORE_URL`)."""

    name = "customers.keystore"
    label = "keystore"
    verbose_name = _("Key store")
    default_auto_field = "django.db.models.BigAutoField"
