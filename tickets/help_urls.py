"""The customers' pages, at /help/."""

from django.urls import path

from tickets import help_views as views

app_name = "help"
urlpatterns = [
    path("", views.start, name="start"),
    path("ask/", views.ask, name="ask"),
    path("asked/", views.asked, name="asked"),
    path("follow/<str:token>/", views.follow, name="follow"),
    path("tickets/<str:number>/", views.ticket, name="ticket"),
    path("tickets/<str:number>/files/<uuid:pk>/", views.attachment, name="attachment"),
    path("logo/<slug:code>/", views.logo, name="logo"),
]
