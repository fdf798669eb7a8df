"""The desk of the staff, at /desk/."""

from django.urls import path

from tickets.views import acts, files, queue, shell, ticket

app_name = "desk"
urlpatterns = [
    path("", queue.desk, name="queue"),
    path("rows/", queue.rows, name="rows"),
    path("search/", queue.search, name="search"),
    path("panes/", shell.panes, name="panes"),
    path("tour/", shell.end_of_tour, name="end_of_tour"),
    path("pieces/", shell.pieces, name="pieces"),
    path("tickets/<str:number>/", ticket.page, name="ticket"),
    path("tickets/<str:number>/news/", ticket.news, name="news"),
    path("tickets/<str:number>/clocks/<slug:metric>/", ticket.why, name="why"),
    path("tickets/<str:number>/<slug:verb>/", acts.act, name="act"),
    path("messages/<uuid:pk>/undo/", acts.undo, name="undo"),
    path("messages/<uuid:pk>/release/", acts.release, name="release"),
    path("attachments/<uuid:pk>/", files.download, name="attachment"),
]
