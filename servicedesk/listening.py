"""Listen: who reacts to which kind of event.

    @on("ticket.opened")
    def route_new_ticket(event: Event) -> None: ...

A plain reaction runs in the same transaction as its claim, exactly once. One with `outside=True` talks to the world: at
least once, outside any transaction, and the event's id with the reaction's name is a key the other side can know it by.
Reactions re-read the present: the event only says what was.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Final

from django.apps import apps

from servicedesk.models import Event

React = Callable[[Event], None]
ReactToAll = Callable[[Sequence[Event]], None]
EVERY_KIND: Final = "*"


@dataclass(frozen=True, slots=True)
class Reaction:
    """A function that listens, the kinds it listens to, and how it wants to be called."""

    name: str
    function: Callable[..., None]
    kinds: frozenset[str]
    outside: bool
    historic: bool
    at_once: bool = False

    def react(self, event: Event) -> None:
        """Call it for one event."""
        self.function([event] if self.at_once else event)

    def listens_to(self, event: Event) -> bool:
        if event.is_historic and not self.historic:
            return False
        return EVERY_KIND in self.kinds or event.kind in self.kinds


REACTIONS: Final[dict[str, Reaction]] = {}


def on(*kinds: str, outside: bool = False, historic: bool = False) -> Callable[[React], React]:
    """Register a reaction to these kinds, or to every kind with `"*"`.

    Imported history is skipped unless `historic=True`: nothing is to happen for what is already over.
    """

    def register(function: React) -> React:
        _register(function, kinds, outside=outside, historic=historic)
        return function

    return register


def on_all(*kinds: str, historic: bool = False) -> Callable[[ReactToAll], ReactToAll]:
    """Register a plain reaction that takes many events at once, in the transaction that gives them their positions.

    For what would cost too much one by one, and only writes rows: the sequencer waits for it. If it fails, its events
    are owed to it singly, like any reaction's.
    """

    def register(function: ReactToAll) -> ReactToAll:
        _register(function, kinds, historic=historic, at_once=True)
        return function

    return register


def _register(
    function: Callable[..., None],
    kinds: tuple[str, ...],
    *,
    historic: bool,
    outside: bool = False,
    at_once: bool = False,
) -> None:
    name = f"{function.__module__}.{function.__name__}"
    REACTIONS[name] = Reaction(name, function, frozenset(kinds), outside, historic, at_once)
    reactions_to.cache_clear()


@cache
def reactions_to(kind: str) -> tuple[Reaction, ...]:
    """Those who listen to this kind."""
    return tuple(r for r in REACTIONS.values() if EVERY_KIND in r.kinds or kind in r.kinds)


def load_listeners() -> None:
    """Import every app's `reactions` and `wakes`, so that what is declared there is known in every process."""
    for config in apps.get_app_configs():
        for room in ("reactions", "wakes"):
            name = f"{config.name}.{room}"
            if find_spec(name) is not None:
                import_module(name)
