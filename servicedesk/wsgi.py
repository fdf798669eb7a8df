"""The web process: pages and REST, with static files in front of Django.

Static files are served before Django sees the request: ServeStatic's Django middleware is asynchronous, and under WSGI
each request would pay for two changes between threads.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "servicedesk.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from servestatic import ServeStatic

# What ManifestStaticFilesStorage puts into a name: such a file never changes.
_HASHED: Final = re.compile(r"^.+\.[0-9a-f]{12}\..+$")


def _add_headers(headers: Any, path: str, url: str) -> None:
    headers["X-Content-Type-Options"] = "nosniff"


def with_static_files(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The application behind what `collectstatic` has put into STATIC_ROOT."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    served: Callable[..., Iterable[bytes]] = ServeStatic(
        application,
        root=settings.STATIC_ROOT,
        prefix=settings.STATIC_URL.strip("/") + "/",
        max_age=0 if settings.DEBUG else 3600,
        allow_all_origins=False,
        add_headers_function=_add_headers,
        immutable_file_test=_HASHED.pattern,
        autorefresh=settings.DEBUG,
    )
    return served


application = with_static_files(get_wsgi_application())
