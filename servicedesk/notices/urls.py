"""Notices, at /desk/notices/."""

from django.urls import path

from servicedesk.notices import views

app_name = "notices"
urlpatterns = [
    path("", views.everything, name="list"),
    path("bell/", views.bell, name="bell"),
    path("newest/", views.newest, name="newest"),
    path("read/", views.read, name="read"),
    path("settings/", views.settings, name="settings"),
    path("<uuid:pk>/", views.follow, name="open"),
]
