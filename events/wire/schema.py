"""What a kind's columns say about its wire form, compiled once at start: validator, row builder, way back.

The event is walked once, key by key. What a column reproduces goes into the column; all else stays in the
remainder at its place, so `give` is: build from columns, lay the remainder over it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from events.wire.columns import MISMATCH, Inexact, Need, Wire

Tree = dict[str, Any]  # wire key -> Leaf, or Tree of the object below


class Leaf(NamedTuple):
    """One wire path and the column that holds it."""

    path: tuple[str, ...]
    column: str
    of_kind: bool  # else of the envelope
    take: Callable[[Wire], Any]
    give: Callable[[Any], Wire]
    need: Need
    lenient_type: Any  # where the field is hard
    held: Any  # what lenient validation holds instead, also where the field is not hard; None: nothing
    strict_type: Any  # None: the reference pipeline doesn't know the field
    within: bool = False  # strict validation requires it where the object around it is there
    unless: str = ""  # a soft field may be missing where this envelope column is filled
    when: str = ""  # … or where this column of the kind is not

    @property
    def dotted(self) -> str:
        """The path as people write it."""
        return ".".join(self.path)


class Warned(NamedTuple):
    """A quality warning: a field that was accepted though it isn't as it should be."""

    path: str
    code: str  # missing, wrong_type


@dataclass(slots=True)
class Taken:
    """A wire event taken apart: columns of the envelope, columns of the kind, what is left, warnings."""

    envelope: dict[str, Any] = field(default_factory=dict)
    kind: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Wire] | None = None
    warnings: list[Warned] = field(default_factory=list)


class Schema:
    """The compiled form of one kind in its dialect."""

    def __init__(self, dialect: str, kind: str, leaves: Iterable[Leaf]) -> None:
        self.dialect = dialect
        self.kind = kind
        self.leaves = tuple(leaves)
        self.tree = _tree(self.leaves)

    def soft(self, hard: frozenset[str] | None = None) -> tuple[Leaf, ...]:
        """The leaves whose absence is warned of: the soft ones, and those that `hard` no longer requires."""
        return tuple(
            leaf
            for leaf in self.leaves
            if leaf.need in (Need.PAGE, Need.PIPELINE)
            or (hard is not None and leaf.need is Need.HARD and leaf.dotted not in hard)
        )

    def take(self, event: Mapping[str, Wire], soft: Iterable[Leaf]) -> Taken:
        """Take a valid event apart. Shares values with `event`; changes nothing in it."""
        taken = Taken()
        taken.extra = _take(event, self.tree, taken, "")
        for leaf in soft:
            columns = taken.kind if leaf.of_kind else taken.envelope
            if columns.get(leaf.column) is None and _expected(leaf, taken):
                taken.warnings.append(Warned(leaf.dotted, "missing"))
        return taken

    def give(self, envelope: Any, kind: Any, extra: Wire) -> dict[str, Wire]:
        """The wire event that `take` took apart, from objects that carry the columns as attributes."""
        event: dict[str, Wire] = {}
        for leaf in self.leaves:
            stored = getattr(kind if leaf.of_kind else envelope, leaf.column)
            value = None if stored is None else leaf.give(stored)
            if value is None:
                continue
            place = event
            for key in leaf.path[:-1]:
                place = place.setdefault(key, {})
            place[leaf.path[-1]] = value
        return lay_over(event, extra) if extra else event


def _tree(leaves: Iterable[Leaf]) -> Tree:
    tree: Tree = {}
    for leaf in leaves:
        place = tree
        for key in leaf.path[:-1]:
            place = place.setdefault(key, {})
        place[leaf.path[-1]] = leaf
    return tree


def _take(found: Mapping[str, Wire], tree: Tree, taken: Taken, prefix: str) -> dict[str, Wire] | None:
    """Fill columns from one object; return what they don't reproduce."""
    rest: dict[str, Wire] | None = None
    for key, value in found.items():
        node = tree.get(key)
        left: Wire = value
        if type(node) is Leaf and value is not None:
            stored = node.take(value)
            columns = taken.kind if node.of_kind else taken.envelope
            if stored is MISMATCH:
                taken.warnings.append(Warned(node.dotted, "wrong_type"))
            elif type(stored) is Inexact:
                columns[node.column] = stored.stored
            else:
                columns[node.column] = stored
                continue
        elif type(node) is dict:
            if type(value) is dict:
                if value:
                    left = _take(value, node, taken, f"{prefix}{key}.")
                    if left is None:
                        continue
            elif value is not None:
                taken.warnings.append(Warned(prefix + key, "wrong_type"))
        if rest is None:
            rest = {}
        rest[key] = left
    return rest


def _expected(leaf: Leaf, taken: Taken) -> bool:
    """Whether a soft field that is not there should be."""
    if leaf.unless and taken.envelope.get(leaf.unless) is not None:
        return False
    if leaf.when and taken.kind.get(leaf.when) is None:
        return False
    return not any(warned.path == leaf.dotted for warned in taken.warnings)


def lay_over(built: dict[str, Wire], rest: Mapping[str, Wire]) -> dict[str, Wire]:
    """Lay the remainder over what the columns gave: objects merge, anything else replaces."""
    for key, value in rest.items():
        below = built.get(key)
        if type(below) is dict and type(value) is dict:
            built[key] = lay_over(below, value)
        else:
            built[key] = value
    return built


def put(extra: dict[str, Wire] | None, path: tuple[str, ...], value: Wire) -> dict[str, Wire]:
    """Put one more value into a remainder, at `path`."""
    whole: dict[str, Wire] = {} if extra is None else extra
    place = whole
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return whole
