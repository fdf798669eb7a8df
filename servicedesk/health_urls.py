"""Addresses for balancers, supervisors and Prometheus: no session, no redirect, no language."""

from django.urls import path

from servicedesk import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.prometheus, name="metrics"),
]
