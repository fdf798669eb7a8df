"""What backups leave out, and how a restore makes it again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rebuilder:
    """Makes again, from what is restored, what the backup left out."""

    name: str
    rebuild: Callable[[Tell], None]
    leaves_out: frozenset[str] = frozenset()
    blanks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    before_serving: bool = False


_rebuilders: dict[str, Rebuilder] = {}
# Signed-in browsers and signs of life belong to the running desk; sequences travel in the manifest.
ALWAYS_LEFT_OUT: Final = frozenset(
    {
        "sessions.session",
        "usersessions.usersession",
        "servicedesk.heartbeat",
        "servicedesk.lease",
        "servicedesk.numbersequence",
    }
)


def register_rebuilder(
    name: str,
    *,
    rebuild: Callable[[Tell], None],
    leaves_out: Sequence[str] = (),
    blanks: Mapping[str, Sequence[str]] | None = None,
    before_serving: bool = False,
) -> None:
    """Keep something out of backups and have it made again after a restore.

    `leaves_out`: models ("app.Model") of which no row is written. `blanks`: per model, binary fields in whose place the
    row's own id is written, which is as unique as the value and says nothing. `rebuild(tell)` works in batches, is safe
    to run again, and calls `tell` with lines of progress. `before_serving`: the desk must not be started without it.
    """
    _rebuilders[name] = Rebuilder(
        name=name,
        rebuild=rebuild,
        leaves_out=frozenset(label.lower() for label in leaves_out),
        blanks={label.lower(): frozenset(fields) for label, fields in (blanks or {}).items()},
        before_serving=before_serving,
    )


def rebuilders() -> Iterable[Rebuilder]:
    """What must be there before serving comes first."""
    return sorted(_rebuilders.values(), key=lambda one: (not one.before_serving, one.name))


def left_out() -> frozenset[str]:
    """Lower-case labels of models of which a backup holds no rows."""
    return ALWAYS_LEFT_OUT.union(*(one.leaves_out for one in _rebuilders.values()))


def blanked(label: str) -> frozenset[str]:
    """The fields of this model whose value a backup does not hold."""
    return frozenset().union(*(one.blanks.get(label, frozenset()) for one in _rebuilders.values()))
