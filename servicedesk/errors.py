"""What an action says when it will not act.

Actions raise these; each door turns them into its own kind of answer in one place. A detail says what happened and what
to do about it, and never holds personal data: it is logged and shown on operations pages.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

type_text = str | Promise


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: its name, a machine's word and a person's sentence."""

    field: str
    code: str
    detail: type_text


class DomainError(Exception):
    """The root of every refusal. `status` is the HTTP status a door answers with."""

    status: ClassVar[int] = 400
    code: str = "refused"
    title: ClassVar[type_text] = _("The request was refused")

    def __init__(self, detail: type_text = "", *, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail: type_text = detail or self.title
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return str(self.detail)


class NotAllowed(DomainError):
    """Who asks may see it but may not do it."""

    status = 403
    code = "not_allowed"
    title = _("You may not do this")


class NotFound(DomainError):
    """It does not exist, or who asks may not see it; the two look the same."""

    status = 404
    code = "not_found"
    title = _("Not found")


class Conflict(DomainError):
    """Something else stands in the way right now."""

    status = 409
    code = "conflict"
    title = _("This conflicts with the present state")


class InvalidMove(Conflict):
    """The state it is in has no such move."""

    code = "invalid_move"
    title = _("Not possible in the present state")


class Stale(DomainError):
    """It changed since it was read."""

    status = 412
    code = "stale"
    title = _("It was changed in the meantime")


class TooLarge(DomainError):
    """More bytes than this door takes; nothing was kept."""

    status = 413
    code = "too_large"
    title = _("Too large")


class Invalid(DomainError):
    """The content is understood and wrong; `errors` names the fields."""

    status = 422
    code = "invalid"
    title = _("Some values are not valid")

    def __init__(self, detail: type_text = "", *, errors: Sequence[FieldError] = (), code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.errors = tuple(errors)

    @classmethod
    def field(cls, field: str, code: str, detail: type_text) -> "Invalid":
        """The usual case: one field is wrong."""
        return cls(detail, errors=[FieldError(field, code, detail)])


class TooMany(DomainError):
    """A limit was reached; try again in `retry_after` seconds."""

    status = 429
    code = "too_many"
    title = _("Too many requests")

    def __init__(self, detail: type_text = "", *, retry_after: int = 60, code: str | None = None) -> None:
        super().__init__(detail, code=code)
        self.retry_after = retry_after
