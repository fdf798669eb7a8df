"""How much a page takes in, asked before a byte of it is read.

Django reads a form, files and all, to check its token, which is before any view is asked: whoever has no token, no
session and no ticket could have the desk write gigabytes to its disk. So each page has a bound, and pages that take
files from everybody count who comes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from servicedesk.errors import TooLarge, TooMany
from servicedesk.pages.errors import refusal
from servicedesk.pages.limits import must_be_within
from servicedesk.request_bodies import content_length

View = TypeVar("View", bound=Callable[..., Any])
READING: Final = {"GET", "HEAD", "OPTIONS", "TRACE"}
# Generous beside what the doors let through themselves: it also counts what was mistyped.
FORMS_PER_HOUR: Final = 120


def takes_files_from_everybody(view: View) -> View:
    """The outermost decorator of a page that lets strangers send files."""
    view.takes_files_from_everybody = True  # type: ignore[attr-defined]
    return view


class BoundedForms:
    """Stands before the CSRF check. The REST views have bounds of their own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if request.method in READING or request.path.startswith("/api/"):
            return None
        is_open = getattr(view, "takes_files_from_everybody", False)
        try:
            if is_open:
                must_be_within("form", request, per_hour=FORMS_PER_HOUR)
            must_fit(request, takes_files=is_open or request.user.is_authenticated)
        except (TooLarge, TooMany) as error:
            return refusal(request, error)
        return None


def must_fit(request: HttpRequest, *, takes_files: bool) -> None:
    """Raises TooLarge."""
    limit = settings.FORM_MAX_BYTES if takes_files else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if content_length(request) > limit:
        raise TooLarge(
            _("Everything together may have %(n)s MB. Go back: your text is still there. Send the files one by one.")
            % {"n": limit // 1_048_576}
        )
