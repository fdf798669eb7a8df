"""Everything under /api/. An app's endpoints are found in its `api_urls`, as its reactions are in `reactions`."""

from importlib.util import find_spec

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from servicedesk.rest.problems import answer


@csrf_exempt
def nowhere(request: HttpRequest) -> HttpResponse:
    """No endpoint has this address; a problem instead of a page, whatever the method."""
    return answer(404, "not_found", _("There is nothing here. Addresses of this API end in a slash."))


doors = [f"{config.name}.api_urls" for config in apps.get_app_configs() if find_spec(f"{config.name}.api_urls")]

urlpatterns = [
    *(path("v1/", include(door)) for door in doors),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerView.as_view(template_name="rest/docs.html"), name="docs"),
    re_path(r"^", nowhere),
]
