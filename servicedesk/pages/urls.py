"""The way in, and choices."""

from django.urls import path

from servicedesk.pages import views

app_name = "pages"
urlpatterns = [
    path("", views.home, name="home"),
    path("choices/", views.choose, name="choose"),
]
