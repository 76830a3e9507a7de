"""Schemas of kinds, compiled from their columns once at start: validator, conversion to rows, and back.

The event is traversed once, key by key. Values that a column reproduces go into the column, and all others
stay in the remainder at their path. So `give` builds the event from columns and then merges the remainder
into it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, NamedTuple

from events.wire.checks import Check, example
from events.wire.columns import (
    AS_IT_IS,
    MISMATCH,
    Columns,
    Form,
    Give,
    Inexact,
    Need,
    Stored,
    Take,
    take_identifier,
)
from events.wire.values import Wire


class Leaf(NamedTuple):
    """One wire path and the column that holds it."""

    path: tuple[str, ...]
    column: str
    of_kind: bool  # else of the envelope
    take: Take
    give: Give
    need: Need
    lenient_type: Form  # if the field is hard
    held: Form  # type for lenient validation instead, also if the field isn't hard; None: none
    strict_type: Form  # None: the reference pipeline doesn't know the field
    within: bool = False  # it is only required where the object around it is there
    unless: str = ""  # a soft field may be missing where this envelope column is filled
    when: str = ""  # … or where this column of the kind is not
    check: Check | None = None  # expected value

    @property
    def dotted(self) -> str:
        """Return the path as people write it."""
        return ".".join(self.path)


class Soft(NamedTuple):
    """Leaves that cause a warning if missing, and the object that must exist for it; empty: none."""

    within: tuple[str, ...]
    leaves: tuple[Leaf, ...]


class Warned(NamedTuple):
    """A quality warning: a field that was accepted although its value is wrong."""

    path: str
    code: str  # docs/reference/errors.md lists them
    example: str = ""  # a value that was sent


# A check across several columns of a kind.
Watch = Callable[[Mapping[str, Stored]], Iterable[Warned]]


@dataclass(slots=True)
class Taken:
    """A wire event split into columns of the envelope, columns of the kind, the remainder, and warnings."""

    dialect: str
    envelope: Columns = field(default_factory=dict)
    kind: Columns = field(default_factory=dict)
    extra: dict[str, Wire] | None = None
    warnings: list[Warned] = field(default_factory=list)
    adaptations: list[str] = field(default_factory=list)  # undone when the event is rebuilt


class Schema:
    """The compiled form of one kind in its dialect."""

    def __init__(
        self,
        dialect: str,
        kind: str,
        leaves: Iterable[Leaf],
        root: tuple[str, ...] = (),
        watches: Iterable[Watch] = (),
    ) -> None:
        self.dialect = dialect
        self.root = root  # of the kind's own fields
        self.kind = kind
        self.leaves = tuple(leaves)
        self._tree = _tree(self.leaves)
        self._checks = tuple((leaf.column, leaf, leaf.check) for leaf in self.leaves if leaf.check)
        self._watches = tuple(watches)
        self.named = {leaf.column: leaf for leaf in self.leaves if leaf.column in ("owner", "source")}

    def soft(
        self, hard: frozenset[str] | None = None, unsendable: frozenset[str] = frozenset()
    ) -> tuple[Soft, ...]:
        """Return the leaves whose absence causes a warning: soft ones, and those `hard` doesn't require."""
        soft = [
            leaf
            for leaf in self.leaves
            if leaf.dotted not in unsendable
            and (
                leaf.need in (Need.PAGE, Need.PIPELINE)
                or (hard is not None and leaf.need is Need.HARD and leaf.dotted not in hard)
            )
        ]
        groups = groupby(soft, key=lambda leaf: leaf.path[:-1] if leaf.within else ())
        return tuple(Soft(within, tuple(leaves)) for within, leaves in groups)

    def take(self, event: Mapping[str, Wire], soft: Iterable[Soft]) -> Taken:
        """Split a valid event into columns. Shares values with `event`, and changes nothing in it."""
        envelope: Columns = {}
        kind: Columns = {}
        warnings: list[Warned] = []
        extra = _take(event, self._tree, envelope, kind, warnings)
        taken = Taken(self.dialect, envelope, kind, extra, warnings)
        for within, leaves in soft:
            if within and not _has_object(event, within):
                continue
            for leaf in leaves:
                stored = (kind if leaf.of_kind else envelope).get(leaf.column)
                if stored is None and _expected(leaf, taken):
                    warnings.append(Warned(leaf.dotted, "missing"))
        self._check(taken)
        return taken

    def _check(self, taken: Taken) -> None:
        """Warn of values that are accepted although they are wrong."""
        kind = taken.kind
        for column, leaf, check in self._checks:
            if column not in kind:
                continue
            value = kind[column]
            if check.is_in_other_unit(value):
                taken.warnings.append(Warned(leaf.dotted, "unit", _example(leaf, value, taken)))
            elif check.is_out_of_range(value):
                taken.warnings.append(Warned(leaf.dotted, "out_of_range", _example(leaf, value, taken)))
        for watch in self._watches:
            taken.warnings.extend(watch(kind))

    def give(self, envelope: object, kind: object, extra: Wire) -> dict[str, Wire]:
        """Rebuild the wire event that `take` split, from objects that have the columns as attributes."""
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


# The rule for splitting one key. A plain tuple, because a named one takes twice as long to unpack:
# - the type that is stored unchanged, or descended into if columns are below;
# - the nodes below; True for a column of the kind, False for the envelope's; the column;
# - the conversion of other types; the path for warnings.
_Node = tuple[type | None, "_Tree | None", bool, str, Take, str]
_Tree = dict[str, _Node]
# The nodes below a column that stores values of its type unchanged unless they are empty.
_FILLED: _Tree = {}


def _tree(leaves: Iterable[Leaf], depth: int = 0) -> _Tree:
    groups: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.path[depth], []).append(leaf)
    tree: _Tree = {}
    below: _Tree | None
    for key, (first, *others) in groups.items():
        if len(first.path) > depth + 1:
            below = _tree([first, *others], depth + 1)
            tree[key] = (dict, below, False, "", _no_object, ".".join(first.path[: depth + 1]))
        else:
            assert not others, f"{first.dotted} is the path of more than one column"
            as_it_is = AS_IT_IS.get(first.take)
            below = _FILLED if first.take is take_identifier else None
            tree[key] = (as_it_is, below, first.of_kind, first.column, first.take, first.dotted)
    return tree


def _no_object(_: Wire) -> object:
    """Return the value to store if the schema has an object with columns, but the event doesn't."""
    return MISMATCH


def _take(
    found: Mapping[str, Wire],
    tree: _Tree,
    envelope: Columns,
    kind: Columns,
    warnings: list[Warned],
) -> dict[str, Wire] | None:
    """Fill columns from one object, and return what they don't reproduce.

    Every key of every event passes through here, so it avoids every call that it can.
    """
    rest: dict[str, Wire] | None = None
    for key, value in found.items():
        left: Wire = value
        node = tree.get(key)
        if node is not None:
            as_it_is, below, of_kind, column, take, dotted = node
            if type(value) is as_it_is:
                if below is None:
                    (kind if of_kind else envelope)[column] = value
                    continue
                if value:
                    if below is _FILLED:
                        (kind if of_kind else envelope)[column] = value
                        continue
                    left = _take(left, below, envelope, kind, warnings)
                    if left is None:
                        continue
            elif value is not None:
                stored = take(value)
                if stored is MISMATCH:
                    warnings.append(Warned(dotted, "wrong_type"))
                elif type(stored) is Inexact:
                    (kind if of_kind else envelope)[column] = stored.stored
                else:
                    (kind if of_kind else envelope)[column] = stored
                    continue
        if rest is None:
            rest = {}
        rest[key] = left
    return rest


def _expected(leaf: Leaf, taken: Taken) -> bool:
    """True if a missing soft field should exist, because its object does."""
    if leaf.unless and taken.envelope.get(leaf.unless) is not None:
        return False
    if leaf.when and taken.kind.get(leaf.when) is None:
        return False
    # One warning per field: one with a wrong type isn't missing too.
    return not taken.warnings or leaf.dotted not in [warned.path for warned in taken.warnings]


def _example(leaf: Leaf, stored: Stored, taken: Taken) -> str:
    """Return the value as it was sent, since the column may hold nothing of it."""
    return example(at(taken.extra, leaf.path) if stored is None else leaf.give(stored))


ABSENT: Final = object()


def at(value: Wire, path: Iterable[str]) -> Wire:
    """Return the value at a path of a JSON value, or ABSENT."""
    for key in path:
        if type(value) is not dict or key not in value:
            return ABSENT
        value = value[key]
    return value


def _has_object(event: Wire, path: tuple[str, ...]) -> bool:
    for key in path:
        event = event.get(key) if type(event) is dict else None
    return type(event) is dict


def lay_over(built: dict[str, Wire], rest: Mapping[str, Wire]) -> dict[str, Wire]:
    """Merge the remainder into what the columns gave: objects are merged, anything else is replaced."""
    for key, value in rest.items():
        below = built.get(key)
        if type(below) is dict and type(value) is dict:
            built[key] = lay_over(below, value)
        else:
            built[key] = value
    return built


def put(extra: dict[str, Wire] | None, path: tuple[str, ...], value: Wire) -> dict[str, Wire]:
    """Add another value to a remainder at `path`."""
    whole: dict[str, Wire] = {} if extra is None else extra
    place = whole
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    return whole
