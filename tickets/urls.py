"""The desk of the staff, at /desk/."""

from django.urls import path

from tickets.views import acts, composer_lists, files, queue, shell, ticket

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
    path("tickets/<str:number>/composer/", ticket.composer, name="composer"),
    path("tickets/<str:number>/people/", composer_lists.people, name="people"),
    path("tickets/<str:number>/macros/", composer_lists.macros, name="macros"),
    path("tickets/<str:number>/macros/<uuid:pk>/", composer_lists.macro, name="macro"),
    path("tickets/<str:number>/<slug:verb>/", acts.act, name="act"),
    path("messages/<uuid:pk>/undo/", acts.undo, name="undo"),
    path("messages/<uuid:pk>/send-now/", acts.send_at_once, name="send-now"),
    path("messages/<uuid:pk>/release/", acts.release, name="release"),
    path("attachments/<uuid:pk>/", files.download, name="attachment"),
]
