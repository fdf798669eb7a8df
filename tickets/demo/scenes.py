"""What customers write about: one scene per concern, told in each language by a module of its own."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Lines:
    """A concern in one language. Slots: {name} {order} {product} {carrier} {days} {amount} {size} {city}."""

    subjects: tuple[str, ...]
    asks: tuple[str, ...]
    replies: tuple[str, ...]
    follows: tuple[str, ...]
    solutions: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """How a concern is filed, whatever the language."""

    key: str
    kind: str
    weight: int
    tags: tuple[str, ...] = ()
    has_order: bool = True
    files: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ("normal", "normal", "normal", "low")
    channels: tuple[str, ...] = ("email", "chat", "web", "api", "social", "phone")


@dataclass(frozen=True, slots=True)
class Tongue:
    """Everything one language contributes."""

    code: str
    surnames: tuple[str, ...]
    given: tuple[str, ...]
    products: tuple[str, ...]
    carriers: tuple[str, ...]
    cities: tuple[str, ...]
    thanks: tuple[str, ...]
    nudges: tuple[str, ...]
    lines: dict[str, Lines] = field(default_factory=dict)


SCENES = (
    Scene("parcel", "shipping", 16, ("late-parcel",), priorities=("normal", "normal", "high")),
    Scene("size", "return", 11, ("size", "exchange")),
    Scene("refund", "return", 10, ("refund",), priorities=("normal", "high")),
    Scene("damaged", "complaint", 7, ("damaged",), files=("photo",), priorities=("normal", "high", "urgent")),
    Scene("advice", "inquiry", 10, ("size",), has_order=False, channels=("chat", "chat", "web", "social", "email")),
    Scene("stock", "inquiry", 9, ("restock",), has_order=False, channels=("chat", "chat", "social", "web")),
    Scene("address", "order", 7, ("address",), priorities=("high", "normal")),
    Scene("cancel", "order", 6, ("cancel",), priorities=("normal", "high")),
    Scene("invoice", "other", 6, ("invoice",), files=("form",)),
    Scene("coupon", "order", 5, ("coupon",), has_order=False),
    Scene(
        "attitude", "complaint", 3, ("attitude",), priorities=("high", "urgent"), channels=("email", "phone", "social")
    ),
    Scene("missing", "shipping", 5, ("missing-item",), files=("photo",)),
    Scene("payment", "order", 3, ("payment",), priorities=("high", "normal")),
    Scene("care", "inquiry", 4, (), has_order=False),
)
