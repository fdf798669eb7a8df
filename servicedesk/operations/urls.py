"""The managers' pages, at /manage/: the start, keys, webhooks, and how the desk itself is doing."""

from django.urls import path

from servicedesk.operations import keys, views, webhooks

app_name = "manage"
urlpatterns = [
    path("", views.start, name="start"),
    path("keys/", keys.keys, name="keys"),
    path("keys/<uuid:pk>/revoke/", keys.revoke, name="revoke-key"),
    path("webhooks/", webhooks.endpoints, name="webhooks"),
    path("webhooks/<uuid:pk>/", webhooks.endpoint, name="webhook"),
    path("webhooks/<uuid:pk>/secret/", webhooks.new_secret, name="webhook-secret"),
    path("webhooks/<uuid:pk>/<slug:verb>/", webhooks.act, name="webhook-act"),
    path("webhooks/<uuid:pk>/deliveries/<uuid:delivery>/resend/", webhooks.resend, name="webhook-resend"),
    path("operations/", views.operations, name="operations"),
    path("operations/reactions/<int:pk>/retry/", views.retry_reaction, name="retry-reaction"),
    path("operations/bookings/<int:pk>/retry/", views.retry_booking, name="retry-booking"),
    path("operations/webhooks/<uuid:pk>/retry/", views.retry_webhook, name="retry-webhook"),
    path("operations/mails/<uuid:pk>/retry/", views.retry_mail, name="retry-mail"),
]
