"""The ground: settings, and the few mechanisms that every room of the house stands on."""

from servicedesk.celery import app as celery_app

__all__ = ["celery_app"]
