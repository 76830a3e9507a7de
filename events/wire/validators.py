"""Validators of kinds: msgspec Structs derived from the leaves of a schema, and their errors in words.

Lenient holds only what both documents require. Strict holds what the reference pipeline's JSON schemas hold:
closed objects, exact types, its own required fields.
"""

import re
from enum import IntEnum
from collections.abc import Callable, Iterable, Mapping
from keyword import iskeyword
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, UnsetType

from events.wire.columns import NUMERIC, Need
from events.wire.schema import Leaf, Schema

MAX_IDENTIFIER = 512  # characters of ids, sessions, actors and devices
Identifier = Annotated[str, Meta(max_length=MAX_IDENTIFIER)]
# Text within the bound, or any other JSON value: a wrong type in a soft field is no reason to reject.
SoftIdentifier = Identifier | int | float | bool | list[Any] | dict[str, Any] | None


class Must(IntEnum):
    """Whether a field must be there."""

    NO = 0
    WITHIN = 1  # where the object around it is
    ALWAYS = 2  # and the object around it with it


class Fault(NamedTuple):
    """Why an event was refused: a stable code, the path of the field, a sentence."""

    code: str
    path: str
    message: str


Rule = Callable[[Mapping[str, Any]], Fault | None]


class Validator:
    """Holds events of one schema to its rules."""

    def __init__(self, struct: type[Any], rules: Iterable[Rule]) -> None:
        self.struct = struct
        self.rules = tuple(rules)

    def fault_of(self, event: Mapping[str, Any]) -> Fault | None:
        """The first fault of a decoded event, or None."""
        try:
            msgspec.convert(event, self.struct)
        except msgspec.ValidationError as error:
            return explain(str(error))
        for rule in self.rules:
            if fault := rule(event):
                return fault
        return None


def lenient(schema: Schema, rules: Iterable[Rule], hard: frozenset[str] | None = None) -> Validator:
    """The validator of hard fields; `hard` (dotted paths) replaces the columns' own notion of hard."""
    fields = []
    for leaf in schema.leaves:
        is_hard = leaf.need is Need.HARD if hard is None else leaf.dotted in hard
        if is_hard:
            fields.append((leaf.path, leaf.held or leaf.lenient_type, Must.ALWAYS))
        elif leaf.held is not None:
            fields.append((leaf.path, leaf.held, Must.NO))
    return Validator(_struct(f"{schema.kind}_lenient", fields, frozenset()), rules)


def strict(schema: Schema, rules: Iterable[Rule], closed: frozenset[str]) -> Validator:
    """The validator of the reference pipeline's rules; `closed` has the dotted paths of closed objects."""
    fields = [
        (leaf.path, leaf.strict_type, _strict_must(leaf))
        for leaf in schema.leaves
        if leaf.strict_type is not None
    ]
    return Validator(_struct(f"{schema.kind}_strict", fields, closed), rules)


def _strict_must(leaf: Leaf) -> Must:
    if leaf.need in (Need.HARD, Need.PIPELINE):
        return Must.ALWAYS
    return Must.WITHIN if leaf.within else Must.NO


Field = tuple[tuple[str, ...], Any, Must]


def _struct(name: str, fields: Iterable[Field], closed: frozenset[str], path: str = "") -> type[Any]:
    """A Struct of (path, type, must) triples, nested where paths are."""
    groups: dict[str, list[Field]] = {}
    for inner, kind, must in fields:
        groups.setdefault(inner[0], []).append((inner[1:], kind, must))
    members: list[Any] = []
    renamed: dict[str, str] = {}
    for index, (key, group) in enumerate(groups.items()):
        attribute = key if key.isidentifier() and not iskeyword(key) else f"field_{index}"
        renamed[attribute] = key
        inner, kind, must = group[0]
        if inner:
            below = f"{path}.{key}".lstrip(".")
            kind = _struct(f"{name}_{attribute}", group, closed, below)
            # An object must be there if something in it must always be.
            must = Must.ALWAYS if any(inner is Must.ALWAYS for _, _, inner in group) else Must.NO
        if must:
            members.append((attribute, kind))
        else:
            members.append((attribute, kind if kind is Any else kind | UnsetType, UNSET))
    members.sort(key=len)  # required members come first
    return msgspec.defstruct(
        name, members, rename=renamed, forbid_unknown_fields=path in closed, gc=False
    )


def _shown(path: str) -> str:
    """Our notation of msgspec's path: `$.edata.item` is `edata.item`, the whole event is ``."""
    return path.removeprefix("$").removeprefix(".")


def _below(path: str, key: str) -> str:
    shown = _shown(path)
    return f"{shown}.{key}" if shown else key


_JSON_NAMES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_JSON_NAMES |= {"array": "a list", "object": "an object", "null": "null"}


def _worded(types: str) -> str:
    """`int | float` in words."""
    names = dict.fromkeys(_JSON_NAMES.get(name.strip(), name.strip()) for name in types.split("|"))
    if {"a whole number", "a number"} <= names.keys():
        names.pop("a whole number")
    return " or ".join(names)


# msgspec's sentences, each with the fault that it is for us. The last one takes whatever else there is.
_SENTENCES: list[tuple[re.Pattern[str], Callable[[re.Match[str], str], Fault]]] = [
    (
        re.compile(r"Object missing required field `(.*?)`"),
        lambda found, path: Fault("missing", _below(path, found[1]), f"{_below(path, found[1])} is required."),
    ),
    (
        re.compile(r"Object contains unknown field `(.*)`"),
        lambda found, path: Fault(
            "unknown_field", _below(path, found[1]), f"{_below(path, found[1])} is not a field of this event."
        ),
    ),
    (
        re.compile(r"Expected `str` of length >= (\d+)"),
        lambda _, path: Fault("empty", _shown(path), f"{_shown(path)} must not be empty."),
    ),
    (
        re.compile(r"Expected `(\w+)` of length (?:<=|>=|==) (\d+)"),
        lambda found, path: Fault(
            "bad_length", _shown(path), f"{_shown(path)} has a length beyond its limit of {found[2]}."
        ),
    ),
    (
        re.compile(re.escape(f"Expected `str` matching regex '{NUMERIC}'")),
        lambda _, path: Fault("wrong_type", _shown(path), f"{_shown(path)} must be a number."),
    ),
    (
        re.compile(r"Expected `str` matching regex (.*)"),
        lambda _, path: Fault("bad_value", _shown(path), f"{_shown(path)} is not written as it must be."),
    ),
    (
        re.compile(r"Expected `(.*?)`, got `(.*?)`"),
        lambda found, path: Fault(
            "wrong_type",
            _shown(path),
            f"{_shown(path) or 'The event'} must be {_worded(found[1])}, not {_worded(found[2])}.",
        ),
    ),
    (re.compile(r"(.*)"), lambda found, path: Fault("bad_value", _shown(path), f"{_shown(path)}: {found[1]}.")),
]


def explain(sentence: str) -> Fault:
    """The fault that a ValidationError of msgspec speaks of."""
    text, _, path = sentence.rpartition(" - at `")
    text, path = (text, path.rstrip("`")) if text else (sentence, "$")
    for pattern, fault in _SENTENCES:
        if found := pattern.match(text):
            return fault(found, path)
    raise AssertionError("the last pattern matches everything")
