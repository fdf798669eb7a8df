"""State machines: one map of moves on the model, one method that follows it."""

from collections.abc import Mapping
from typing import ClassVar

from django.utils.translation import gettext as _

from servicedesk.errors import InvalidMove


class Stateful:
    """Mixin for models with a `status` column and a `MOVES` map from each state to those it may become."""

    MOVES: ClassVar[Mapping[str, frozenset[str]]]
    status: str

    def can_move_to(self, status: str) -> bool:
        """Whether the map has the move."""
        return status in self.MOVES[self.status]

    def move_to(self, status: str) -> None:
        """Take the move, or raise InvalidMove. The caller saves."""
        if not self.can_move_to(status):
            raise InvalidMove(
                _("From “%(now)s” it cannot become “%(wanted)s”.") % {"now": self.status, "wanted": str(status)}
            )
        self.status = status
