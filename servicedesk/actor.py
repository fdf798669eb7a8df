"""Who acts. Every action is told `by` whom, and asks the actor, not the door, what is allowed."""

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from django.utils.translation import gettext_lazy as _

from servicedesk.errors import NotAllowed
from servicedesk.permissions import CUSTOMER_PERMISSIONS, ROLE_PERMISSIONS, permissions_of_scopes

if TYPE_CHECKING:
    from servicedesk.models import ApiKey, User

ActorType = Literal["staff", "customer", "integration", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A member of staff, a customer, an integration or the desk itself.

    `shops` are the shops whose rows the actor sees, None for every shop. `teams` is the actor's own team where it has
    one: private teams are seen by their members and by who may `tickets.oversee`.
    """

    type: ActorType
    id: uuid.UUID | None
    permissions: frozenset[str] = frozenset()
    shops: frozenset[uuid.UUID] | None = None
    team: uuid.UUID | None = None
    language: str = ""

    @classmethod
    def staff(cls, user: "User") -> "Actor":
        """A person of the department, with what their role allows in the shops they work for."""
        return cls(
            type="staff",
            id=user.pk,
            permissions=ROLE_PERMISSIONS[user.role] if user.is_active else frozenset(),
            shops=user.visible_shop_ids(),
            team=user.team_id,
            language=user.language,
        )

    @classmethod
    def integration(cls, key: "ApiKey") -> "Actor":
        """Another system, with what its key's scopes allow in the key's shops."""
        return cls("integration", key.integration_id, permissions_of_scopes(key.scopes), key.visible_shop_ids())

    @classmethod
    def customer(cls, customer_id: uuid.UUID, shop_id: uuid.UUID) -> "Actor":
        """A customer, who sees and does only what is their own."""
        return cls("customer", customer_id, CUSTOMER_PERMISSIONS, frozenset({shop_id}))

    @property
    def is_staff(self) -> bool:
        return self.type == "staff"

    @property
    def is_system(self) -> bool:
        return self.type == "system"

    @property
    def minds_private_teams(self) -> bool:
        """Whether private teams keep their work from this actor, but for their own: from staff who don't oversee."""
        return self.is_staff and not self.may("tickets.oversee")

    @property
    def sees_everything(self) -> bool:
        """Whether no row is kept from this actor."""
        return self.is_system or (self.shops is None and not self.minds_private_teams and self.type != "customer")

    def sees_private(self, team: uuid.UUID | None) -> bool:
        """Whether the work of this private team is this actor's to see; None: it is no private team's."""
        return team is None or team == self.team or not self.minds_private_teams

    def sees(self, row: object) -> bool:
        """Whether the row belongs to a shop of this actor's, and to the customer where the actor is one."""
        if self.is_system:
            return True
        if self.shops is not None and getattr(row, "shop_id", None) not in self.shops:
            return False
        return self.type != "customer" or getattr(row, "customer_id", None) == self.id

    def may(self, permission: str, row: object | None = None) -> bool:
        """Whether the permission is there, for this row where one is given."""
        if self.is_system:
            return True
        return permission in self.permissions and (row is None or self.sees(row))

    def must(self, permission: str, row: object | None = None) -> None:
        """NotAllowed unless `may`."""
        if not self.may(permission, row):
            raise NotAllowed(_("This needs the permission “%(permission)s”.") % {"permission": permission})


SYSTEM: Final = Actor(type="system", id=None)
