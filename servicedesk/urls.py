"""The front doors. The apps are named as strings: the ground imports none of them."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# One way in for everybody: the configuration pages ask for the same login and second factor as the desk.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("servicedesk.pages.urls")),
    path("", include("servicedesk.health_urls")),
    path("accounts/", include("servicedesk.accounts.urls")),
    path("desk/notices/", include("servicedesk.notices.urls")),
    path("desk/", include("tickets.urls")),
    path("manage/", include("servicedesk.operations.urls")),
    path("help/", include("tickets.help_urls")),
    path("api/", include("servicedesk.rest.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "servicedesk.rest.problems.bad_request"
handler403 = "servicedesk.rest.problems.forbidden"
handler404 = "servicedesk.rest.problems.page_not_found"
handler429 = "servicedesk.pages.errors.too_many"  # asked for by allauth
handler500 = "servicedesk.rest.problems.server_error"
